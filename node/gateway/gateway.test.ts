// The gateway through real sockets, on every engine that loads here: both encodings, all ops, limits, and its end.
import { describe, expect, test, vi } from 'vitest';
import { type Failure, failure, type Outcome } from '../../protocol/index.ts';
import { engines, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const RESERVE = { op: 'reserve', sku: 'LAMP', region: 'eu-west', qty: 2, requestId: 'r-1' };
const GET = { op: 'get', sku: 'LAMP', region: 'eu-west' };

function codeOf(outcome: Outcome): string {
  return outcome.ok ? 'OK' : outcome.code;
}

test('given this machine, when engines are looked for, then the one in JavaScript is there and all are told apart', () => {
  expect(engines.at(-1)?.native).toBe(false);
  expect(new Set(engines.map((engine) => engine.name)).size).toBe(engines.length);
  for (const engine of engines) expect(engine.version).toMatch(/^\d+\.\d+\.\d+/);
});

describe.each(engines)('on $name', (engine) => {
  describe.each(['json', 'msgpack'] as const)('in %s', (encoding) => {
    test('given a connection, when it reserves and reads, then both are answered under their ids', async () => {
      const { connect, grid } = await start({ engine });
      const client = await connect({ encoding });
      const reserved = client.askAs(7, RESERVE);
      const read = client.askAs('seven', GET);
      expect(await reserved).toMatchObject({
        ok: true,
        reservationId: '1.1.eu-west/LAMP',
        qty: 2,
        availableToSell: 42,
      });
      expect(await read).toMatchObject({ ok: true, sku: 'LAMP', onHand: 100 });
      expect(grid.submitted).toBe(2);
      expect(client.socket.protocol).toBe(`holdfast.v1.${encoding}`);
    });

    test('given a batch, when one item is bad and one refused, then each stands alone and in its place', async () => {
      const { connect } = await start({ engine });
      const client = await connect({ encoding });
      const items = [
        { id: 'a', ...RESERVE },
        { op: 'get', sku: 'UNKNOWN', region: 'eu-west' },
        { id: 3, op: 'reserve' },
      ];
      const outcome = (await client.ask({ op: 'batch', items })) as unknown as { ok: true; items: Outcome[] };
      expect(outcome.ok).toBe(true);
      expect(outcome.items).toMatchObject([
        { id: 'a', ok: true, qty: 2 },
        { ok: false, code: 'NOT_FOUND' },
        { id: 3, ok: false, code: 'BAD_REQUEST' },
      ]);
      expect(await client.ask({ op: 'batch', items: [] })).toMatchObject({ ok: true, items: [] });
    });

    test('given hello, when it is said, then the server says what it is and what its limits are', async () => {
      const { connect } = await start({ engine });
      const client = await connect({ encoding });
      expect(await client.ask({ op: 'hello', client: 'test/1' })).toMatchObject({
        ok: true,
        server: 'holdfast/test',
        protocol: `holdfast.v1.${encoding}`,
        region: 'eu-west',
        durability: 'memory',
        limits: { frameBytesMax: 1_048_576, batchItemsMax: 1_000 },
        partitions: { count: 128, view: 7 },
      });
    });

    test('given subscriptions, when availability changes, then the latest is pushed until unsubscribed', async () => {
      const { connect, grid } = await start({ engine });
      const client = await connect({ encoding });
      const other = await connect({ encoding: 'json' });
      expect(await client.ask({ op: 'subscribe', skus: ['A', 'B'], region: 'eu-west' })).toMatchObject({
        subscriptions: 2,
      });
      expect(await client.ask({ op: 'subscribe', sku: 'A', region: 'eu-west' })).toMatchObject({ subscriptions: 2 });
      await other.ask({ op: 'subscribe', sku: 'A', region: 'eu-west' });
      await other.push((push) => push.sku === 'A' && push.version.seq === 0);
      expect(grid.watchers.get('A')?.size, 'one watch however many connections').toBe(1);
      grid.publish('A', 5);
      await client.push((push) => push.sku === 'A' && push.version.seq === 5);
      await other.push((push) => push.version.seq === 5);
      expect(await client.ask({ op: 'unsubscribe', sku: 'A', region: 'eu-west' })).toMatchObject({ subscriptions: 1 });
      grid.publish('A', 6);
      grid.publish('B', 7);
      await client.push((push) => push.sku === 'B' && push.version.seq === 7);
      expect(client.pushes.filter((push) => push.sku === 'A').map((push) => push.version.seq)).toEqual([0, 5]);
      other.socket.terminate();
      await other.closed;
      await expect.poll(() => grid.watchers.has('A')).toBe(false);
    });

    test('given thousands in flight, when the release comes, then every one is answered once', async () => {
      const { connect, grid } = await start({ engine });
      grid.mode = 'held';
      const client = await connect({ encoding });
      const replies = Array.from({ length: 8_000 }, () => client.ask(GET));
      await expect.poll(() => grid.submitted).toBe(8_000);
      grid.release();
      expect((await Promise.all(replies)).every((outcome) => outcome.ok)).toBe(true);
    });

    test('given the in-flight cap is reached, when more is asked, then it is refused as OVERLOADED and the rest served', async () => {
      const { connect, grid, metric } = await start({ engine, limits: { inFlightMax: 10 } });
      grid.mode = 'held';
      const client = await connect({ encoding });
      const replies = Array.from({ length: 12 }, () => client.ask(GET));
      expect(await replies[11]).toMatchObject({ ok: false, code: 'OVERLOADED', retriable: true });
      const skus = Array.from({ length: 11 }, (_, i) => `S${i}`);
      expect(await client.ask({ op: 'query', skus }), 'could never fit').toMatchObject({ code: 'TOO_LARGE' });
      grid.release();
      expect((await Promise.all(replies)).filter((outcome) => outcome.ok)).toHaveLength(10);
      grid.mode = 'turn';
      expect(await client.ask(GET)).toMatchObject({ ok: true });
      expect(await metric('holdfast_sheds_total{reason="in_flight"}')).toBe(2);
    });

    test('given an id in flight, when it is used again, then the second is refused and the first answered', async () => {
      const { connect, grid } = await start({ engine });
      grid.mode = 'held';
      const client = await connect({ encoding });
      const first = client.askAs(1, RESERVE);
      await expect.poll(() => grid.submitted).toBe(1);
      const second = client.askAs(1, RESERVE);
      expect(await second).toMatchObject({ ok: false, code: 'BAD_REQUEST' });
      const answer = client.reply(1);
      grid.release();
      expect(await answer).toMatchObject({ ok: true });
      grid.mode = 'turn';
      expect(await client.askAs(1, RESERVE), 'answered, so free again').toMatchObject({ ok: true });
      void first.catch(() => {});
    });
  });

  test('given no subprotocol, when a client connects, then it speaks JSON', async () => {
    const { connect } = await start({ engine });
    const client = await connect({ protocols: [] });
    expect(client.socket.protocol).toBe('');
    expect(await client.ask(GET)).toMatchObject({ ok: true });
  });

  test('given an unknown subprotocol, when a client connects, then it is refused; among known ones it is passed over', async () => {
    const { connect } = await start({ engine });
    await expect(connect({ protocols: ['holdfast.v2.json'] })).rejects.toThrow(/400 .*holdfast\.v1\.msgpack/);
    const client = await connect({
      protocols: ['graphql-ws', 'holdfast.v1.msgpack', 'holdfast.v1.json'],
      encoding: 'msgpack',
    });
    expect(client.socket.protocol).toBe('holdfast.v1.msgpack');
    expect(await client.ask(GET)).toMatchObject({ ok: true });
  });

  test('given a grid that throws, when it is asked, then that request alone fails', async () => {
    const { connect, errors, grid } = await start({ engine });
    const client = await connect();
    const submit = grid.submit.bind(grid);
    grid.submit = (request, respond) => {
      if (request.op === 'reserve') throw new Error('a defect');
      submit(request, respond);
    };
    expect(await client.ask(RESERVE)).toMatchObject({ ok: false, code: 'INTERNAL' });
    expect(await client.ask(GET)).toMatchObject({ ok: true });
    expect(errors).toHaveLength(1);
  });

  test('given a grid whose figures throw, when they are asked for, then the answer is 500 and the port serves on', async () => {
    const { errors, grid, port } = await start({ engine });
    grid.figures = () => {
      throw new Error('a defect');
    };
    for (const path of ['/v1/status', '/healthz', '/v1/status']) {
      const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(status).toBe(path === '/healthz' ? 200 : 500);
    }
    expect(errors).toHaveLength(2);
  });

  test('given memory that is nearly full, when more is subscribed to, then it is refused for now, and what there is goes on', async () => {
    let hasRoom = true;
    const { connect } = await start({ engine, hasRoom: () => hasRoom });
    const client = await connect();
    const subscribe = (skus: string[]) => client.ask({ op: 'subscribe', skus, region: 'eu-west' });
    expect(await subscribe(['A'])).toMatchObject({ ok: true, subscriptions: 1 });
    hasRoom = false;
    expect(await subscribe(['A', 'B'])).toMatchObject({ code: 'OVERLOADED', retriable: true });
    expect(await subscribe(['A'])).toMatchObject({ ok: true, subscriptions: 1 });
    hasRoom = true;
    expect(await subscribe(['B'])).toMatchObject({ ok: true, subscriptions: 2 });
  });

  test('given another region, when it is subscribed to, then it is not found here', async () => {
    const { connect } = await start({ engine });
    const client = await connect();
    expect(codeOf(await client.ask({ op: 'subscribe', sku: 'A', region: 'mars' }))).toBe('NOT_FOUND');
  });

  test('given a sku that is subscribed to here and in another region, then each has its own pushes and its own end', async () => {
    const { connect, grid } = await start({ engine });
    const client = await connect();
    for (const region of ['eu-west', 'us-east']) await client.ask({ op: 'subscribe', sku: 'A', region });
    grid.publish('A', 1);
    grid.publish('A', 2, 'us-east');
    const latest = () => client.pushes.map(({ region, version }) => `${region} ${version.seq}`);
    await vi.waitFor(() => expect(latest()).toEqual(expect.arrayContaining(['eu-west 1', 'us-east 2'])));

    expect(await client.ask({ op: 'unsubscribe', sku: 'A', region: 'eu-west' })).toMatchObject({ subscriptions: 1 });
    grid.publish('A', 3);
    grid.publish('A', 4, 'us-east');
    await vi.waitFor(() => expect(latest()).toContain('us-east 4'));
    expect(latest()).not.toContain('eu-west 3');
    client.socket.terminate();
    await vi.waitFor(() => expect(grid.watchers.size).toBe(0));
  });

  test('given the bound of subscriptions, when it is passed, then none of that request are added', async () => {
    const { connect, grid } = await start({ engine, limits: { subscriptionsMax: 2 } });
    const client = await connect();
    const refused = await client.ask({ op: 'subscribe', skus: ['A', 'B', 'C'], region: 'eu-west' });
    expect(codeOf(refused)).toBe('TOO_LARGE');
    expect(grid.watchers.size).toBe(0);
    expect(await client.ask({ op: 'subscribe', skus: ['A', 'B', 'A'], region: 'eu-west' })).toMatchObject({
      subscriptions: 2,
    });
  });

  test('given the bound of connections, when one more comes, then it is refused and told when to come back', async () => {
    const { connect } = await start({ engine, limits: { connectionsMax: 1 } });
    const client = await connect();
    await expect(connect()).rejects.toThrow(/503 .*OVERLOADED/);
    client.socket.close();
    await client.closed;
    await expect.poll(async () => (await connect().catch(() => undefined)) !== undefined).toBe(true);
  });

  test('given requests in flight, when the gateway closes, then they are answered, new ones refused, and all told goodbye', async () => {
    const { connect, gateway, grid, port } = await start({ engine });
    grid.mode = 'held';
    const client = await connect();
    const before = client.ask(RESERVE);
    await expect.poll(() => grid.submitted).toBe(1);
    const closing = gateway.close({ drainMs: 10_000 });
    const after = (await client.ask(GET)) as Failure;
    expect(after).toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    grid.release();
    expect(await before).toMatchObject({ ok: true });
    expect(await client.closed).toMatchObject({ code: 1001 });
    await closing;
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  test('given a grid that sheds work, when requests come in positional form, then reserves alone are refused unread', async () => {
    const { connect, grid, metric } = await start({ engine });
    const client = await connect({ encoding: 'msgpack' });
    grid.refusal = failure('OVERLOADED', 'more than can be served', 100);
    const [first, second] = await Promise.all([client.askAs(7, RESERVE), client.askAs('eight', RESERVE)]);
    expect([first, second]).toEqual([grid.refusal, grid.refusal]);
    expect(grid.submitted).toBe(0);
    expect(await metric('holdfast_sheds_total{reason="unread"}')).toBe(2);
    expect(grid.unread).toBe(2);
    const commit = { op: 'commit', reservationId: '1.1.eu-west/LAMP', requestId: 'c-1' };
    await client.ask(commit);
    expect(await client.ask(GET)).toMatchObject({ ok: true, sku: 'LAMP' });
    expect(grid.submitted).toBe(2);
    grid.refusal = undefined;
    expect(await client.ask(RESERVE)).toMatchObject({ ok: true, qty: 2 });
    expect(grid.submitted).toBe(3);
  });

  test('given a port that is taken, when a gateway starts there, then it says so', async () => {
    const { port } = await start({ engine });
    await expect(start({ engine, port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `cannot listen on 127.0.0.1:${port}: another process listens there`,
    });
  });

  test('given an address the machine does not have, when a gateway starts there, then it says that', async () => {
    await expect(start({ engine, host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
      message: expect.stringContaining('this machine has no such address'),
    });
  });
});
