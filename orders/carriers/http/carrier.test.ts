// The HTTP carrier: as any other carrier over a simulated one, and against servers that misbehave.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CarrierError } from '../errors.ts';
import { createSimulatedCarrier } from '../simulated/carrier.ts';
import { wallClock } from '../simulated/clock.ts';
import { serveCarrier } from '../simulated/server.ts';
import { carrierConformance } from '../testing/conformance.ts';
import { bookOf, CHICAGO, calm, NEWARK } from '../testing/profiles.ts';
import { createHttpCarrier, type HttpCarrierOptions } from './carrier.ts';
import { TAKEN_BACK_UNTIL_OPEN } from './limits.ts';
import { WebhookReceiver } from './webhooks.ts';

const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
const NOW = Date.parse('2026-11-23T00:00:00Z');

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an HTTP carrier over a simulated one', () => {
  carrierConformance(async (changes) => {
    const clock = wallClock({ speed: 2_000_000, epoch: NOW });
    const receiver = new WebhookReceiver([SECRET]);
    const webhooks = await listen((request, response) => void receiver.handle(request, response));
    const simulated = createSimulatedCarrier({ profile: calm(changes), clock, seed: 1 });
    const webhook = { url: webhooks, secrets: [SECRET] };
    const server = await serveCarrier({ carrier: simulated, port: 0, token: 'secret', webhook });
    const carrier = createHttpCarrier({
      carrier: 'acme',
      url: server.url,
      token: 'secret',
      webhooks: receiver,
      perSecond: 1_000,
      burst: 1_000,
      attempts: 1,
    });
    return {
      carrier,
      clock,
      end: async () => {
        await carrier.close();
        await server.close();
      },
    };
  });
});

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const RATES: Answer = (response) => {
  response.writeHead(200).end('[]');
};
const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (response) => {
    response.writeHead(code, headers).end(body);
  };
const reset: Answer = (_, request) => {
  request.socket.resetAndDestroy();
};
const silence: Answer = () => undefined;

/** Answers as it is told, one after the other, the last for ever. */
async function against(answers: readonly Answer[], options: Partial<HttpCarrierOptions> = {}) {
  const keys: string[] = [];
  const url = await listen((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    request.resume();
    request.once('end', () => (answers[keys.length - 1] ?? answers.at(-1))?.(response, request));
  });
  const carrier = createHttpCarrier({ carrier: 'acme', url, backoffMs: 1, perSecond: 1_000, burst: 1_000, ...options });
  const rate = (signal?: AbortSignal) =>
    carrier
      .rate(
        { from: NEWARK, to: CHICAGO, grams: 1, readyAt: 0 },
        { idempotencyKey: 'k', ...(signal === undefined ? {} : { signal }) },
      )
      .then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof CarrierError) return error;
          throw error;
        },
      );
  return { carrier, rate, keys };
}

