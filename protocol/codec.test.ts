// Both ends of the wire against each other, in both encodings and in the positional form.
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeServerMessage, encodeRequest } from './client-codec.ts';
import { decodeRequest, type Encoding, encodePush, encodeReply } from './codec.ts';
import { FORM_POSITIONAL, type HotOp, OP_CODES, REQUEST_FIELDS } from './compact.ts';
import type { Outcome, WireRequest } from './index.ts';
import { MsgpackReader } from './msgpack-read.ts';
import { MsgpackWriter } from './msgpack-write.ts';
import { parseRequest } from './parse.ts';
import { FIELDS } from './schema.ts';
import * as arbitrary from './testing/arbitraries.ts';
import { goodRequest, OPS } from './testing/field-table.ts';

const ENCODINGS: readonly Encoding[] = ['msgpack', 'json'];

/** An implementation of msgpack that is not ours. */
const reference = new Packr({ useRecords: false, variableMapSize: true });

function bytesOf(message: Uint8Array | string): Uint8Array {
  return typeof message === 'string' ? new TextEncoder().encode(message) : message;
}

/** What the server makes of a request that never saw a codec. */
function parsed(id: number | string, request: WireRequest) {
  return parseRequest(JSON.parse(JSON.stringify({ id, ...request })));
}

