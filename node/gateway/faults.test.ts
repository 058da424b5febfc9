// Bad input through real sockets, on every engine that loads here: each gets its typed refusal or a bounded close, and
// a client that behaves is served throughout.
import { afterEach, describe, expect, test } from 'vitest';
import type { Failure } from '../../protocol/index.ts';
import { Bystander, type Connected } from './testing/client.ts';
import { BINARY, CLOSE, CONTINUATION, frame, PING, TEXT } from './testing/raw-socket.ts';
import { engines, type Started, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const GET = { op: 'get', sku: 'LAMP', region: 'eu-west' };
const FRAME_BYTES_MAX = 1_048_576;

let bystander: Bystander | undefined;
afterEach(async () => {
  const watching = bystander;
  bystander = undefined;
  await watching?.stop();
});

/** Starts a gateway with a client that behaves; after the test that client must have been served all along. */
async function startWatched(...options: Parameters<typeof start>): Promise<Started> {
  const started = await start(...options);
  bystander = new Bystander(await started.connect({ encoding: 'msgpack' }));
  return started;
}

async function expectAlive(client: Connected): Promise<void> {
  expect(await client.ask(GET)).toMatchObject({ ok: true });
}

const bytes = (...values: (number | string | Uint8Array)[]): Buffer =>
  Buffer.concat(
    values.map((value) => (typeof value === 'number' ? Buffer.from([value]) : Buffer.from(value as string))),
  );

const str = (text: string): Buffer => bytes(0xa0 | text.length, text);

/** A msgpack map with a good reserve in it, and one field replaced. */
const reserveWith = (field: string, value: Uint8Array): Buffer =>
  bytes(
    ...[0x87, str('id'), 9, str('op'), str('reserve'), str('sku'), str('S'), str('region'), str('eu-west')],
    ...[str('requestId'), str('r'), str(field === 'qty' ? 'qty2' : 'qty'), 1, str(field), value],
  );

const HOSTILE_MSGPACK: Readonly<Record<string, Uint8Array>> = {
  'an empty frame': bytes(),
  'a map cut off': bytes(0x82, str('id'), 1, str('op')),
  'a string cut off': bytes(0x81, 0xa9, 'ab'),
  'a depth bomb of arrays': Buffer.alloc(500_000, 0x91),
  'a depth bomb of maps': bytes(
    0x81,
    str('a'),
    Buffer.concat(Array.from({ length: 5_000 }, () => bytes(0x81, str('a')))),
  ),
  'an array that claims 4 billion elements': bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
  'a map that claims 4 billion pairs': bytes(0xdf, 0xff, 0xff, 0xff, 0xff),
  'a string that claims 4 GiB': bytes(0x81, 0xdb, 0xff, 0xff, 0xff, 0xff),
  'bytes that claim 4 GiB': bytes(0x81, str('id'), 0xc6, 0xff, 0xff, 0xff, 0xff),
  'a million nils': bytes(0xdd, 0, 0x0f, 0x42, 0x40, Buffer.alloc(1_000_000, 0xc0)),
  'a record extension': bytes(0xd4, 0x72, 0x40, 0x92, str('a'), str('b')),
  'a timestamp extension': bytes(0x81, str('id'), 0xd6, 0xff, 0, 0, 0, 0),
  'an extension that claims 4 GiB': bytes(0xc9, 0xff, 0xff, 0xff, 0xff, 0x01),
  'an unused byte': bytes(0xc1),
  'broken UTF-8': bytes(0x82, str('id'), 1, str('op'), 0xa2, 0xc3, 0x28),
  '__proto__ as a key': bytes(0x81, str('__proto__'), 0x81, str('op'), str('get')),
  'a positional request with an unknown code': bytes(0x92, 0x7f, 1),
  'bytes behind the request': bytes(0x82, str('id'), 1, str('op'), str('hello'), 0xc0),
  'a uint64 beyond 2^53': reserveWith('qty', bytes(0xcf, ...Array<number>(8).fill(0xff))),
  'NaN as a quantity': reserveWith('qty', bytes(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)),
  'constructor as a field': reserveWith('constructor', bytes(1)),
};

const HOSTILE_JSON: Readonly<Record<string, string>> = {
  nothing: '',
  'an array': '[]',
  null: 'null',
  'a request cut off': '{"id":1,"op":"get"',
  'a depth bomb': '['.repeat(500_000),
  'a depth bomb of maps': '{"a":'.repeat(100_000),
  'a number beyond all': '{"id":1e999,"op":"get"}',
  '__proto__ as a key': '{"id":1,"__proto__":{"op":"get"}}',
  'constructor as a field': '{"id":1,"op":"get","sku":"A","region":"eu-west","constructor":1}',
  'a lone surrogate': '{"id":1,"op":"get","sku":"\\ud800","region":"eu-west"}',
  'a million nulls': `{"id":1,"op":"batch","items":[${'null,'.repeat(200_000)}null]}`,
};

describe.each(engines)('on $name', (engine) => {
  test('given hostile msgpack, when it is sent, then each frame is refused and the connection lives', async () => {
    const { connect, errors } = await startWatched({ engine });
    const client = await connect({ encoding: 'msgpack' });
    for (const [name, payload] of Object.entries(HOSTILE_MSGPACK)) {
      client.send(payload);
      expect(await client.strayReply(), name).toMatchObject({ ok: false, code: 'BAD_REQUEST', retriable: false });
    }
    await expectAlive(client);
    expect(errors).toEqual([]);
  });

  test('given hostile JSON, when it is sent, then each frame is refused and the connection lives', async () => {
    const { connect, errors } = await startWatched({ engine });
    const client = await connect();
    for (const [name, text] of Object.entries(HOSTILE_JSON)) {
      client.send(text);
      const refused = (await client.strayReply()) as Failure;
      expect(refused.ok, name).toBe(false);
      expect(['BAD_REQUEST', 'TOO_LARGE'], name).toContain(refused.code);
      expect(refused.message.length, name).toBeLessThan(400);
    }
    await expectAlive(client);
    expect(errors).toEqual([]);
  });

  test('given frames of the wrong kind, when they are sent, then they are refused and the connection lives', async () => {
    const { connect } = await startWatched({ engine });
    const json = await connect();
    json.send(Buffer.from(JSON.stringify({ id: 1, ...GET })));
    expect(await json.strayReply()).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('text frames'),
    });
    await expectAlive(json);
    const msgpack = await connect({ encoding: 'msgpack' });
    msgpack.send(JSON.stringify({ id: 1, ...GET }));
    expect(await msgpack.strayReply()).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('binary frames'),
    });
    await expectAlive(msgpack);
  });

  test.each([
    ['one byte over the limit', FRAME_BYTES_MAX + 1],
    ['ten times the limit', 10 * FRAME_BYTES_MAX],
  ])('given a frame %s, when it is sent, then the connection closes with 1009', async (_name, length) => {
    const { connect, metric } = await startWatched({ engine });
    const client = await connect({ encoding: 'msgpack' });
    client.send(Buffer.alloc(length, 0xc0));
    expect(await client.closed).toMatchObject({ code: 1009 });
    await expect.poll(() => metric('holdfast_connections_closed_total{reason="frame_too_large"}')).toBe(1);
  });

  test('given a frame of exactly the limit, when it is sent, then it is read', async () => {
    const { connect } = await startWatched({ engine });
    const client = await connect();
    const request = JSON.stringify({ id: 1, ...GET });
    const reply = client.reply(1);
    client.send(request + ' '.repeat(FRAME_BYTES_MAX - request.length));
    expect(await reply).toMatchObject({ ok: true });
  });

  test.each([
    ['broken UTF-8 in a text frame', [frame(TEXT, Buffer.from([0x22, 0xc3, 0x28, 0x22]))]],
    ['reserved bits', [frame(TEXT, '{}', { reservedBits: 4 })]],
    ['a reserved opcode', [frame(3, '{}')]],
    ['a continuation of nothing', [frame(CONTINUATION, '{}')]],
    ['a long ping', [frame(PING, Buffer.alloc(126))]],
    ['a fragmented ping', [frame(PING, 'a', { isFinal: false })]],
    ['a close frame of one byte', [frame(CLOSE, 'a')]],
    ['a frame that claims 2^62 bytes', [frame(BINARY, 'a', { claimedLength: 2n ** 62n })]],
    ['a message of endless fragments', [frame(TEXT, '', { isFinal: false }), ...fragments(400, 65_536)]],
  ])('given %s, when it is sent, then the connection ends and no other is disturbed', async (_name, frames) => {
    const { errors, raw } = await startWatched({ engine });
    const socket = await raw();
    await socket.upgrade('holdfast.v1.json');
    for (const one of frames) socket.socket.write(one);
    await socket.closed;
    expect(errors).toEqual([]);
  });

  test('given unmasked frames, when they are sent, then they are refused or misread, and no other is disturbed', async () => {
    const { errors, raw } = await startWatched({ engine });
    const socket = await raw();
    await socket.upgrade('holdfast.v1.json');
    // A native engine takes the first bytes for the mask that must be there.
    const unmasked = frame(TEXT, JSON.stringify({ id: 1, ...GET }), { isMasked: false });
    socket.socket.write(Buffer.concat(Array<Buffer>(100).fill(unmasked)));
    await Promise.race([socket.closed, socket.until((received) => received.includes('BAD_REQUEST'))]);
    expect(socket.received.includes('"ok":true')).toBe(false);
    expect(errors).toEqual([]);
  });

  test('given broken requests line by line, when they are sent, then the port goes on serving', async () => {
    const { errors, raw } = await startWatched({ engine });
    const lines = [
      'GARBAGE\r\n\r\n',
      'GET /v1 HTTP/1.1\r\n\r\n',
      'GET /v1 HTTP/9.9\r\nHost: a\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(10_000)}\r\n`,
      'POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
      'POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]),
    ];
    for (const line of lines) {
      const socket = await raw();
      socket.socket.end(line);
      await socket.closed;
    }
    expect(errors).toEqual([]);
  });

  test('given a client that goes away with requests in flight, when they are answered, then nothing happens', async () => {
    const { connect, errors, grid, metric } = await start({ engine });
    grid.mode = 'held';
    const client = await connect();
    const lost = Array.from({ length: 100 }, () => client.ask(GET));
    for (const one of lost) one.catch(() => {});
    await expect.poll(() => grid.submitted).toBe(100);
    client.socket.terminate();
    await expect.poll(() => metric('holdfast_connections_closed_total{reason="lost"}')).toBe(1);
    grid.release();
    grid.mode = 'turn';
    await expectAlive(await connect());
    expect(errors).toEqual([]);
  });
});

function fragments(count: number, length: number): Buffer[] {
  return Array.from({ length: count }, () => frame(CONTINUATION, Buffer.alloc(length, 0x20), { isFinal: false }));
}