describe('against a server that misbehaves', () => {
  test.each<[string, Answer]>([
    ['resets', reset],
    ['fails with 500', status(500)],
    ['fails with 503', status(503, { 'retry-after': '0' })],
    ['limits with 429', status(429, { 'retry-after': '0' })],
  ])('given one that %s twice, then the third try goes well, under the same key', async (_, bad) => {
    const { rate, keys, carrier } = await against([bad, bad, RATES]);
    expect(await rate()).toBeUndefined();
    expect(keys).toEqual(['k', 'k', 'k']);
    expect(carrier.counts).toMatchObject({ calls: 1, attempts: 3, retries: 2 });
  });

  test('given one that goes on failing, then it gives up after so many tries', async () => {
    const { rate, keys } = await against([status(500)], { attempts: 3 });
    expect(await rate()).toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    expect(keys).toHaveLength(3);
  });

  test('given one that is silent, then it is given up in time, and tried again', async () => {
    const { rate, keys } = await against([silence], { timeoutMs: 400, attempts: 2 });
    expect(await rate()).toMatchObject({ code: 'TIMEOUT', retriable: true });
    expect(keys).toHaveLength(2);
  });

  test('given one that does not answer for several calls, then that is told once, and that it answers again, as by a refusal', async () => {
    const told: string[] = [];
    const log = (line: string): void => void told.push(line);
    const { rate } = await against([reset, reset, status(400), RATES], { attempts: 1, log });
    for (let n = 0; n < 4; n++) await rate();
    expect(told).toEqual([expect.stringMatching(/^acme cannot be reached: .*; what/), 'acme answers again']);
  });

  test('given an answer that stops half-way, or never ends, then it is given up in time', async () => {
    const half: Answer = (response) => {
      response.writeHead(200).write('[');
    };
    const { rate } = await against([half], { timeoutMs: 40, attempts: 1 });
    expect(await rate()).toMatchObject({ code: 'TIMEOUT' });
  });

  test('given bookings that it took back one after the other, then it is asked for none, and for all else as before', async () => {
    const { carrier, rate, keys } = await against([RATES]);
    for (let n = 0; n < TAKEN_BACK_UNTIL_OPEN; n++) carrier.tookBack?.(`${n}`);
    const booking = carrier.book(bookOf('s-1'), { idempotencyKey: 'b' });
    await expect(booking).rejects.toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    expect(await rate()).toBeUndefined();
    expect(keys).toEqual(['k']);
  });

  test('given nobody who listens, then it is unavailable', async () => {
    const carrier = createHttpCarrier({ carrier: 'acme', url: 'http://127.0.0.1:9', attempts: 1 });
    const call = carrier.track({ trackingId: 't' }, { idempotencyKey: 'k' });
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', retriable: true });
  });

  test.each<[string, Answer, string]>([
    ['no JSON', status(200, {}, '<html>'), 'MALFORMED'],
    ['other fields', status(200, {}, '[{"service":1}]'), 'MALFORMED'],
    ['more than an answer can be', status(200, {}, ' '.repeat(1_100_000)), 'MALFORMED'],
    ['a redirect', status(302, { location: 'http://127.0.0.1:9/' }), 'MALFORMED'],
    ['no token', status(401), 'UNAUTHENTICATED'],
    ['a conflict', status(409), 'IDEMPOTENCY_CONFLICT'],
    ['a bad request', status(400, {}, '{"error":{"code":"BAD_REQUEST","message":"no"}}'), 'BAD_REQUEST'],
    [
      'a full day',
      status(422, {}, '{"error":{"code":"NO_CAPACITY","message":"full","retryAfterMs":9000}}'),
      'NO_CAPACITY',
    ],
    ['a code of a later version', status(400, {}, '{"error":{"code":"NEW","message":"no"}}'), 'BAD_REQUEST'],
  ])('given %s, then it is told at once, and not tried again', async (_, bad, code) => {
    const { rate, keys } = await against([bad]);
    expect(await rate()).toMatchObject({ code });
    expect(keys).toHaveLength(1);
  });

  test('given fields that nobody knows, then they are dropped', async () => {
    const rates = [{ service: 'g', cost: 1, fuel: 0, deliveredP50At: 1, deliveredP90At: 2, carbon: 3 }];
    const { carrier } = await against([status(200, {}, JSON.stringify(rates))]);
    const request = { from: NEWARK, to: CHICAGO, grams: 1, readyAt: 0 };
    expect(await carrier.rate(request, { idempotencyKey: 'k' })).toEqual([
      { service: 'g', cost: 1, fuel: 0, deliveredP50At: 1, deliveredP90At: 2 },
    ]);
  });

  test('given a long pause that it asks for, then the caller is told, and no other call is sent meanwhile', async () => {
    const { rate, keys } = await against([status(429, { 'retry-after': '30' })]);
    expect(await rate()).toMatchObject({ code: 'RATE_LIMITED', retriable: true, retryAfterMs: 30_000 });
    const second = await rate();
    expect(second?.code).toBe('RATE_LIMITED');
    expect(second?.retryAfterMs).toBeGreaterThan(20_000);
    expect(keys).toHaveLength(1);
  });

  test('given a date until which to wait, then it is that long', async () => {
    const { rate } = await against([status(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() })]);
    const error = await rate();
    expect(error?.retryAfterMs).toBeGreaterThan(50_000);
    expect(error?.retryAfterMs).toBeLessThan(70_000);
  });
});

