// The client over a real socket, against a server that misbehaves on command (I11 as a caller sees it).
import { describe, expect, test } from 'vitest';
import { failure } from '../errors.ts';
import { givenClient, givenServer, inTurn, next, refusalOf, requestIdsOf } from './testing/fixture.ts';
import { behave, HELLO, overloaded, replyTo } from './testing/scripted-server.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RESERVE = { sku: 'mug', qty: 2 } as const;

describe.each(['msgpack', 'json'] as const)('over %s', (encoding) => {
  test('given a grid that behaves, when reserving, then the typed reply comes and the gaps were filled in', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server, { encoding });

    const reply = await client.reserve(RESERVE);

    expect(reply).toMatchObject({ ok: true, qty: 2, node: 'ams-1', version: { epoch: 1, seq: 1 } });
    const [received] = server.received;
    expect(received?.request).toMatchObject({ op: 'reserve', sku: 'mug', region: 'eu-west', qty: 2, ttlMs: 600_000 });
    expect(requestIdsOf(server.received)[0]).toMatch(UUID_V7);
  });

  test('given a requestId of the caller, then it is used', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server, { encoding });

    await client.reserve({ ...RESERVE, region: 'us-east', requestId: 'mine' });

    expect(server.received[0]?.request).toMatchObject({ requestId: 'mine', region: 'us-east' });
  });

  test('given a machine whose clock is off, then requestIds carry the time of the grid', async () => {
    const server = await givenServer(behave);
    const gridNow = Date.now() + 86_400_000;
    server.greeting = () => ({ ...HELLO, now: gridNow });
    const client = await givenClient(server, { encoding });

    await client.reserve(RESERVE);

    const requestId = requestIdsOf(server.received)[0] ?? '';
    const made = Number.parseInt(requestId.slice(0, 13).replace('-', ''), 16);
    expect(made - gridNow).toBeGreaterThanOrEqual(0);
    expect(made - gridNow).toBeLessThan(60_000);
  });

  test('given a connection cut before the answer, then the same requestId is sent again and the caller sees one result', async () => {
    const server = await givenServer(inTurn(({ peer }) => peer.drop(), behave));
    const client = await givenClient(server, { encoding });

    const reply = await client.reserve(RESERVE);

    expect(reply.ok).toBe(true);
    const [first, second] = requestIdsOf(server.received);
    expect(server.received).toHaveLength(2);
    expect(second).toBe(first);
    expect(server.connections).toBe(2);
  });

  test('given a connection cut right after the answer, then it is not sent again', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server, { encoding });

    const reply = await client.reserve(RESERVE);
    const connected = next(client, 'connected');
    server.peers[0]?.drop();
    await connected;
    await client.get({ sku: 'mug' });

    expect(reply.ok).toBe(true);
    expect(server.received.map(({ request }) => request.op)).toEqual(['reserve', 'get']);
  });

  test('given an answer that comes twice, then the next call does not take it for its own', async () => {
    const server = await givenServer(
      inTurn(
        ({ request, reply }) => {
          reply(replyTo(request, 1));
          reply(replyTo(request, 99));
        },
        ({ request, reply }) => reply(replyTo(request, 2)),
      ),
    );
    const client = await givenClient(server, { encoding });

    const first = await client.reserve(RESERVE);
    const second = await client.reserve(RESERVE);

    expect([first.version.seq, second.version.seq]).toEqual([1, 2]);
  });

  test('given answers out of order, then each call gets its own', async () => {
    const held: (() => void)[] = [];
    const server = await givenServer(({ request, reply }) => {
      held.push(() => reply(replyTo(request)));
      if (held.length === 10) for (const release of held.reverse()) release();
    });
    const client = await givenClient(server, { encoding });

    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => client.reserve({ sku: `s${n}`, qty: n + 1 })),
    );

    expect(replies.map(({ qty }) => qty)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('given a frame of rubbish, then the connection is given up and the call still has one result', async () => {
    const rubbish = encoding === 'json' ? '{"id":1,"ok":' : new Uint8Array([0xc1, 0xff, 0x00]);
    const server = await givenServer(inTurn(({ peer }) => peer.raw(rubbish), behave));
    const client = await givenClient(server, { encoding });
    const trouble = next(client, 'error');

    const reply = await client.reserve(RESERVE);

    expect(reply.ok).toBe(true);
    expect((await trouble).message).toContain('could not be read');
    const [first, second] = requestIdsOf(server.received);
    expect(second).toBe(first);
  });

  test('given OVERLOADED, then it is tried again under the same requestId', async () => {
    const server = await givenServer(
      inTurn(
        ({ reply }) => reply(overloaded(5)),
        ({ reply }) => reply(overloaded()),
        behave,
      ),
    );
    const client = await givenClient(server, { encoding });

    const reply = await client.reserve(RESERVE);

    expect(reply.ok).toBe(true);
    expect(new Set(requestIdsOf(server.received)).size).toBe(1);
    expect(server.received).toHaveLength(3);
    expect(server.connections).toBe(1);
  });

  test('given INSUFFICIENT_STOCK, then it is thrown at once with its message', async () => {
    const message = '2 asked, 1 available to sell';
    const server = await givenServer(({ reply }) => reply(failure('INSUFFICIENT_STOCK', message)));
    const client = await givenClient(server, { encoding });

    const error = await refusalOf(client.reserve({ ...RESERVE, requestId: 'r1' }));

    expect(error).toMatchObject({
      name: 'HoldfastError',
      code: 'INSUFFICIENT_STOCK',
      message,
      retriable: false,
      outcome: 'refused',
      requestId: 'r1',
    });
    expect(server.received).toHaveLength(1);
  });

  test('given RESERVATION_ENDED, then the error tells the state', async () => {
    const ended = { ...failure('RESERVATION_ENDED', 'it has expired'), state: 'EXPIRED' } as const;
    const server = await givenServer(({ reply }) => reply(ended));
    const client = await givenClient(server, { encoding });

    const error = await refusalOf(client.commit({ reservationId: '1.1.eu-west/mug' }));

    expect(error).toMatchObject({ code: 'RESERVATION_ENDED', state: 'EXPIRED' });
  });
});
