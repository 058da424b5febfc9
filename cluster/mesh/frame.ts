// The mesh's frames: a fixed head and a body. Reading is incremental and bounded: a length beyond what is allowed is
// refused, and memory is taken for bytes that have come, never for bytes that a length promises.

/**
 * Little-endian:
 *
 *   0  u32  bytes that follow this field
 *   4  u8   type, one of FRAME
 *   5  u8   kind of message (calls and notifies), else 0
 *   6  u16  flags: none are defined, so that a frame with any is refused
 *   8  u32  number of the call (calls and their answers), else 0
 *   12 u32  how long the caller still waits, ms (calls), else 0
 *   16      body
 */
export const HEAD_BYTES = 16;
const LENGTH_BYTES = 4;

export const FRAME = {
  /** Who is there, as JSON. */
  hello: 1,
  /** The proof that the sender knows the secret. */
  proof: 2,
  call: 3,
  reply: 4,
  /** The call was not answered: why, as text. */
  refused: 5,
  /** A message without an answer. */
  notify: 6,
  /** The sender is alive and has nothing else to say. */
  beat: 7,
  /** The last frame of the sender: why it ends the link, as text. */
  bye: 8,
} as const;

/** Bytes that no peer of this version sends. */
export class FrameRefused extends Error {
  override readonly name = 'FrameRefused';
}

/** Writes a frame's head at `at`, where HEAD_BYTES are free. */
export function writeHead(
  into: Uint8Array,
  at: number,
  type: number,
  kind: number,
  call: number,
  leftMs: number,
  bodyBytes: number,
): void {
  const counted = HEAD_BYTES - LENGTH_BYTES + bodyBytes;
  into[at] = counted;
  into[at + 1] = counted >>> 8;
  into[at + 2] = counted >>> 16;
  into[at + 3] = counted >>> 24;
  into[at + 4] = type;
  into[at + 5] = kind;
  into[at + 6] = 0;
  into[at + 7] = 0;
  into[at + 8] = call;
  into[at + 9] = call >>> 8;
  into[at + 10] = call >>> 16;
  into[at + 11] = call >>> 24;
  into[at + 12] = leftMs;
  into[at + 13] = leftMs >>> 8;
  into[at + 14] = leftMs >>> 16;
  into[at + 15] = leftMs >>> 24;
}

/** Called for each frame. The body is a view that is valid during the call alone. */
export type OnFrame = (type: number, kind: number, call: number, leftMs: number, body: Buffer) => void;

/** What is kept between reads without being given back. */
const KEPT_BYTES = 65_536;

export class FrameReader {
  /** The largest frame taken; may be raised between two frames. */
  frameBytesMax: number;
  /** The beginning of a frame whose end has not come. */
  #kept = Buffer.allocUnsafe(HEAD_BYTES);
  #keptBytes = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Memory held for a frame that is not whole yet. */
  get heldBytes(): number {
    return this.#kept.length;
  }

  /** Takes in what the stream gave next. @throws FrameRefused; the stream is of no use after that */
  read(chunk: Buffer, onFrame: OnFrame): void {
    let at = this.#keptBytes > 0 ? this.#complete(chunk, onFrame) : 0;
    while (chunk.length - at >= HEAD_BYTES) {
      const bytes = this.#frameBytes(chunk, at);
      if (chunk.length - at < bytes) break;
      deliver(chunk, at, bytes, onFrame);
      at += bytes;
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length - at);
  }

  /** Goes on with the frame that was kept; returns how far the chunk was used. */
  #complete(chunk: Buffer, onFrame: OnFrame): number {
    let at = 0;
    if (this.#keptBytes < HEAD_BYTES) {
      at = this.#keep(chunk, 0, HEAD_BYTES - this.#keptBytes);
      if (this.#keptBytes < HEAD_BYTES) return at;
    }
    const bytes = this.#frameBytes(this.#kept, 0);
    at += this.#keep(chunk, at, bytes - this.#keptBytes);
    if (this.#keptBytes < bytes) return at;
    const whole = this.#kept;
    this.#keptBytes = 0;
    if (whole.length > KEPT_BYTES) this.#kept = Buffer.allocUnsafe(HEAD_BYTES);
    deliver(whole, 0, bytes, onFrame);
    return at;
  }

  #keep(chunk: Buffer, from: number, bytesMax: number): number {
    const bytes = Math.min(bytesMax, chunk.length - from);
    const needed = this.#keptBytes + bytes;
    if (needed > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#kept.length * 2, needed));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    chunk.copy(this.#kept, this.#keptBytes, from, from + bytes);
    this.#keptBytes = needed;
    return bytes;
  }

  #frameBytes(from: Buffer, at: number): number {
    const bytes = from.readUInt32LE(at) + LENGTH_BYTES;
    if (bytes < HEAD_BYTES || bytes > this.frameBytesMax) {
      throw new FrameRefused(`a frame of ${bytes} bytes; from ${HEAD_BYTES} to ${this.frameBytesMax} are taken`);
    }
    const flags = from.readUInt16LE(at + 6);
    if (flags !== 0) throw new FrameRefused(`a frame with the flags 0x${flags.toString(16)}, of which none are known`);
    return bytes;
  }
}

function deliver(from: Buffer, at: number, bytes: number, onFrame: OnFrame): void {
  onFrame(
    from[at + 4] as number,
    from[at + 5] as number,
    from.readUInt32LE(at + 8),
    from.readUInt32LE(at + 12),
    from.subarray(at + HEAD_BYTES, at + bytes),
  );
}