describe('guards', () => {
  test('given failures one after the other, then none is tried for a while, and then one', async () => {
    const { rate, keys, carrier } = await against([status(500), status(500), RATES], {
      attempts: 1,
      failuresUntilOpen: 2,
      openMs: 700,
    });
    await rate();
    await rate();
    const refused = await rate();
    expect(refused).toMatchObject({ code: 'UNAVAILABLE' });
    expect(refused?.retryAfterMs).toBeGreaterThan(0);
    expect(keys).toHaveLength(2);
    expect(carrier.counts.opened).toBe(1);
    let last: CarrierError | undefined = refused;
    while (last !== undefined) last = await rate();
    expect(keys).toHaveLength(3);
  });

  test('given refusals, then the carrier is well', async () => {
    const { rate, carrier } = await against([status(400)], { failuresUntilOpen: 2 });
    for (let n = 0; n < 5; n += 1) expect((await rate())?.code).toBe('BAD_REQUEST');
    expect(carrier.counts.opened).toBe(0);
  });

  test('given more calls at once than there is room for, then those beyond are refused, and the others go one after the other', async () => {
    let under = 0;
    let most = 0;
    const slow: Answer = (response) => {
      under += 1;
      most = Math.max(most, under);
      setTimeout(() => {
        under -= 1;
        response.writeHead(200).end('[]');
      }, 10);
    };
    const { rate, carrier } = await against([slow], { inFlight: 2, waiting: 3 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => rate()));
    expect(outcomes.map((error) => error?.code)).toEqual([...Array(5).fill(undefined), ...Array(3).fill('OVERLOADED')]);
    expect(most).toBe(2);
    expect(carrier.counts.rejected).toBe(3);
  });

  test('given a limit of calls a second, then calls wait for their turn', async () => {
    const { rate } = await against([RATES], { perSecond: 100, burst: 1 });
    const started = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => rate()));
    expect(performance.now() - started).toBeGreaterThan(45);
  });

  test('given a call that is ended between two tries, then it ends at once', async () => {
    const ends = new AbortController();
    const fails: Answer = (response) => {
      response.writeHead(500).end();
      setImmediate(() => ends.abort());
    };
    const { rate } = await against([fails], { backoffMs: 60_000, random: () => 1 });
    expect(await rate(ends.signal)).toMatchObject({ code: 'ABORTED' });
  });
});

describe('the server of the simulated carrier', () => {
  test('given a lost answer, then asking again with the key finds what was booked', async () => {
    const clock = wallClock({ speed: 100_000, epoch: NOW });
    const calls = { failed: 0, unanswered: 0.3, perSecond: 1e6, burst: 1e6, latencyMeanMs: 1 };
    const simulated = createSimulatedCarrier({ profile: calm({ calls }), clock, seed: 5 });
    const server = await serveCarrier({ carrier: simulated, port: 0 });
    const carrier = createHttpCarrier({
      carrier: 'acme',
      url: server.url,
      attempts: 12,
      failuresUntilOpen: 1_000,
      backoffMs: 1,
      perSecond: 1e4,
      burst: 1e4,
    });
    const booked = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        carrier.book(bookOf(`s-${n}`, { readyAt: NOW }), { idempotencyKey: `k-${n}` }),
      ),
    );
    expect(new Set(booked.map(({ trackingId }) => trackingId)).size).toBe(30);
    expect(carrier.counts.retries).toBeGreaterThan(5);
    await server.close();
  });

  test.each<[string, string, RequestInit, number]>([
    ['no token', '/v1/rate', { method: 'POST', body: '{}' }, 401],
    ['a path that is none', '/v1/fly', { method: 'POST', body: '{}', headers: { authorization: 'Bearer t' } }, 404],
    ['no JSON', '/v1/rate', { method: 'POST', body: '{', headers: { authorization: 'Bearer t' } }, 400],
    ['too much', '/v1/rate', { method: 'POST', body: ' '.repeat(70_000), headers: { authorization: 'Bearer t' } }, 400],
  ])('given %s, then it says so', async (_, path, init, wanted) => {
    const simulated = createSimulatedCarrier({ profile: calm(), clock: wallClock(), seed: 1 });
    const server = await serveCarrier({ carrier: simulated, port: 0, token: 't' });
    const response = await fetch(`${server.url}${path}`, init);
    expect(response.status).toBe(wanted);
    expect(await response.json()).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    await server.close();
  });
});
