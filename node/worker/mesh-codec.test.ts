// What one worker writes, another reads: the same request, the same outcome; and of anything else, a refusal.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRequest as decodeWire } from '../../protocol/codec.ts';
import { HOT_OPS } from '../../protocol/compact.ts';
import { LIST_PAGE_MAX, type Outcome, type WireRequest } from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import * as arbitrary from '../../protocol/testing/arbitraries.ts';
import {
  decodeOutcome,
  decodeRequest,
  encodeOutcome,
  encodeRequest,
  isItem,
  NOT_SERVED_HERE,
  opCodeOf,
} from './mesh-codec.ts';
import type { PageRequest } from './spread.ts';

type Item = Parameters<typeof encodeRequest>[0];

const item: fc.Arbitrary<Item> = arbitrary.request
  .map(parsed)
  .filter((request) => !('ok' in request) && isItem(request)) as fc.Arbitrary<Item>;
const page: fc.Arbitrary<PageRequest> = fc.record({
  op: fc.constant('page' as const),
  partition: fc.nat(),
  region: arbitrary.region,
  after: fc.option(arbitrary.sku, { nil: undefined }),
  limit: fc.integer({ min: 1, max: LIST_PAGE_MAX }),
});
/** Outcomes, each with the code of the op it answers. */
const outcome: fc.Arbitrary<readonly [number, Outcome]> = fc.oneof(
  ...Object.entries(arbitrary.HOT_REPLIES).map(([op, replies]) =>
    (replies as fc.Arbitrary<Outcome>).map((reply) => [opCodeOf(op), reply] as const),
  ),
  fc.tuple(fc.integer({ min: 0, max: 5 }), arbitrary.refusal),
  arbitrary.coldReply.map((reply) => [0, reply] as const),
);

/** As a worker has it from its client. */
function parsed(request: WireRequest) {
  return parseRequest(JSON.parse(JSON.stringify(request)), false).request;
}

describe('requests between workers', () => {
  it('given any request that a client may send, when passed on, then the owner has it as the client sent it', () => {
    fc.assert(
      fc.property(item, (request) => {
        const read = decodeRequest(encodeRequest(request));
        expect(read).toEqual(request);
        // Fields in one order: one shape for each op.
        expect(Object.keys(read)).toEqual(Object.keys(request));
      }),
      { numRuns: 2_000 },
    );
  });

  it('given any page, when asked for, then the other worker reads the same page', () => {
    fc.assert(
      fc.property(page, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  it('given a request of a hot op, when passed on, then it takes the positional form', () => {
    for (const op of HOT_OPS) {
      if (op === undefined) continue;
      const [request] = fc.sample(arbitrary.REQUESTS[op] as fc.Arbitrary<WireRequest>, 1) as [WireRequest];
      const bytes = encodeRequest(parsed(request) as Item);
      expect(decodeWire('msgpack', bytes).form & 8).toBe(8);
    }
  });

  it('given a request that is cut off, then it is refused', () => {
    fc.assert(
      fc.property(fc.oneof(item, page), fc.nat(), (request, cut) => {
        const bytes = encodeRequest(request).slice();
        expect(decodeRequest(bytes.subarray(0, cut % bytes.length))).toMatchObject({ ok: false, code: 'BAD_REQUEST' });
      }),
    );
  });

  it('given bytes that are damaged or made up, then a request comes out whole or as a refusal', () => {
    const known = new Set(['page', 'batch', 'hello', 'map', 'subscribe', 'unsubscribe']);
    fc.assert(
      fc.property(hostile(fc.oneof(item, page).map(encodeRequest)), (bytes) => {
        const request = decodeRequest(bytes);
        if ('ok' in request) expect(request.ok).toBe(false);
        else if (!known.has(request.op)) expect(decodeRequest(encodeRequest(request as Item))).toEqual(request);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('outcomes between workers', () => {
  it('given any outcome, when it comes back, then it is the one that the owner gave', () => {
    fc.assert(
      fc.property(outcome, ([opCode, given]) => {
        expect(decodeOutcome(encodeOutcome(given, opCode))).toEqual(given);
      }),
      { numRuns: 2_000 },
    );
  });

  it('given a sku that is not served there, then there is no outcome', () => {
    expect(decodeOutcome(NOT_SERVED_HERE)).toBeUndefined();
  });

  it('given an outcome that is cut off or goes on after its end, then it is a refusal that says so', () => {
    fc.assert(
      fc.property(outcome, fc.nat(), ([opCode, given], cut) => {
        const bytes = encodeOutcome(given, opCode).slice();
        expect(decodeOutcome(bytes.subarray(0, cut % bytes.length))).toMatchObject({ ok: false, code: 'INTERNAL' });
        expect(decodeOutcome(Buffer.concat([bytes, Buffer.of(0)]))).toMatchObject({ ok: false, code: 'INTERNAL' });
      }),
    );
  });

  it('given bytes that are damaged or made up, then an outcome comes out, or none, and nothing is thrown', () => {
    fc.assert(
      fc.property(hostile(outcome.map(([opCode, given]) => encodeOutcome(given, opCode))), (bytes) => {
        const read = decodeOutcome(bytes);
        if (read !== undefined) expect(typeof read.ok).toBe('boolean');
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [what, bytes, why] of [
    ['an unknown kind', [0x92, 0, 6], 'unknown kind 6'],
    ['one element more than its kind has', [0x97, 0, 3, 1, 1, 0xc3, 0xc3, 0xc3], '2 elements more'],
    ['a text where a number belongs', [0x94, 0, 3, 0xa1, 0x61, 1], 'not an integer'],
    ['a fraction where an integer belongs', [0x94, 0, 3, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 1], 'not an integer'],
    ['a map without ok', [0x81, 0xa1, 0x61, 1], 'neither an outcome'],
    ['the layout of protocol 1', [0, 0x81, 0xa2, 0x6f, 0x6b, 0xc3], 'neither an outcome'],
    ['nothing', [], 'ends in the middle'],
  ] as const) {
    it(`given an outcome with ${what}, then it is a refusal that says so`, () => {
      const read = decodeOutcome(Uint8Array.from(bytes));
      expect(read).toMatchObject({ ok: false, code: 'INTERNAL', message: expect.stringContaining(why) });
    });
  }
});

/** Right bytes with a few of them changed, and bytes of no origin. */
function hostile(right: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  const damaged = fc
    .tuple(
      right.map((bytes) => bytes.slice()),
      changes,
    )
    .map(([bytes, changed]) => {
      for (const [at, byte] of changed) bytes[at % bytes.length] = byte;
      return bytes;
    });
  return fc.oneof(damaged, fc.uint8Array({ maxLength: 64 }));
}