describe('requests', () => {
  for (const [op, requests] of Object.entries(arbitrary.REQUESTS)) {
    for (const encoding of ENCODINGS) {
      test(`given any ${op}, when sent as ${encoding}, then the server reads what the client wrote`, () => {
        fc.assert(
          fc.property(arbitrary.id, requests as fc.Arbitrary<WireRequest>, (id, request) => {
            const decoded = decodeRequest(encoding, bytesOf(encodeRequest(encoding, id, request)));
            const expected = parsed(id, request);
            expect(expected.request).not.toHaveProperty('ok');
            expect({ id: decoded.id, request: decoded.request }).toEqual(expected);
            // Fields in one order: one shape for each op.
            expect(Object.keys(decoded.request)).toEqual(Object.keys(expected.request));
          }),
        );
      });
    }
  }

  test('given a hot op, when sent as msgpack, then it takes the positional form and so does its reply', () => {
    for (const op of Object.keys(OP_CODES) as HotOp[]) {
      const [request] = fc.sample(arbitrary.REQUESTS[op] as fc.Arbitrary<WireRequest>, 1) as [WireRequest];
      const { form } = decodeRequest('msgpack', encodeRequest('msgpack', 1, request) as Uint8Array);
      expect(form).toBe(FORM_POSITIONAL | OP_CODES[op]);
    }
  });

  test('given the table of positions, then it has every field of every hot op once', () => {
    for (const op of Object.keys(OP_CODES) as HotOp[]) {
      expect([...REQUEST_FIELDS[op]].sort()).toEqual([...FIELDS[op]].sort());
    }
  });

  test('given a hot op with a field that does not exist, when encoded, then the field is not lost on the way', () => {
    const request = { op: 'reserve', sku: 'a', region: 'r', qty: 1, requestId: 'x', quantity: 2 } as WireRequest;
    const { id, request: refused } = decodeRequest('msgpack', encodeRequest('msgpack', 5, request) as Uint8Array);
    expect(id).toBe(5);
    expect(refused).toMatchObject({ code: 'BAD_REQUEST', message: 'unknown field "quantity" (did you mean "qty"?)' });
  });

  test('given any request, when another msgpack library encodes it as a map, then it reads the same', () => {
    fc.assert(
      fc.property(arbitrary.id, arbitrary.request, (id, request) => {
        const bytes = reference.pack(JSON.parse(JSON.stringify({ id, ...request })));
        const { id: readId, request: read } = decodeRequest('msgpack', bytes);
        expect({ id: readId, request: read }).toEqual(parsed(id, request));
      }),
    );
  });

  /** The positional form of any values whatever, right or wrong. */
  function positional(op: HotOp, id: unknown, fields: Readonly<Record<string, unknown>>): Uint8Array {
    return reference.pack([OP_CODES[op], id, ...REQUEST_FIELDS[op].map((field) => fields[field] ?? null)]);
  }

  test('given every right and wrong value in its position, then the positional form is read as the map is', () => {
    for (const op of Object.keys(OP_CODES) as HotOp[]) {
      const { id: _id, op: _op, ...good } = goodRequest(op);
      for (const [field, { alsoGood = [], bad }] of Object.entries(OPS[op])) {
        for (const value of [undefined, ...alsoGood, ...bad]) {
          // nil is how the positional form leaves a field out, and UTF-8 has no lone surrogates.
          if (value === null || typeof value === 'bigint' || (typeof value === 'string' && /\p{Cs}/u.test(value)))
            continue;
          const fields = { ...good, [field]: value };
          const { id, request } = decodeRequest('msgpack', positional(op, 1, fields));
          expect({ id, request }, `${op} ${field} ${String(value)}`).toEqual(parseRequest({ id: 1, op, ...fields }));
        }
      }
    }
  });

  test('given right and wrong values in any position, then the positional form is read as the map is', () => {
    const value = fc.oneof(
      arbitrary.qty,
      arbitrary.ttlMs,
      arbitrary.reservationId,
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constantFrom('', 'a/b', 'two words', 'é', 'x'.repeat(33), 'x'.repeat(65), -0, 128, 0xffff, 0x80000000),
      fc.array(fc.integer(), { maxLength: 2 }),
      fc.dictionary(fc.string({ maxLength: 3 }), fc.integer(), { maxKeys: 2, noNullPrototype: true }),
    );
    const op = fc.constantFrom<HotOp>('reserve', 'commit', 'release', 'extend', 'ship');
    const spoiled = op.chain((name) =>
      fc
        .tuple(
          arbitrary.REQUESTS[name] as fc.Arbitrary<object>,
          fc.dictionary(fc.constantFrom(...FIELDS[name]), value, { maxKeys: 1, noNullPrototype: true }),
        )
        .map(([request, wrong]) => ({ ...request, ...wrong }) as unknown as WireRequest & { op: HotOp }),
    );
    fc.assert(
      fc.property(fc.oneof(arbitrary.id, value), spoiled, (id, request) => {
        const { op: name, ...rest } = request;
        const fields = Object.fromEntries(Object.entries(rest).filter(([, field]) => field !== undefined));
        const decoded = decodeRequest('msgpack', positional(name, id, fields));
        expect({ id: decoded.id, request: decoded.request }).toEqual(parseRequest({ id, op: name, ...fields }));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('batches of reserves', () => {
  const reserve = arbitrary.REQUESTS.reserve as fc.Arbitrary<object>;
  const item = fc.tuple(reserve, fc.option(arbitrary.id, { nil: undefined }), fc.nat()).map(([request, id, turn]) => {
    const pairs = Object.entries({ ...request, id }).filter(([, value]) => value !== undefined);
    // Maps are read in any order of their keys.
    const at = turn % pairs.length;
    return Object.fromEntries([...pairs.slice(at), ...pairs.slice(0, at)]);
  });
  const batch = fc.record({ id: arbitrary.id, items: fc.array(item, { minLength: 1, maxLength: 20 }) });

  test('given any, when sent as msgpack, then they are read as one by one', () => {
    fc.assert(
      fc.property(batch, ({ id, items }) => {
        const frame = packed({ items, id, op: 'batch' });
        expect(decodeRequest('msgpack', frame)).toMatchObject(parseRequest({ id, op: 'batch', items }));
      }),
    );
  });

  test('given any with some bytes changed, cut or added, then what is read is what the general way reads', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x80, 0xa0, 0xa3, 0xc0, 0xcd, 0xd9)),
    );
    const reader = new MsgpackReader({ depthMax: 8, nodesMax: 65_536 });
    fc.assert(
      fc.property(batch, fc.array(change, { maxLength: 2 }), fc.nat(), ({ id, items }, changes, cut) => {
        const whole = packed({ id, op: 'batch', items });
        for (const [at, byte] of changes) whole[at % whole.length] = byte;
        const frame = cut % 8 === 0 ? whole.subarray(0, cut % whole.length) : whole;
        const decoded = decodeRequest('msgpack', frame);
        let value: unknown;
        try {
          reader.begin(frame);
          value = reader.value();
          if (!reader.atEnd) throw new Error('more follows');
        } catch {
          expect(decoded.request).toMatchObject({ ok: false });
          return;
        }
        if (Array.isArray(value)) return; // the positional form, which is another test's
        const { id: itsId, request } = parseRequest(value);
        expect({ id: decoded.id, request: decoded.request }).toEqual({ id: itsId, request });
      }),
      { numRuns: 500 },
    );
  });

  test('given a field twice, or one too many items, then they are refused', () => {
    const good = goodRequest('reserve');
    const frame = packed({ id: 1, op: 'batch', items: [good] });
    expect(decodeRequest('msgpack', frame).request).toMatchObject({ op: 'batch' });
    const twice = Buffer.from(frame);
    twice.write('owner', twice.indexOf('order'));
    expect(decodeRequest('msgpack', twice).request).toMatchObject({ code: 'BAD_REQUEST' });
    const many = packed({ id: 1, op: 'batch', items: Array(1_001).fill(good) });
    expect(decodeRequest('msgpack', many).request).toMatchObject({ code: 'TOO_LARGE' });
  });
});

describe('JSON values as requests', () => {
  test('given any JSON value, then JSON and msgpack agree on the request or on the code of its refusal', () => {
    const field = fc.constantFrom(
      'id',
      'op',
      'sku',
      'region',
      'qty',
      'requestId',
      'items',
      'skus',
      'quantity',
      '__proto__',
    );
    const opName = fc.constantFrom('reserve', 'get', 'batch', 'query', 'nothing');
    const leaf = fc.oneof(
      opName,
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(field, tie('value'), { maxKeys: 6 }),
        fc.record(
          {
            id: arbitrary.id,
            op: opName,
            items: fc.array(tie('value'), { maxLength: 3 }),
            sku: arbitrary.sku,
            region: arbitrary.region,
            skus: tie('value'),
          },
          { requiredKeys: ['op'] },
        ),
      ),
    }));
    fc.assert(
      fc.property(fc.oneof(value, fc.jsonValue()), (any) => {
        const text = JSON.stringify(any);
        // An array at the top is the positional form in msgpack, and no request in JSON.
        const fromJson = decodeRequest('json', bytesOf(text));
        const fromMsgpack = decodeRequest('msgpack', packed(JSON.parse(text)));
        if ('code' in fromJson.request && fromJson.request.code === 'BAD_REQUEST') {
          expect(fromMsgpack.request).toMatchObject({ code: 'BAD_REQUEST' });
        } else {
          expect(fromMsgpack).toEqual(fromJson);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function packed(value: unknown): Uint8Array {
  const writer = new MsgpackWriter();
  writer.begin();
  writer.value(value);
  return writer.finishCopy();
}

describe('replies', () => {
  for (const encoding of ENCODINGS) {
    for (const [op, replies] of Object.entries(arbitrary.HOT_REPLIES)) {
      for (const positional of encoding === 'msgpack' ? [0, FORM_POSITIONAL] : [0]) {
        test(`given any ${op} reply, when sent as ${encoding}${positional ? ', positional' : ''}, then the client reads it`, () => {
          const form = positional | OP_CODES[op as HotOp];
          fc.assert(
            fc.property(arbitrary.id, replies as fc.Arbitrary<Outcome>, (id, outcome) => {
              const message = decodeServerMessage(encoding, encodeReply(encoding, id, outcome, form));
              expect(message).toEqual({ kind: 'reply', id, outcome });
            }),
          );
        });
      }
    }

    test(`given any refusal with or without id, when sent as ${encoding} in any form, then the client reads it`, () => {
      const form = fc.constantFrom(...(encoding === 'msgpack' ? [0, 1, 8, 9, 10] : [0, 1, 5]));
      fc.assert(
        fc.property(fc.option(arbitrary.id, { nil: undefined }), arbitrary.refusal, form, (id, outcome, replyForm) => {
          const message = decodeServerMessage(encoding, encodeReply(encoding, id, outcome, replyForm));
          expect(message).toEqual({ kind: 'reply', id, outcome });
        }),
      );
    });

    test(`given any other reply or push, when sent as ${encoding}, then the client reads it`, () => {
      fc.assert(
        fc.property(arbitrary.id, arbitrary.coldReply, arbitrary.push, (id, outcome, push) => {
          const reply = decodeServerMessage(encoding, encodeReply(encoding, id, outcome));
          expect(reply).toEqual({ kind: 'reply', id, outcome });
          expect(decodeServerMessage(encoding, encodePush(encoding, push))).toEqual({ kind: 'push', push });
        }),
      );
    });

    test(`given a reply larger than the buffer, when sent as ${encoding}, then it is whole, and so is the next`, () => {
      const position = { sku: 'a', region: 'r', note: 'ü'.repeat(100) };
      const outcome = { ok: true, positions: Array(20_000).fill(position), unknown: [] } as unknown as Outcome;
      expect(decodeServerMessage(encoding, encodeReply(encoding, 1, outcome))).toEqual({
        kind: 'reply',
        id: 1,
        outcome,
      });
      const small = { ok: true, subscriptions: 1 } as const;
      expect(decodeServerMessage(encoding, encodeReply(encoding, 2, small))).toEqual({
        kind: 'reply',
        id: 2,
        outcome: small,
      });
    });
  }

  test('given what no server sends, when the client decodes it, then it says so with a typed error', () => {
    for (const bytes of [[0x90], [0xc1], [0x93, 1, 9, 9], [0x81, 0xa1, 0x61, 1], [0x01], []]) {
      expect(() => decodeServerMessage('msgpack', Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ name: 'ServerMessageError' }),
      );
    }
    for (const text of ['', '1', 'null', '{}', '[]', '{"ok":1}', '{']) {
      expect(() => decodeServerMessage('json', text)).toThrow(expect.objectContaining({ name: 'ServerMessageError' }));
    }
  });
});

describe('msgpack', () => {
  // The other library renames the key __proto__; ours refuses it by name, which other tests show. It also writes -0 as 0,
  // as JSON does.
  const plain = fc.oneof(
    fc
      .jsonValue({ stringUnit: 'grapheme' })
      .filter((value) => !JSON.stringify(value).includes('__proto__'))
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
    fc.string({ unit: 'grapheme', maxLength: 70_000, size: 'max' }),
    fc.array(fc.nat(), { maxLength: 70, size: 'max' }),
  );

  test('given any plain value, when we write it, then another library reads it', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(reference.unpack(packed(value))).toEqual(value);
      }),
    );
  });

  test('given any plain value, when another library writes it, then we read it', () => {
    const reader = new MsgpackReader({ depthMax: 100, nodesMax: 1_000_000 });
    fc.assert(
      fc.property(plain, (value) => {
        reader.begin(reference.pack(value));
        expect(reader.value()).toEqual(value);
        expect(reader.atEnd).toBe(true);
      }),
    );
  });

  test('given more elements than 16 bits count, when written and read, then none is lost', () => {
    const reader = new MsgpackReader({ depthMax: 4, nodesMax: 1_000_000 });
    const long = {
      list: Array.from({ length: 70_000 }, (_, i) => i),
      map: Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i])),
    };
    reader.begin(packed(long));
    expect(reader.value()).toEqual(long);
  });
});
