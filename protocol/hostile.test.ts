// Bytes from clients that mean harm or are broken: always a typed refusal, never an exception, and bounded work.
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeServerMessage, encodeRequest } from './client-codec.ts';
import { type DecodedRequest, decodeRequest, type Encoding, encodeReply, refuseUnread } from './codec.ts';
import { ERROR_CODES, type Failure, FRAME_BYTES_MAX, failure, type Id, type WireRequest } from './index.ts';
import * as arbitrary from './testing/arbitraries.ts';

const map = new Packr({ useRecords: false, variableMapSize: true });
const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...parts: (number | string | Uint8Array | readonly number[])[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'string' ? utf8(part) : typeof part === 'number' ? Uint8Array.of(part) : Uint8Array.from(part),
    ),
  );
/** A msgpack string of fewer than 32 bytes. */
const str = (text: string) => bytes(0xa0 | text.length, text);

/** A frame is refused with this code and id; that it returns at all is half of the test. */
function expectRefused(decoded: DecodedRequest, id: unknown, message: string | RegExp = ''): void {
  expect(decoded.request).toMatchObject({ ok: false, code: 'BAD_REQUEST', retriable: false, retryAfterMs: 0 });
  expect((decoded.request as Failure).message).toMatch(message);
  expect((decoded.request as Failure).message.length).toBeLessThan(400);
  expect(decoded.id).toBe(id);
}

/** `{"id":7,"op":"get","sku":<value>,"region":"r"}` in msgpack, with raw bytes for the value. */
const getWith = (value: Uint8Array) =>
  bytes(0x84, str('id'), 7, str('op'), str('get'), str('sku'), value, str('region'), str('r'));
/** `[1, 7, "s", "r", <value>, "x"]`: a positional reserve with raw bytes for qty. */
const reserveWith = (value: Uint8Array) => bytes(0x96, 1, 7, str('s'), str('r'), value, str('x'));

const FORBIDDEN_TYPES: Record<string, Uint8Array> = {
  'the type that msgpack never uses': bytes(0xc1),
  bin8: bytes(0xc4, 1, 0),
  bin16: bytes(0xc5, 0, 1, 0),
  bin32: bytes(0xc6, 0, 0, 0, 1, 0),
  ext8: bytes(0xc7, 1, 1, 0),
  ext16: bytes(0xc8, 0, 1, 1, 0),
  ext32: bytes(0xc9, 0, 0, 0, 1, 1, 0),
  'ext32 that claims 4 GiB': bytes(0xc9, 0xff, 0xff, 0xff, 0xff, 1),
  fixext1: bytes(0xd4, 1, 0),
  fixext2: bytes(0xd5, 1, 0, 0),
  timestamp: bytes(0xd6, 0xff, 0, 0, 0, 0),
  fixext8: bytes(0xd7, 1, Array(8).fill(0)),
  fixext16: bytes(0xd8, 1, Array(16).fill(0)),
  'a record definition': bytes(0xd4, 0x72, 0x40, 0x91, str('a')),
};

const LYING_LENGTHS: Record<string, Uint8Array> = {
  'a string of 4 GiB': bytes(0xdb, 0xff, 0xff, 0xff, 0xff),
  'a string one byte too long': bytes(0xda, 0x00, 0x40),
  'an array of 4 G elements': bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
  'a map of 4 G pairs': bytes(0xdf, 0xff, 0xff, 0xff, 0xff),
  'an array of 65,535 elements': bytes(0xdc, 0xff, 0xff),
};

const BROKEN_UTF8: Record<string, readonly number[]> = {
  'a byte that never occurs': [0xff],
  'a continuation without a start': [0x80],
  'an overlong slash': [0xc0, 0xaf],
  'an encoded surrogate': [0xed, 0xa0, 0x80],
  'beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'a character cut off': [0xe2, 0x82],
};

