// The framing of a commit, and the reader that trusts nothing (I8).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchHeader, checksumOf, decodeBatch, encodeBatch, firstSeqOf, JournalCorrupt } from './batch.ts';
import type { JournalBatch, LaneReader, Ownership } from './port.ts';
import { BatchWriter, collect } from './testing/batches.ts';
import { readVerified } from './verify.ts';

const header = fc.record({
  epoch: fc.maxSafeNat(),
  nonce: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 64 }),
  firstSeq: fc.maxSafeNat(),
  count: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  prevChecksum: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const records = fc.uint8Array({ maxLength: 300 });

describe('a framed batch', () => {
  it('given any header and records, when it is decoded, then they come back', () => {
    fc.assert(
      fc.property(header, records, (given, bytes) => {
        fc.pre(Number.isSafeInteger(given.firstSeq + given.count));
        const encoded = encodeBatch(given, bytes);
        const decoded = decodeBatch(encoded);
        expect(decoded).toMatchObject(given);
        expect(decoded.lastSeq).toBe(given.firstSeq + given.count - 1);
        expect(Buffer.compare(decoded.records, bytes)).toBe(0);
        expect(decoded.checksum).toBe(checksumOf(encoded));
        expect(firstSeqOf(encoded)).toBe(given.firstSeq);
      }),
    );
  });

  it('given a view into a larger buffer, then only the view is read', () => {
    const encoded = encodeBatch({ epoch: 1, nonce: 'n', firstSeq: 1, count: 1, prevChecksum: 0 }, Buffer.from('x'));
    const larger = new Uint8Array(encoded.length + 20);
    larger.set(encoded, 10);

    expect(decodeBatch(larger.subarray(10, 10 + encoded.length)).nonce).toBe('n');
  });

  it('given bytes cut short anywhere, or with any bit turned, then JournalCorrupt', () => {
    fc.assert(
      fc.property(header, records, fc.nat(), fc.nat(7), (given, bytes, at, bit) => {
        const encoded = Buffer.from(encodeBatch(given, bytes));
        expect(() => decodeBatch(encoded.subarray(0, at % encoded.length))).toThrow(JournalCorrupt);
        const index = at % encoded.length;
        encoded.writeUInt8(encoded.readUInt8(index) ^ (1 << bit), index);
        expect(() => decodeBatch(encoded)).toThrow(JournalCorrupt);
      }),
    );
  });

  it('given a later format version, then it is named', () => {
    const encoded = Buffer.from(
      encodeBatch({ epoch: 1, nonce: 'n', firstSeq: 9, count: 1, prevChecksum: 0 }, Buffer.alloc(0)),
    );
    encoded.writeUInt8(2, 3);

    expect(() => decodeBatch(encoded)).toThrow(
      'journal corrupt at seq 9: expected batch format version 1, found version 2',
    );
  });

  it('given a header that cannot be represented, then it is a RangeError', () => {
    const good: BatchHeader = { epoch: 1, nonce: 'n', firstSeq: 1, count: 1, prevChecksum: 0 };
    const bad: Partial<BatchHeader>[] = [
      { epoch: -1 },
      { firstSeq: 1.5 },
      { count: 0 },
      { nonce: '' },
      { nonce: 'n'.repeat(65) },
      { prevChecksum: -1 },
    ];

    for (const field of bad) expect(() => encodeBatch({ ...good, ...field }, Buffer.alloc(0))).toThrow(RangeError);
  });
});

