// The framing, the outgoing queue and the calls that wait, as pure parts: any split of the stream, any garbage.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, FrameRefused, HEAD_BYTES, writeHead } from './frame.ts';
import { OutgoingQueue } from './outgoing.ts';
import { PendingCalls } from './pending-calls.ts';
import { MeshFailure } from './port.ts';

const FRAME_BYTES_MAX = 1 << 20;

interface Sent {
  readonly type: number;
  readonly kind: number;
  readonly call: number;
  readonly leftMs: number;
  readonly body: Uint8Array;
}

const u8 = fc.nat(0xff);
const u32 = fc.nat(0xffffffff);
const anyBody = fc.oneof(
  { weight: 15, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  // Larger than a chunk of the queue and than what the reader keeps.
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 60_000, max: 200_000 })
      .map((length) => new Uint8Array(length).map((_, i) => i * 31 + length)),
  },
);
const anyFrames = fc.array(fc.record<Sent>({ type: u8, kind: u8, call: u32, leftMs: u32, body: anyBody }), {
  maxLength: 20,
});
/** Sizes of the pieces into which a stream falls, used in turn. */
const anyCuts = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 12 });
/** Shorter than heads. */
const smallCuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 });

function encode({ type, kind, call, leftMs, body }: Sent): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + body.length);
  writeHead(bytes, 0, type, kind, call, leftMs, body.length);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

function readInPieces(reader: FrameReader, stream: Buffer, cuts: readonly number[]): Sent[] {
  const read: Sent[] = [];
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = cuts[i % cuts.length] as number;
    // A copy that is wiped after the read: what the reader kept must be its own.
    const piece = Buffer.from(stream.subarray(at, at + size));
    reader.read(piece, (type, kind, call, leftMs, body) => {
      read.push({ type, kind, call, leftMs, body: Uint8Array.from(body) });
    });
    piece.fill(0xee);
    at += size;
  }
  return read;
}

/** Compares bodies as bytes: deep equality of large arrays takes seconds. */
function expectFrames(read: readonly Sent[], sent: readonly Sent[]): void {
  const heads = ({ type, kind, call, leftMs, body }: Sent) => [type, kind, call, leftMs, body.length];
  expect(read.map(heads)).toEqual(sent.map(heads));
  expect(read.every(({ body }, i) => Buffer.compare(body, sent[i]?.body ?? new Uint8Array(0)) === 0)).toBe(true);
}

describe('framing', () => {
  it('given any frames, when their bytes come in any pieces, then the same frames are read', () => {
    fc.assert(
      fc.property(anyFrames, fc.oneof(anyCuts, smallCuts), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encode));
        expectFrames(readInPieces(new FrameReader(FRAME_BYTES_MAX), stream, cuts), frames);
      }),
      { numRuns: 150 },
    );
  });

  it('given garbage in any pieces, then it is read as frames within it or refused, and little is held', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_096 }), smallCuts, (garbage, cuts) => {
        const reader = new FrameReader(FRAME_BYTES_MAX);
        let read: readonly Sent[] = [];
        try {
          read = readInPieces(reader, Buffer.from(garbage), cuts);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameRefused);
        }
        const bytes = read.reduce((sum, { body }) => sum + HEAD_BYTES + body.length, 0);
        expect(bytes).toBeLessThanOrEqual(garbage.length);
        expect(reader.heldBytes).toBeLessThanOrEqual(2 * Math.max(HEAD_BYTES, garbage.length));
      }),
      { numRuns: 500 },
    );
  });

  it('given a head that promises the largest frame, when a few bytes of it come, then a few bytes are held', () => {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    const head = Buffer.alloc(HEAD_BYTES);
    writeHead(head, 0, 1, 0, 0, 0, FRAME_BYTES_MAX - HEAD_BYTES);
    reader.read(Buffer.concat([head, Buffer.alloc(100)]), () => expect.unreachable());
    expect(reader.heldBytes).toBeLessThan(1_024);
  });

  it.each([
    ['one byte more than is taken', FRAME_BYTES_MAX + 1 - HEAD_BYTES],
    ['all that a length can say', 0xffffffff - HEAD_BYTES],
  ])('given a frame of %s, then its head is refused', (_, bodyBytes) => {
    const head = Buffer.alloc(HEAD_BYTES);
    writeHead(head, 0, 1, 0, 0, 0, bodyBytes);
    const reader = new FrameReader(FRAME_BYTES_MAX);
    expect(() => reader.read(head, () => expect.unreachable())).toThrow(FrameRefused);
    expect(reader.heldBytes).toBeLessThan(1_024);
  });

  it('given a frame with a flag, then it is refused: nothing is known of what it would mean', () => {
    const frame = encode({ type: 1, kind: 0, call: 0, leftMs: 0, body: new Uint8Array(0) });
    frame[7] = 0x80;
    expect(() => new FrameReader(FRAME_BYTES_MAX).read(frame, () => expect.unreachable())).toThrow(/flags 0x8000/);
  });
});

