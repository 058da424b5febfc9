// The HTTP routes and who may use them, on every engine that loads here.
import { connect as connectTcp } from 'node:net';
import { describe, expect, test } from 'vitest';
import { failure } from '../../protocol/index.ts';
import { engines, onStop, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const GET = { op: 'get', sku: 'LAMP', region: 'eu-west' };
const RESERVE = { op: 'reserve', sku: 'LAMP', region: 'eu-west', qty: 2, requestId: 'r-1' };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function call(port: number, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as never };
}

function post(port: number, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return call(port, '/v1/requests', { method: 'POST', body: text as string, headers });
}

describe.each(engines)('on $name', (engine) => {
  test('given probes, when the grid is ready and when not, then they say so', async () => {
    const { grid, port } = await start({ engine });
    const alive = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([alive.status, await alive.text()]).toEqual([200, 'alive\n']);
    expect(await call(port, '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
    grid.isReady = { ready: false, reason: 'replaying the journal' };
    expect(await call(port, '/readyz')).toMatchObject({ status: 503, body: { reason: 'replaying the journal' } });
    expect((await fetch(`http://127.0.0.1:${port}/readyz`, { method: 'HEAD' })).status).toBe(503);
  });

  test('given requests in flight, when the gateway closes, then it is not ready any more', async () => {
    const { gateway, grid, port } = await start({ engine });
    grid.mode = 'held';
    const held = post(port, GET);
    await expect.poll(() => grid.submitted).toBe(1);
    const kept = connectTcp(port, '127.0.0.1');
    onStop(() => kept.destroy());
    await new Promise((resolve) => kept.once('connect', resolve));
    await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
    const closing = gateway.close({ drainMs: 10_000 });
    const answer = new Promise<string>((resolve) => kept.once('data', (data) => resolve(data.toString())));
    kept.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 503[\s\S]*shutting down/);
    grid.release();
    expect(await held).toMatchObject({ status: 200 });
    await closing;
  });

  test('given a position, when it is read, then it is the reply of get', async () => {
    const { port } = await start({ engine });
    const read = await call(port, '/v1/positions/LAMP%2F1/eu-west?x=1');
    expect(read).toMatchObject({ status: 200, body: { ok: true, sku: 'LAMP/1', region: 'eu-west', onHand: 100 } });
    expect(await call(port, '/v1/positions/UNKNOWN/eu-west')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect(await call(port, '/v1/positions/%ff/eu-west')).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
    expect(await call(port, '/v1/positions/a%20b/eu-west')).toMatchObject({ status: 400 });
  });

  test('given an answer larger than the kernel takes, when the caller reads late, then it gets all of it', async () => {
    const { grid, port } = await start({ engine });
    const nodes = Array.from({ length: 200_000 }, (_, i) => ({ node: `NODE-${i}`, onHand: i }));
    const { decide } = grid;
    grid.decide = (request) => ({ ...decide(request), nodes }) as never;
    const socket = connectTcp(port, '127.0.0.1');
    onStop(() => socket.destroy());
    socket.pause();
    socket.write('GET /v1/positions/LAMP/eu-west HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await expect.poll(() => grid.submitted).toBe(1);
    await fetch(`http://127.0.0.1:${port}/healthz`);
    const chunks: Buffer[] = [];
    const answer = new Promise<string>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunk.at(-1) !== 0x7d) return;
        const text = Buffer.concat(chunks).toString();
        const head = text.indexOf('\r\n\r\n') + 4;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
        if (text.length - head === length) resolve(text.slice(head));
      });
    });
    socket.resume();
    expect(JSON.parse(await answer)).toMatchObject({ ok: true, nodes: { length: 200_000 } });
  });

  test('given requests, when they are posted, then they mean the same as on the WebSocket', async () => {
    const { port } = await start({ engine });
    expect(await post(port, { id: 'x', ...RESERVE })).toMatchObject({
      status: 200,
      body: { id: 'x', ok: true, qty: 2 },
    });
    expect((await post(port, RESERVE)).body).not.toHaveProperty('id');
    expect(await post(port, { op: 'batch', items: [RESERVE, { op: 'get' }] })).toMatchObject({
      status: 200,
      body: {
        ok: true,
        items: [
          { ok: true, qty: 2 },
          { ok: false, code: 'BAD_REQUEST' },
        ],
      },
    });
    expect(await post(port, { op: 'hello' })).toMatchObject({ status: 200, body: { region: 'eu-west' } });
    expect(await post(port, { op: 'subscribe', sku: 'A', region: 'eu-west' })).toMatchObject({ status: 400 });
  });

  test('given each refusal, when it is answered, then the status says the same as the code', async () => {
    const { grid, port } = await start({ engine });
    const expected = [
      ['INSUFFICIENT_STOCK', 409],
      ['RESERVATION_ENDED', 409],
      ['IDEMPOTENCY_CONFLICT', 409],
      ['FORBIDDEN', 403],
      ['TOO_LARGE', 413],
      ['UNAVAILABLE', 503],
      ['DEADLINE_EXCEEDED', 504],
      ['INTERNAL', 500],
    ] as const;
    for (const [code, status] of expected) {
      grid.decide = () => failure(code, 'as told', code === 'UNAVAILABLE' ? 1_500 : 0);
      const answer = await post(port, GET);
      expect(answer).toMatchObject({ status, body: { ok: false, code } });
      expect(answer.headers.get('retry-after')).toBe(code === 'UNAVAILABLE' ? '2' : null);
    }
  });

  test('given bad bodies, when they are posted, then they are refused', async () => {
    const { errors, port } = await start({ engine });
    for (const body of ['{"op":', '', '[]', 'null', '{"op":"get","typo":1}', Buffer.from([0x22, 0xc3, 0x28, 0x22])]) {
      expect(await post(port, body)).toMatchObject({ status: 400, body: { ok: false, code: 'BAD_REQUEST' } });
    }
    expect(await post(port, ' '.repeat(1_048_577))).toMatchObject({ status: 413, body: { code: 'TOO_LARGE' } });
    expect(errors).toEqual([]);
  });

  test('given a body of many chunks, when it is posted, then it is put together, and bounded without a length', async () => {
    const { port } = await start({ engine });
    const text = JSON.stringify({ ...GET, sku: 'LAMP' });
    async function* chunks(padding: number): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text.slice(0, text.indexOf(',') + 1));
      for (let i = 0; i < padding; i++) yield Buffer.alloc(65_536, 0x20);
      yield Buffer.from(text.slice(text.indexOf(',') + 1));
    }
    const send = (padding: number): Promise<Answer> =>
      call(port, '/v1/requests', { method: 'POST', body: chunks(padding) as never, duplex: 'half' } as RequestInit);
    expect(await send(10)).toMatchObject({ status: 200, body: { ok: true, sku: 'LAMP' } });
    const tooLong = await send(20).catch(() => 'cut');
    if (tooLong !== 'cut') expect(tooLong).toMatchObject({ status: 413 });
  });

  test('given paths and methods that are not there, when they are asked for, then the answer says what is', async () => {
    const { port } = await start({ engine });
    expect(await call(port, '/nowhere')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', message: expect.stringContaining('POST /v1/requests') },
    });
    expect(await call(port, '/__proto__')).toMatchObject({ status: 404 });
    const wrong = await call(port, '/v1/requests');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await call(port, '/healthz', { method: 'POST', body: 'x' })).status).toBe(405);
    expect(await call(port, '/v1')).toMatchObject({ status: 426 });
  });

  test('given status, when it is asked for, then grid and gateway tell their figures', async () => {
    const { connect, port } = await start({ engine });
    await connect();
    expect(await call(port, '/v1/status')).toMatchObject({
      status: 200,
      body: {
        info: { region: 'eu-west', store: 'fake' },
        readiness: { ready: true },
        figures: { positions: 5 },
        gateway: { connections: 1, engine: expect.stringContaining(engine.name) },
      },
    });
  });

  test('given the bound of HTTP requests in flight, when one more comes, then it is refused', async () => {
    const { grid, port } = await start({ engine, limits: { httpInFlightMax: 1 } });
    grid.mode = 'held';
    const first = post(port, GET);
    await expect.poll(() => grid.submitted).toBe(1);
    expect(await post(port, GET)).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } });
    grid.release();
    expect(await first).toMatchObject({ status: 200 });
  });

  test('given a caller that hangs up, when its reply comes, then nothing happens', async () => {
    const { errors, grid, port } = await start({ engine });
    grid.mode = 'held';
    const abort = new AbortController();
    const gone = fetch(`http://127.0.0.1:${port}/v1/positions/LAMP/eu-west`, { signal: abort.signal });
    await expect.poll(() => grid.submitted).toBe(1);
    abort.abort();
    await expect(gone).rejects.toThrow();
    grid.release();
    grid.mode = 'turn';
    expect(await post(port, GET)).toMatchObject({ status: 200 });
    expect(errors).toEqual([]);
  });

  test('given pipelined requests that are never read, when they pile up, then the port goes on serving', async () => {
    const { port } = await start({ engine });
    const socket = connectTcp(port, '127.0.0.1');
    onStop(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20_000; i++) socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (let i = 0; i < 20; i++) expect(await post(port, GET)).toMatchObject({ status: 200 });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1_048_576);
  });
});
