// How a client begins and ends, over a real socket.
import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { failure } from '../errors.ts';
import { connect } from './index.ts';
import { FAST, givenClient, givenServer, refusalOf } from './testing/fixture.ts';
import { behave, HELLO, replyTo } from './testing/scripted-server.ts';

const RESERVE = { sku: 'mug', qty: 2 } as const;

describe('ending', () => {
  test('given a call in flight, when the signal aborts, then it ends with ABORTED and the reason', async () => {
    const server = await givenServer(() => controller.abort('changed my mind'));
    const client = await givenClient(server);
    const controller = new AbortController();

    const error = await refusalOf(client.reserve(RESERVE, { signal: controller.signal }));

    expect(error).toMatchObject({ code: 'ABORTED', cause: 'changed my mind', outcome: 'unknown' });
    expect(client.load.inFlight).toBe(0);
  });

  test('given calls that ended, then their signal keeps nothing of them', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server);
    const { signal } = new AbortController();

    await Promise.all(Array.from({ length: 5 }, () => client.get({ sku: 'mug' }, { signal })));

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('given an aborted signal, then nothing is sent', async () => {
    const server = await givenServer(behave);
    const client = await givenClient(server);

    const error = await refusalOf(client.reserve(RESERVE, { signal: AbortSignal.abort() }));

    expect(error).toMatchObject({ code: 'ABORTED', outcome: 'not-sent' });
    expect(server.received).toHaveLength(0);
  });

  test('given calls that get no answer, when the client closes, then they end with CLOSED and later ones too', async () => {
    const server = await givenServer(() => undefined);
    const client = await givenClient(server);
    const ends = [refusalOf(client.reserve(RESERVE)), refusalOf(client.reserve(RESERVE))];

    await client.close({ drainMs: 20 });

    expect((await Promise.all(ends)).map(({ code, outcome }) => [code, outcome])).toEqual([
      ['CLOSED', 'unknown'],
      ['CLOSED', 'unknown'],
    ]);
    expect(await refusalOf(client.get({ sku: 'mug' }))).toMatchObject({ code: 'CLOSED', outcome: 'not-sent' });
    expect(client.connected).toBe(false);
  });

  test('given an answer under way, when the client closes, then it waits for it', async () => {
    const server = await givenServer(({ request, reply }) => void setTimeout(() => reply(replyTo(request)), 30));
    const client = await givenClient(server);

    const call = client.reserve(RESERVE);
    await client.close();

    expect((await call).ok).toBe(true);
  });
});

describe('connecting', () => {
  test('given nobody there, when the timeout passes, then connect says what it tried', async () => {
    const server = await givenServer(behave);
    await server.close();

    const error = await refusalOf(connect({ ...FAST, url: server.url, timeoutMs: 100 }));

    expect(error).toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    expect(error.message).toMatch(/ECONNREFUSED.*is it running/);
  });

  test('given a grid that starts a moment later, then connect waits for it', async () => {
    const server = await givenServer(behave);
    const { port, url } = server;
    await server.close();

    const connecting = connect({ ...FAST, url });
    await givenServer(behave, port);
    const client = await connecting;

    expect((await client.get({ sku: 'mug' })).ok).toBe(true);
    await client.close();
  });

  test('given several urls of which one is dead, then the other serves', async () => {
    const dead = await givenServer(behave);
    await dead.close();
    const server = await givenServer(behave);

    const clients = await Promise.all(
      Array.from({ length: 4 }, () => connect({ ...FAST, urls: [dead.url, server.url] })),
    );

    expect(clients.every((client) => client.connected)).toBe(true);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('given a token, then Node sends it with the upgrade and nowhere else', async () => {
    const server = await givenServer(behave);

    await givenClient(server, { token: async () => 'secret' });

    expect(server.upgrades).toEqual([{ authorization: 'Bearer secret', protocols: 'holdfast.v1.msgpack' }]);
    expect(server.hellos).toEqual([{ token: undefined }]);
  });

  test('given a token that hello refuses, then connect fails at once with that code', async () => {
    const server = await givenServer(behave);
    server.greeting = () => failure('UNAUTHENTICATED', 'the token has expired; get a new one');

    const error = await refusalOf(connect({ ...FAST, url: server.url, token: 'old' }));

    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', retriable: false });
    expect(error.message).toContain('the token has expired; get a new one');
    expect(server.connections).toBe(1);
  });

  test.each([
    [401, 'UNAUTHENTICATED'],
    [403, 'FORBIDDEN'],
  ])(
    'given an upgrade answered with %i, then connect fails at once with %s and what the grid said',
    async (status, code) => {
      const http = createServer();
      http.on('upgrade', (_request, socket) => {
        const body = JSON.stringify({ ok: false, code, message: 'get a token' });
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      const { port } = http.address() as AddressInfo;

      const error = await refusalOf(connect({ ...FAST, url: `ws://127.0.0.1:${port}` }));
      http.close();

      expect(error.code).toBe(code);
      expect(error.message).toContain('get a token');
    },
  );

  test('given a grid that is not ready yet, then connect tries again', async () => {
    const server = await givenServer(behave);
    const greetings = [failure('UNAVAILABLE', 'recovering', 1), failure('OVERLOADED', 'busy'), HELLO];
    server.greeting = () => (greetings.length > 1 ? greetings.shift() : HELLO) ?? HELLO;

    const client = await givenClient(server);

    expect(client.region).toBe('eu-west');
    expect(server.connections).toBe(3);
  });

  test.each([
    [{}, 'needs a url'],
    [{ url: 'nonsense' }, 'is not a url'],
    [{ url: 'ftp://grid' }, 'not ftp://'],
    [{ url: 'ws://user:secret@grid' }, 'pass them as token'],
    [{ url: 'ws://grid?token=secret' }, 'pass them as token'],
    [{ url: 'ws://grid', timeoutMs: 0 }, 'timeoutMs is a whole number from 1'],
    [{ url: 'ws://grid', inFlightMax: 1e9 }, 'inFlightMax'],
  ])('given the options %j, then connect says %s', async (options, why) => {
    expect(await refusalOf(connect(options))).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining(why),
    });
  });
});