describe('reading verified', () => {
  const owner = (epoch: number, lastSeq: number, nonce = `n${epoch}`): Ownership => ({
    epoch,
    nonce,
    ownerId: 'someone',
    lastSeq,
  });

  function laneOf(batches: readonly JournalBatch[], ownership: Ownership | undefined): LaneReader {
    return {
      ownership: async () => ownership,
      async *batches(fromSeq) {
        yield* batches.filter(({ lastSeq }) => lastSeq >= fromSeq);
      },
      snapshots: async () => [],
      async *rows() {},
      row: async () => undefined,
    };
  }

  const writerOf = (epoch: number, openedAtSeq = 0, previous?: JournalBatch, nonce = `n${epoch}`) =>
    new BatchWriter({ epoch, nonce, openedAtSeq }, previous);

  async function damage(lane: LaneReader, fromSeq = 1, checksum: number | undefined = 0): Promise<JournalCorrupt> {
    const error = await collect(readVerified(lane, fromSeq, checksum)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JournalCorrupt);
    return error as JournalCorrupt;
  }

  it('given a whole lane of two epochs, then every batch comes, from any link', async () => {
    const first = writerOf(1);
    const [one, two] = [first.next(3), first.next(3)];
    const three = writerOf(2, 6, two).next(3);
    const lane = laneOf([one, two, three], owner(2, 9));

    expect(await collect(readVerified(lane, 1, 0))).toHaveLength(3);
    expect(await collect(readVerified(lane, 4, checksumOf(one.bytes)))).toHaveLength(2);
    expect(await collect(readVerified(lane, 10, checksumOf(three.bytes)))).toHaveLength(0);
    expect(await collect(readVerified(lane, 5, undefined))).toHaveLength(2);
    expect(await collect(readVerified(laneOf([], undefined), 1, 0))).toHaveLength(0);
  });

  it('given a missing batch, then the gap is named', async () => {
    const writer = writerOf(1);
    const [one, , three] = [writer.next(2), writer.next(2), writer.next(2)];

    expect(await damage(laneOf([one, three], owner(1, 6)))).toMatchObject({
      seq: 3,
      expected: 'a batch that begins at 3',
      found: 'one at 5',
    });
  });

  it('given a start that was trimmed away, then it is named', async () => {
    const writer = writerOf(1);
    const [, two] = [writer.next(2), writer.next(2)];

    expect(await damage(laneOf([two], owner(1, 4)))).toMatchObject({ seq: 1 });
  });

  it('given a start inside a batch with a checksum to link to, then it is refused', async () => {
    expect(await damage(laneOf([writerOf(1).next(4)], owner(1, 4)), 3, 7)).toMatchObject({ seq: 3 });
  });

  it('given an epoch that decreases, then it is named', async () => {
    const one = writerOf(2).next(2);
    const two = writerOf(1, 2, one).next(2);

    expect(await damage(laneOf([one, two], owner(2, 4)))).toMatchObject({ seq: 3, expected: 'an epoch ≥ 2' });
  });

  it('given a second nonce in one epoch, then it is named, within the batches and against the owner', async () => {
    const one = writerOf(1).next(2);
    const two = writerOf(1, 2, one, 'other').next(2);

    expect(await damage(laneOf([one, two], owner(2, 4)))).toMatchObject({ seq: 3, found: 'nonce other' });
    expect(await damage(laneOf([one], owner(1, 2, 'another')))).toMatchObject({ seq: 1, found: 'nonce n1' });
  });

  it('given a batch from another history, then the broken link is named', async () => {
    const one = writerOf(1).next(2);
    const stranger = writerOf(1).next(2, 'another past');
    const two = writerOf(1, 2, stranger).next(2);

    expect((await damage(laneOf([one, two], owner(1, 4)))).expected).toMatch(/^a link to checksum 0x/);
    expect((await damage(laneOf([two], owner(1, 4)), 3, checksumOf(one.bytes))).expected).toMatch(/^a link to/);
  });

  it('given bytes cut short, then their length is named', async () => {
    const one = writerOf(1).next(2);
    const cut = { ...one, bytes: one.bytes.subarray(0, -3) };

    expect(await damage(laneOf([cut], owner(1, 2)))).toMatchObject({ seq: 1, found: `${cut.bytes.length} bytes` });
  });

  it('given a store whose index disagrees with the bytes, then it is named', async () => {
    const one = writerOf(1).next(2);

    expect(await damage(laneOf([{ ...one, lastSeq: 3 }], owner(1, 3)))).toMatchObject({ seq: 1 });
  });

  it('given a lost tail, then the end is named, with and without batches, and behind a snapshot', async () => {
    const one = writerOf(1).next(2);

    expect(await damage(laneOf([one], owner(1, 5)))).toMatchObject({ seq: 3, expected: 'records up to 5' });
    expect(await damage(laneOf([], owner(1, 5)))).toMatchObject({ seq: 1 });
    expect(await damage(laneOf([], owner(1, 5)), 9, 1)).toMatchObject({ seq: 9 });
  });
});
