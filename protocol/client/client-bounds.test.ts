// What bounds a call in time and the client in space, over a real socket.
import { describe, expect, test } from 'vitest';
import { givenClient, givenServer, inTurn, next, refusalOf, requestIdsOf } from './testing/fixture.ts';
import { behave, HELLO, overloaded, replyTo } from './testing/scripted-server.ts';

const RESERVE = { sku: 'mug', qty: 2 } as const;

describe('time', () => {
  test('given a silent grid, when the timeout passes, then the error says that the outcome is unknown and how to learn it', async () => {
    const server = await givenServer(() => undefined);
    const client = await givenClient(server);

    const error = await refusalOf(client.reserve({ ...RESERVE, requestId: 'r1' }, { timeoutMs: 30 }));

    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', retriable: true, outcome: 'unknown', requestId: 'r1' });
    expect(error.message).toContain('call again with requestId r1');
    expect(client.load).toEqual({ inFlight: 0, queued: 0, subscriptions: 0 });
  });

  test('given an answer after the timeout, then it is ignored and the connection goes on', async () => {
    const late: (() => void)[] = [];
    const server = await givenServer(
      inTurn(
        ({ request, reply }) => late.push(() => reply(replyTo(request, 1))),
        ({ request, reply }) => {
          late[0]?.();
          reply(replyTo(request, 2));
        },
      ),
    );
    const client = await givenClient(server);

    await refusalOf(client.reserve(RESERVE, { timeoutMs: 30 }));
    const reply = await client.reserve(RESERVE);

    expect(reply.version.seq).toBe(2);
    expect(server.connections).toBe(1);
  });

  test('given OVERLOADED with a wait beyond the timeout, then it is thrown at once instead of waiting in vain', async () => {
    const server = await givenServer(({ reply }) => reply(overloaded(60_000)));
    const client = await givenClient(server);

    const error = await refusalOf(client.reserve(RESERVE, { timeoutMs: 5_000 }));

    expect(error).toMatchObject({ code: 'OVERLOADED', retriable: true, retryAfterMs: 60_000, outcome: 'refused' });
  });

  test('given a half-open connection, then its silence is noticed and the call goes out on a new one', async () => {
    const server = await givenServer(inTurn(({ peer }) => peer.freeze(), behave));
    const client = await givenClient(server, { probeMs: 30, pongTimeoutMs: 30 });
    const lost = next(client, 'disconnected');

    const reply = await client.reserve(RESERVE);

    expect(reply.ok).toBe(true);
    expect((await lost).reason).toContain('no sign of life');
    const [first, second] = requestIdsOf(server.received);
    expect([second, server.connections]).toEqual([first, 2]);
  });

  test('given a half-open connection without calls, then the keep-alive notices', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server, { keepAliveMs: 30, pongTimeoutMs: 30 });
    const lost = next(client, 'disconnected');

    server.peers[0]?.freeze();

    expect(await lost).toMatchObject({ willReconnect: true });
  });

  test('given a slow answer from a grid that is alive, then the connection is kept', async () => {
    const server = await givenServer(({ request, reply }) => void setTimeout(() => reply(replyTo(request)), 200));
    const client = await givenClient(server, { probeMs: 20, pongTimeoutMs: 80 });

    await client.reserve(RESERVE);

    expect([server.connections, server.received.length]).toEqual([1, 1]);
  });
});

describe('bounds', () => {
  test('given a limit of calls in flight, then no more are sent at once and all are answered', async () => {
    const held: (() => void)[] = [];
    let most = 0;
    const server = await givenServer(({ request, reply }) => {
      held.push(() => reply(replyTo(request)));
      most = Math.max(most, held.length);
      setImmediate(() => held.shift()?.());
    });
    const client = await givenClient(server, { inFlightMax: 4 });

    const replies = await Promise.all(Array.from({ length: 50 }, () => client.reserve(RESERVE)));

    expect(replies).toHaveLength(50);
    expect(most).toBe(4);
  });

  test('given a lower limit of the grid, then that one counts', async () => {
    let open = 0;
    let most = 0;
    const server = await givenServer(({ request, reply }) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open -= 1;
        reply(replyTo(request));
      });
    });
    server.greeting = () => ({ ...HELLO, limits: { inFlightMax: 2 } });
    const client = await givenClient(server);

    await Promise.all(Array.from({ length: 20 }, () => client.get({ sku: 'mug' })));

    expect(most).toBe(2);
  });

  test('given no connection and a full queue, then a call is refused at once as not sent', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server, { queuedMax: 2 });
    server.accepting = false;
    const lost = next(client, 'disconnected');
    server.peers[0]?.drop();
    await lost;

    const waiting = [client.reserve(RESERVE), client.reserve(RESERVE)];
    const error = await refusalOf(client.reserve(RESERVE));
    server.accepting = true;

    expect(error).toMatchObject({ code: 'OVERLOADED', retriable: true, outcome: 'not-sent' });
    expect(await Promise.all(waiting)).toHaveLength(2);
  });

  test('given a request above the frame limit, then it is refused here and the connection lives', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server);

    const skus = Array.from({ length: 20_000 }, (_, n) => `sku-${n}-${'x'.repeat(50)}`);
    const error = await refusalOf(client.query({ skus }));
    await client.get({ sku: 'mug' });

    expect(error).toMatchObject({ code: 'TOO_LARGE', outcome: 'not-sent' });
    expect(server.connections).toBe(1);
  });

  test('given calls made in one turn, then they leave in one write', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server);
    const before = server.chunks;

    await Promise.all(Array.from({ length: 30 }, () => client.get({ sku: 'mug' })));

    expect(server.chunks - before).toBe(1);
  });
});
