// Client side of WebSocket framing (RFC 6455) on raw bytes: builds masked frames once, scans server frames in place.
// Knows nothing of sockets or of what the payloads mean.

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A server that sends more than this in one frame is broken; the scanner refuses to buffer it. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Called once per whole frame; the bytes are valid only during the call. */
export type OnFrame = (opcode: number, bytes: Uint8Array, start: number, end: number) => void;

/**
 * One client frame. The mask is zero, which RFC 6455 permits and which leaves the payload readable in place: a
 * frame can then be a template whose fields are patched. (Masks protect proxies from hostile scripts in a browser;
 * a load generator is its own script.)
 */
export function maskedFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(headerBytes + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    view.setUint16(2, length);
  } else {
    frame[1] = 0x80 | 127;
    view.setBigUint64(2, BigInt(length));
  }
  frame.set(payload, headerBytes + 4);
  return frame;
}

/** Where the payload of a frame built by maskedFrame starts. */
export function payloadOffset(frame: Uint8Array): number {
  const length = (frame[1] as number) & 0x7f;
  return length < 126 ? 6 : length === 126 ? 8 : 14;
}

/**
 * Cuts the server's byte stream into frames, wherever TCP cut it into chunks. Whole frames are handed over where
 * they lie in the chunk; only a frame that spans chunks is copied, so nothing is allocated per reply.
 */
export class FrameScanner {
  readonly #onFrame: OnFrame;
  /** The beginning of a frame whose rest has not come yet. */
  #carry = new Uint8Array(64 * 1024);
  #carried = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @throws Error when the bytes are not what a server may send to a client that negotiated no extension */
  push(chunk: Uint8Array, length = chunk.length): void {
    let offset = this.#carried > 0 ? this.#completeCarried(chunk, length) : 0;
    while (offset < length) {
      const size = frameSize(chunk, offset, length);
      if (size === 0 || offset + size > length) {
        this.#stash(chunk, offset, length);
        return;
      }
      this.#emit(chunk, offset, size);
      offset += size;
    }
  }

  /** Feeds the carried frame from the chunk; returns how much of the chunk it took. */
  #completeCarried(chunk: Uint8Array, length: number): number {
    let offset = 0;
    for (;;) {
      const size = frameSize(this.#carry, 0, this.#carried);
      if (size > 0 && this.#carried === size) {
        this.#carried = 0;
        this.#emit(this.#carry, 0, size);
        return offset;
      }
      if (offset === length) return offset;
      // Size unknown: one byte more of the header (at most ten times); else as much as the frame lacks.
      const take = size === 0 ? 1 : Math.min(size - this.#carried, length - offset);
      this.#stash(chunk, offset, offset + take);
      offset += take;
    }
  }

  #stash(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#carried + to - from;
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.max(needed, this.#carry.length * 2));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(chunk.subarray(from, to), this.#carried);
    this.#carried = needed;
  }

  #emit(bytes: Uint8Array, start: number, size: number): void {
    const length = (bytes[start + 1] as number) & 0x7f;
    const headerBytes = length < 126 ? 2 : length === 126 ? 4 : 10;
    this.#onFrame((bytes[start] as number) & 0x0f, bytes, start + headerBytes, start + size);
  }
}

/** Header and payload bytes of the frame at `start`; 0 while its header is not whole. */
function frameSize(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) return 0;
  const first = bytes[start] as number;
  const second = bytes[start + 1] as number;
  if ((first & 0xf0) !== 0x80 || (first & 0x0f) === 0) throw new Error('fragment or extension bits from the server');
  if ((second & 0x80) !== 0) throw new Error('masked frame from the server');
  if (second < 126) return 2 + second;
  if (second === 126) {
    if (end - start < 4) return 0;
    return 4 + (((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number));
  }
  if (end - start < 10) return 0;
  let length = 0;
  for (let i = 2; i < 10; i++) length = length * 256 + (bytes[start + i] as number);
  if (length > FRAME_BYTES_MAX) throw new Error(`frame of ${length} bytes from the server`);
  return 10 + length;
}
