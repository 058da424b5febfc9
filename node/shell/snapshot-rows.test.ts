// Rows of any size, written in parts: whatever interrupts the writer, each is read as it was or as it was to be.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../journal/memory/store.ts';
import { type AppendResult, type Lane, type SnapshotRow, StoreUnavailable } from '../journal/port.ts';
import { claimOf, layoutOf, rowOf, text } from '../journal/testing/given.ts';
import { RowWriter, wholeRow, wholeRows } from './snapshot-rows.ts';

const PART_BYTES = 10;
const PARTITION = 3;
const SKUS = ['hot', 'été'];

/** A lane whose writer can be interrupted, and that says what was written. */
async function givenLane(): Promise<{
  lane: Lane;
  written: SnapshotRow[];
  interruptAfter(calls: number, lands?: boolean): void;
}> {
  const lane = await new MemoryStore().acquire(layoutOf('eu-west'), claimOf('owner'));
  const written: SnapshotRow[] = [];
  let callsLeft = Number.POSITIVE_INFINITY;
  let isLanding = false;
  const putRows = lane.putRows.bind(lane);
  lane.putRows = async (slot, rows): Promise<AppendResult> => {
    callsLeft -= 1;
    if (callsLeft < 0 && !isLanding) throw new StoreUnavailable('interrupted');
    written.push(...rows);
    const result = await putRows(slot, rows);
    if (callsLeft < 0) throw new StoreUnavailable('interrupted, and it has landed');
    return result;
  };
  const interruptAfter = (calls: number, lands = false): void => {
    callsLeft = calls;
    isLanding = lands;
  };
  return { lane, written, interruptAfter };
}

async function put(writer: RowWriter, row: SnapshotRow): Promise<void> {
  const result = writer.isLarge(row.bytes)
    ? await writer.putLarge('a', row, async () => {})
    : await writer.put('a', [row]);
  expect(result).toBe('OK');
}

async function read(lane: Lane): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>();
  for await (const rows of wholeRows(lane, 'a')) for (const { sku, bytes } of rows) found.set(sku, text(bytes));
  for (const [sku, value] of found) expect(text(await wholeRow(lane, 'a', PARTITION, sku))).toBe(value);
  return found;
}

describe('rows of a snapshot', () => {
  it('given a large row, when it is written, then no write is larger than a part', async () => {
    const { lane, written } = await givenLane();

    await put(new RowWriter(lane, PART_BYTES), rowOf(PARTITION, 'hot', 'x'.repeat(95)));

    expect(await read(lane)).toEqual(new Map([['hot', 'x'.repeat(95)]]));
    expect(written).toHaveLength(11);
    expect(Math.max(...written.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(PART_BYTES);
  });

  it('given a row in parts, when it is written again, larger or small, then the parts before weigh nothing', async () => {
    const { lane } = await givenLane();
    const writer = new RowWriter(lane, PART_BYTES);
    for (const length of [95, 200, 30, 4]) {
      await put(writer, rowOf(PARTITION, 'hot', 'x'.repeat(length)));

      let stored = 0;
      for await (const rows of lane.rows('a')) for (const { bytes } of rows) stored += bytes.length;
      expect(stored).toBeLessThanOrEqual(length + PART_BYTES);
    }
  });

  it('given a part that is missing, when the row is read, then it is called damaged', async () => {
    const { lane, written } = await givenLane();
    await put(new RowWriter(lane, PART_BYTES), rowOf(PARTITION, 'hot', 'x'.repeat(95)));
    const part = written[4] as SnapshotRow;

    await lane.putRows('a', [{ ...part, bytes: new Uint8Array(0) }]);

    await expect(wholeRow(lane, 'a', PARTITION, 'hot')).rejects.toThrow(/come to 85 bytes, not 95/);
  });

  it('given any rows, interruptions and restarts, when they are read, then each is as it was, or as it was to be', async () => {
    const step = fc.record({
      sku: fc.constantFrom(...SKUS),
      length: fc.integer({ min: 1, max: 45 }),
      interruptAfter: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 2 }),
      /** What is interrupted has landed all the same. */
      lands: fc.boolean(),
      restarts: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { lane, interruptAfter } = await givenLane();
        const expected = new Map<string, string>();
        let writer = new RowWriter(lane, PART_BYTES);
        for (const [n, { sku, length, interruptAfter: calls, lands, restarts }] of steps.entries()) {
          if (restarts) writer = new RowWriter(lane, PART_BYTES);
          const value = String.fromCharCode(97 + (n % 26)).repeat(length);
          const before = expected.get(sku);
          interruptAfter(calls ?? Number.POSITIVE_INFINITY, lands);
          const isPut = await put(writer, rowOf(PARTITION, sku, value)).then(
            () => true,
            (error: Error) => {
              expect(error).toBeInstanceOf(StoreUnavailable);
              return false;
            },
          );
          interruptAfter(Number.POSITIVE_INFINITY);
          const found = (await read(lane)).get(sku);
          if (isPut) expect(found).toBe(value);
          else expect([before, value]).toContain(found);
          if (found !== undefined) expected.set(sku, found);
        }
        expect(await read(lane)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });
});
