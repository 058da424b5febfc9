// Frames survive any chunking of the stream, in both directions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameScanner, maskedFrame, OPCODE, payloadOffset } from './frames.ts';

interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** A frame as a server sends it: without a mask. */
function serverFrame({ opcode, payload }: Frame): Uint8Array {
  const masked = maskedFrame(opcode, payload);
  const headerBytes = payloadOffset(masked) - 4;
  const frame = new Uint8Array(headerBytes + payload.length);
  frame.set(masked.subarray(0, headerBytes));
  frame[1] = (frame[1] as number) & 0x7f;
  frame.set(payload, headerBytes);
  return frame;
}

/** As text: comparing large arrays element by element would take longer than all the rest. */
function shown({ opcode, payload }: Frame): string {
  return `${opcode}:${Buffer.from(payload).toString('latin1')}`;
}

function scan(chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = [];
  const scanner = new FrameScanner((opcode, bytes, start, end) => {
    frames.push(shown({ opcode, payload: bytes.subarray(start, end) }));
  });
  for (const chunk of chunks) scanner.push(chunk);
  return frames;
}

function cutAt(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  return edges.slice(1).map((edge, i) => stream.slice(edges[i], edge));
}

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(...Object.values(OPCODE)),
    payload: fc.oneof(
      { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
      // The lengths at which the header changes its form, and one beyond the scanner's first buffer.
      {
        weight: 1,
        arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536, 100_000).map((n) => new Uint8Array(n).fill(7)),
      },
    ),
  }),
  { maxLength: 8 },
);

describe('the frame scanner', () => {
  it('given any chunking of the stream, when scanned, then the frames are the same', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(serverFrame));
        expect(scan(cutAt(stream, cuts))).toEqual(sent.map(shown));
      }),
      { numRuns: 200 },
    );
  });

  it('given one byte at a time, when scanned, then the frames are the same', () => {
    const sent = [125, 126, 65_536].map((length) => ({
      opcode: OPCODE.binary,
      payload: new Uint8Array(length).fill(1),
    }));
    const stream = Buffer.concat(sent.map(serverFrame));
    expect(scan([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(sent.map(shown));
  });

  it.each([
    ['a masked frame', [0x82, 0x80, 0, 0, 0, 0]],
    ['a fragment', [0x02, 0x01, 0]],
    ['a continuation', [0x80, 0x01, 0]],
    ['an extension bit', [0xc2, 0x01, 0]],
    ['an absurd length', [0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0]],
  ])('given %s, when scanned, then it is refused', (_name, bytes) => {
    expect(() => scan([Uint8Array.from(bytes)])).toThrow(/server/);
  });
});