describe('msgpack', () => {
  test.each(Object.entries(FORBIDDEN_TYPES))('given %s anywhere, then it is refused', (_name, value) => {
    expectRefused(decodeRequest('msgpack', getWith(value)), 7, /not part of the protocol/);
    expectRefused(decodeRequest('msgpack', reserveWith(value)), 7, /not part of the protocol/);
    expectRefused(decodeRequest('msgpack', value), undefined);
  });

  test.each(Object.entries(LYING_LENGTHS))('given %s that is not there, then it is refused', (_name, value) => {
    expectRefused(decodeRequest('msgpack', getWith(value)), 7, /ends in the middle/);
    expectRefused(decodeRequest('msgpack', reserveWith(value)), 7, /ends in the middle/);
    expectRefused(decodeRequest('msgpack', value), undefined);
  });

  test.each(Object.entries(BROKEN_UTF8))('given a string with %s, then it is refused', (_name, broken) => {
    const value = bytes(0xa0 | broken.length, broken);
    expectRefused(decodeRequest('msgpack', getWith(value)), 7, /not valid UTF-8/);
    const frame = bytes(0x96, 1, 7, value, str('r'), 1, str('x'));
    expectRefused(decodeRequest('msgpack', frame), 7, /not valid UTF-8/);
    expectRefused(decodeRequest('msgpack', bytes(0x82, str('id'), 7, value, 1)), 7, /not valid UTF-8/);
  });

  test.each<[string, Uint8Array]>([
    ['NaN', bytes(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)],
    ['Infinity', bytes(0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0)],
    ['-Infinity as float32', bytes(0xca, 0xff, 0x80, 0, 0)],
    ['2^53 as uint64', bytes(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0)],
    ['2^53 + 1 as uint64', bytes(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1)],
    ['2^64 - 1', bytes(0xcf, Array(8).fill(0xff))],
    ['-2^63', bytes(0xd3, 0x80, Array(7).fill(0))],
    ['1.5', bytes(0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)],
    ['2^31', bytes(0xce, 0x80, 0, 0, 0)],
    ['0', bytes(0)],
    ['-1', bytes(0xff)],
    ['nil', bytes(0xc0)],
    ['true', bytes(0xc3)],
  ])('given the quantity %s, then it is refused and the id is echoed', (_name, value) => {
    expectRefused(decodeRequest('msgpack', reserveWith(value)), 7, /^qty /);
    const asMap = bytes(0x86, str('id'), 7, str('op'), str('reserve'), str('sku'), str('s'), str('region'), str('r'));
    expectRefused(decodeRequest('msgpack', bytes(asMap, str('qty'), value, str('requestId'), str('x'))), 7, /^qty /);
  });

  test.each<[string, Uint8Array]>([
    ['uint8', bytes(0xcc, 2)],
    ['uint16', bytes(0xcd, 0, 2)],
    ['uint32', bytes(0xce, 0, 0, 0, 2)],
    ['uint64', bytes(0xcf, 0, 0, 0, 0, 0, 0, 0, 2)],
    ['int8', bytes(0xd0, 2)],
    ['int64', bytes(0xd3, 0, 0, 0, 0, 0, 0, 0, 2)],
    ['float32', bytes(0xca, 0x40, 0, 0, 0)],
    ['float64', bytes(0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0)],
  ])('given a right quantity as %s, then it is the number it is', (_name, value) => {
    expect(decodeRequest('msgpack', reserveWith(value)).request).toMatchObject({ op: 'reserve', qty: 2 });
  });

  test('given keys twice, keys that are no strings, or __proto__, then it is refused', () => {
    const twice = bytes(0x83, str('id'), 7, str('op'), str('get'), str('op'), str('get'));
    expectRefused(decodeRequest('msgpack', twice), 7, /"op" comes twice/);
    const twiceInside = bytes(0x82, str('a'), 1, str('a'), 1);
    expectRefused(decodeRequest('msgpack', getWith(twiceInside)), 7, /"a" comes twice/);
    for (const key of [bytes(1), bytes(0xc0), bytes(0xc3), bytes(0x90), bytes(0x80), bytes(0xcb, Array(8).fill(0))]) {
      expectRefused(decodeRequest('msgpack', bytes(0x82, str('id'), 7, key, 1)), 7);
      expectRefused(decodeRequest('msgpack', getWith(bytes(0x81, key, 1))), 7);
    }
    const proto = bytes(0x85, getWith(str('s')).subarray(1), str('__proto__'), 0x81, str('qty'), 1);
    expectRefused(decodeRequest('msgpack', proto), 7, /unknown field "__proto__"/);
    expect(({} as { qty?: number }).qty).toBeUndefined();
  });

  test('given bytes after the end, then it is refused', () => {
    expectRefused(decodeRequest('msgpack', bytes(getWith(str('s')), 0)), 7, /follow the end/);
    expectRefused(decodeRequest('msgpack', bytes(reserveWith(bytes(1)), 0xc0)), 7, /follow the end/);
    // The head says four elements, and more follow that would make it right.
    expectRefused(decodeRequest('msgpack', bytes(0x94, reserveWith(bytes(1)).subarray(1))), 7, /follow the end/);
  });

  test('given a positional frame of an unknown op or with too many elements, then it is refused in that form', () => {
    for (const frame of [
      bytes(0x90),
      bytes(0x91, 1),
      bytes(0x92, 0, 7),
      bytes(0x92, 6, 7),
      bytes(0x92, str('reserve'), 7),
      bytes(0x93, 3, 7, 1),
    ]) {
      const decoded = decodeRequest('msgpack', frame);
      expectRefused(decoded, frame.length > 2 ? 7 : undefined);
      expect((encodeReply('msgpack', decoded.id, decoded.request as Failure, decoded.form)[0] as number) & 0xf0).toBe(
        0x90,
      );
    }
    const tooMany = map.pack([3, 7, '1.1.r/s', 'x', null, null]);
    expectRefused(decodeRequest('msgpack', tooMany), 7, /at most 5 elements/);
    const huge = map.pack([1, 7, ...Array(60_000).fill(0)]);
    expectRefused(decodeRequest('msgpack', huge), 7, /at most 12 elements/);
  });
});