describe('the outgoing queue', () => {
  it('given frames pushed between writes of any sizes, then the frames leave whole and in order', () => {
    const anySteps = fc.array(
      fc.oneof(
        fc.record({ push: fc.record<Sent>({ type: u8, kind: u8, call: u32, leftMs: u32, body: anyBody }) }),
        fc.record({ write: fc.integer({ min: 1, max: 100_000 }) }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(anySteps, fc.boolean(), (steps, leavesWithPieceOut) => {
        const queue = new OutgoingQueue();
        const pushed: Sent[] = [];
        const left: Buffer[] = [];
        let out: Buffer | undefined;
        const gone = (): void => {
          if (out === undefined) return;
          left.push(Buffer.from(out));
          queue.gone();
          out = undefined;
        };
        for (const step of steps) {
          if ('push' in step) {
            const { type, kind, call, leftMs, body } = step.push;
            queue.push(type, kind, call, leftMs, body);
            pushed.push(step.push);
          } else {
            gone();
            out = queue.take(step.write);
          }
        }
        const total = pushed.reduce((sum, { body }) => sum + HEAD_BYTES + body.length, 0);
        const leftBytes = left.reduce((sum, piece) => sum + piece.length, 0);
        expect(queue.bytes).toBe(total - leftBytes);
        if (!leavesWithPieceOut) gone();
        const stream = Buffer.concat([...left, ...(out === undefined ? [] : [out]), ...queue.rest()]);
        expectFrames(readInPieces(new FrameReader(FRAME_BYTES_MAX), stream, [stream.length || 1]), pushed);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the calls that wait', () => {
  it('given any order of answers, time-outs and the end of the link, then each is told exactly once, none too early', () => {
    const anySteps = fc.array(
      fc.oneof(
        fc.record({ add: fc.nat(100) }),
        fc.record({ settle: fc.nat(30) }),
        fc.record({ pass: fc.nat(50) }),
        fc.constant({ fail: true as const }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(anySteps, (steps) => {
        const calls = new PendingCalls();
        const told: number[] = [];
        const numbers: number[] = [];
        const untils: number[] = [];
        let now = 0;
        for (const step of steps) {
          if ('add' in step) {
            const index = told.push(0) - 1;
            untils.push(now + step.add);
            numbers.push(
              calls.add(() => {
                told[index] = (told[index] as number) + 1;
              }, now + step.add),
            );
          } else if ('settle' in step) {
            const number = numbers[step.settle];
            if (number !== undefined) calls.settle(number, new Uint8Array(0));
          } else if ('pass' in step) {
            now += step.pass;
            const before = [...told];
            calls.expire(now, () => 'late');
            for (const [i, count] of told.entries()) {
              const isDue = (untils[i] as number) <= now;
              if (isDue) expect(count).toBe(1);
              else expect(count).toBe(before[i]);
            }
          } else {
            calls.failAll(new MeshFailure('broken'));
          }
          const waiting = untils.filter((_, i) => told[i] === 0);
          expect(calls.size).toBe(waiting.length);
          expect(calls.earliest).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...waiting));
          expect(new Set(numbers).size).toBe(numbers.length);
        }
        calls.failAll(new MeshFailure('broken'));
        expect(told.every((count) => count === 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
