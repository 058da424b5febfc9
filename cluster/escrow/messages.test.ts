// The bytes of rows: what is written is read again, and nothing else is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNT_MAX, MESSAGE_BYTES_MAX, ROWS_MAX, WEIGHT_MAX } from './limits.ts';
import { BadPoolMessage, decodeRows, encodeRows, type PoolRow } from './messages.ts';

const name = (max: number) =>
  fc.string({ minLength: 1, maxLength: max, unit: fc.constantFrom('a', 'z', '-', '7', 'é', '漢') });
const count = fc.oneof(fc.nat(), fc.nat({ max: COUNT_MAX }), fc.constant(COUNT_MAX));
const any = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const row: fc.Arbitrary<PoolRow> = fc.record({
  sku: name(64),
  from: name(32),
  to: name(32),
  given: count,
  seen: count,
  rights: count,
  weight: fc.nat({ max: WEIGHT_MAX }),
  epoch: any,
  seq: any,
  askNo: any,
  answerNo: any,
  want: count,
  need: count,
});

describe('the bytes of rows', () => {
  it('given any rows, when they are read, then they are the same', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        expect(decodeRows(encodeRows(rows))).toEqual(rows);
      }),
    );
  });

  it('given bytes that are damaged, when they are read, then they are refused or another valid message, never a crash', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 4 }),
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.boolean(),
        (rows, at, byte, cut) => {
          const bytes = encodeRows(rows);
          const i = at % bytes.length;
          const damaged = cut ? bytes.slice(0, i) : bytes.with(i, byte);
          try {
            for (const read of decodeRows(damaged)) expect(read.given).toBeLessThanOrEqual(COUNT_MAX);
            expect(cut).toBe(false);
          } catch (error) {
            if (!(error instanceof BadPoolMessage)) throw error;
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('given a full message of the longest rows, when it is written, then it is within the bound', () => {
    const max = Number.MAX_SAFE_INTEGER;
    const full: PoolRow = {
      sku: '漢'.repeat(64),
      from: '漢'.repeat(32),
      to: '漢'.repeat(32),
      given: COUNT_MAX,
      seen: COUNT_MAX,
      rights: COUNT_MAX,
      weight: WEIGHT_MAX,
      epoch: max,
      seq: max,
      askNo: max,
      answerNo: max,
      want: COUNT_MAX,
      need: COUNT_MAX,
    };
    const bytes = encodeRows(Array.from({ length: ROWS_MAX }, () => full));
    expect(bytes.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
    expect(decodeRows(bytes)).toHaveLength(ROWS_MAX);
    expect(() => encodeRows(Array.from({ length: ROWS_MAX + 1 }, () => full))).toThrow(RangeError);
    expect(() => encodeRows([{ ...full, given: COUNT_MAX + 1 }])).toThrow(RangeError);
  });
});