describe('JSON', () => {
  test.each(Object.entries(BROKEN_UTF8))('given a text with %s, then it is refused', (_name, broken) => {
    expectRefused(decodeRequest('json', bytes('{"id":7,"op":"', broken, '"}')), undefined, /not valid UTF-8/);
  });

  test('given no JSON, then it is refused, with the id where it came first', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '1e400',
      'NaN',
      '\ufeff{}',
      "{'id':7}",
      '{"id":7}}',
      '{"id":1e5,',
      '{"id":01,',
      '{"id":"a\u0000",',
    ]) {
      expectRefused(decodeRequest('json', utf8(text)), undefined);
    }
    expectRefused(decodeRequest('json', utf8('{"id":7,"op":"get",}')), 7, /malformed JSON/);
    expectRefused(decodeRequest('json', utf8(' { "id" : "é 1" , "op"')), 'é 1');
    expectRefused(decodeRequest('json', bytes(0x81, str('id'), 7)), undefined);
  });

  test('given a long text, then brackets within strings do not count as levels, and those after them do', () => {
    const sku = `\\"${'['.repeat(20)}\\\\`;
    const get = `{"op":"get","sku":"${sku}","region":"r"}`;
    const long = `{"id":7,"op":"batch","items":[${Array(60).fill(get).join(',')}]`;
    expect(decodeRequest('json', utf8(`${long}}`)).request).toMatchObject({ op: 'batch' });
    expectRefused(
      decodeRequest('json', utf8(`${long},"a":${'['.repeat(20)}${']'.repeat(20)}}`)),
      7,
      /more than 8 levels/,
    );
  });

  test('given __proto__ or a key twice, then the first is refused by name and of the second the last value counts', () => {
    const refused = decodeRequest('json', utf8('{"id":7,"op":"get","sku":"s","region":"r","__proto__":{"qty":1}}'));
    expectRefused(refused, 7, /unknown field "__proto__"/);
    const twice = decodeRequest('json', utf8('{"id":7,"op":"get","sku":"s","sku":"t","region":"r"}'));
    expect(twice.request).toEqual({ op: 'get', sku: 't', region: 'r' });
  });
});

describe('bombs of the greatest size a frame may have', () => {
  const fill = (unit: Uint8Array | string) => {
    const one = typeof unit === 'string' ? utf8(unit) : unit;
    return Buffer.alloc(FRAME_BYTES_MAX, one);
  };
  const BOMBS: [string, Encoding, Uint8Array, RegExp][] = [
    ['arrays within arrays', 'msgpack', bytes(0x82, str('id'), 7, str('a'), fill(bytes(0x91))), /more than 8 levels/],
    [
      'maps within maps',
      'msgpack',
      bytes(0x82, str('id'), 7, str('a'), fill(bytes(0x81, str('a')))),
      /more than 8 levels/,
    ],
    [
      'a million nils',
      'msgpack',
      bytes(0x82, str('id'), 7, str('a'), 0xdd, 0, 0x0f, 0, 0, fill(bytes(0xc0))),
      /more than 65536 values/,
    ],
    [
      'a million empty maps',
      'msgpack',
      bytes(0x82, str('id'), 7, str('a'), 0xdd, 0, 0x0f, 0, 0, fill(bytes(0x80))),
      /more than 65536 values/,
    ],
    ['a positional million', 'msgpack', bytes(0xdd, 0, 0x0f, 0, 0, 1, 7, fill(bytes(0xc0))), /more than 65536 values/],
    [
      'a string of a megabyte',
      'msgpack',
      bytes(0x82, str('id'), 7, str('op'), 0xdb, 0, 0x10, 0, 0, fill('x')),
      /unknown op/,
    ],
    ['arrays within arrays', 'json', bytes('{"id":7,"a":', fill('[')), /more than 8 levels/],
    ['maps within maps', 'json', bytes('{"id":7,"a":', fill('{"a":')), /more than 8 levels/],
    ['a million numbers', 'json', bytes('{"id":7,"a":[', fill('1,'), '1]}'), /more than 65536 values/],
    ['a million empty maps', 'json', bytes('{"id":7,"a":[', fill('{},'), '1]}'), /more than 65536 values/],
    ['a string of a megabyte', 'json', bytes('{"id":7,"op":"', fill('['), '"}'), /unknown op/],
    ['a megabyte of backslashes', 'json', bytes('{"id":7,"op":"', fill('\\'), '"'), /malformed JSON/],
    ['a megabyte of escaped quotes', 'json', bytes('{"id":7,"op":"', fill('\\"'), '"}'), /unknown op/],
    ['a megabyte of spaces', 'json', bytes('{"id":7,', fill(' ')), /malformed JSON/],
  ];

  test.each(BOMBS)('given %s in %s, then it is refused after bounded work', (_name, encoding, frame, message) => {
    const start = process.cpuUsage();
    expectRefused(decodeRequest(encoding, frame), 7, message);
    // Some ten milliseconds at worst, of the processor and not of the clock.
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(500);
  });

  test('given a full batch of the largest items, then the bounds on frames leave it room', () => {
    const channelBuffers = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`c${i}`, i]));
    const one = { op: 'configure', sku: 's', region: 'r', channelBuffers, limitPerOwner: 1, requestId: 'x' } as const;
    const request: WireRequest = { op: 'batch', items: Array(1_000).fill(one) };
    for (const encoding of ['msgpack', 'json'] as const) {
      const frame = encodeRequest(encoding, 1, request);
      const { request: read } = decodeRequest(encoding, typeof frame === 'string' ? utf8(frame) : frame);
      expect(read).toMatchObject({ op: 'batch' });
    }
  });
});

describe('fuzz', () => {
  const KNOWN: ReadonlySet<string> = new Set([...ERROR_CODES]);

  function expectSound({ id, request, form }: DecodedRequest, encoding: Encoding): void {
    if ('ok' in request) {
      expect(KNOWN).toContain(request.code);
      // And it can be answered.
      expect(encodeReply(encoding, id, request, form).length).toBeGreaterThan(0);
    } else {
      expect(id).toBeDefined();
    }
  }

  test('given random bytes, then there is always a typed answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => {
        expectSound(decodeRequest('msgpack', frame), 'msgpack');
        expectSound(decodeRequest('json', frame), 'json');
      }),
      { numRuns: 5_000 },
    );
  });

  const validFrame = fc
    .tuple(arbitrary.id, arbitrary.request, fc.constantFrom('positional', 'map', 'json'))
    .map(([id, request, form]) => {
      const plain = JSON.parse(JSON.stringify({ id, ...request }));
      const encoding: Encoding = form === 'json' ? 'json' : 'msgpack';
      const frame = form === 'map' ? map.pack(plain) : encodeRequest(encoding, id, request);
      return { encoding, frame: typeof frame === 'string' ? utf8(frame) : Uint8Array.from(frame) };
    });

  test('given a valid frame with some bytes changed, then there is always a typed answer', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(validFrame, changes, ({ encoding, frame }, list) => {
        for (const [position, value] of list) frame[position % frame.length] = value;
        expectSound(decodeRequest(encoding, frame), encoding);
      }),
      { numRuns: 3_000 },
    );
  });

  test('given a valid frame cut anywhere, then it is refused', () => {
    fc.assert(
      fc.property(validFrame, fc.nat(), ({ encoding, frame }, at) => {
        const { request } = decodeRequest(encoding, frame.subarray(0, at % frame.length));
        expect(request).toMatchObject({ code: 'BAD_REQUEST' });
      }),
      { numRuns: 2_000 },
    );
  });

  test('given a valid frame with some bytes changed, when refused unread, then it is a reserve and its own id is answered', () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 255 })), { maxLength: 2 });
    const taking = fc
      .tuple(arbitrary.id, fc.oneof(arbitrary.REQUESTS.reserve, arbitrary.REQUESTS.commit))
      .map(([id, request]) => Uint8Array.from(encodeRequest('msgpack', id, request) as Uint8Array));
    const overloaded = failure('OVERLOADED', 'later', 50);
    let refused = 0;
    fc.assert(
      fc.property(taking, changes, (frame, list) => {
        for (const [position, value] of list) frame[position % frame.length] = value;
        const reply = refuseUnread(frame, overloaded, new Set());
        const { id, request } = decodeRequest('msgpack', frame);
        if (reply === undefined) return;
        refused += 1;
        expect('ok' in request ? 'reserve' : request.op).toBe('reserve');
        expect(decodeServerMessage('msgpack', reply)).toEqual({ kind: 'reply', id, outcome: overloaded });
        expect(refuseUnread(frame, overloaded, new Set([id as Id]))).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
    // Otherwise nothing was shown.
    expect(refused).toBeGreaterThan(500);
  });
});
