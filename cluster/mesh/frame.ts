// The mesh's frames: a length, a type, a call's number, and the rest. Reading is incremental and bounded: a length
// beyond what is allowed is refused before anything is kept for it.

/** Body bytes of one frame. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** length (of what follows), type, call number */
const HEAD_BYTES = 4 + 1 + 4;
/** What the length counts besides the body. */
const COUNTED_BYTES = 1 + 4;

export const FRAME = {
  /** JSON: who is there. */
  hello: 1,
  /** The proof that the sender knows the secret. */
  proof: 2,
  /** kind, time left in ms (u32), body */
  call: 3,
  /** body */
  reply: 4,
  /** The call was not carried out: why, as text. */
  refused: 5,
  /** kind, body */
  notify: 6,
  ping: 7,
  pong: 8,
} as const;

/** A frame that no peer of this version sends. */
export class FrameRefused extends Error {
  override readonly name = 'FrameRefused';
}

/** Gathers frames until they are written to the socket together. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafe(16_384);
  length = 0;

  /** Begins a frame whose body is `prefix` bytes and `body`; returns where the prefix is to be written. */
  frame(type: number, call: number, body: Uint8Array, prefix = 0): number {
    const bytes = HEAD_BYTES + prefix + body.length;
    this.#ensure(bytes);
    const at = this.length;
    this.#buffer.writeUInt32LE(COUNTED_BYTES + prefix + body.length, at);
    this.#buffer[at + 4] = type;
    this.#buffer.writeUInt32LE(call, at + 5);
    this.#buffer.set(body, at + HEAD_BYTES + prefix);
    this.length = at + bytes;
    return at + HEAD_BYTES;
  }

  u8(at: number, value: number): void {
    this.#buffer[at] = value;
  }

  u32(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  /** Hands out what was gathered; the writer begins anew. */
  take(): Buffer {
    const bytes = this.#buffer.subarray(0, this.length);
    // The socket keeps what it is given until it has left.
    this.#buffer = Buffer.allocUnsafe(16_384);
    this.length = 0;
    return bytes;
  }

  #ensure(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + bytes));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}

/** Called for each frame; the body is a view that is valid during the call alone. */
export type OnFrame = (type: number, call: number, body: Buffer) => void;

export class FrameReader {
  /** May be raised once the peer has proved itself. */
  bodyBytesMax: number;
  #kept: Buffer | undefined;

  constructor(bodyBytesMax = BODY_BYTES_MAX) {
    this.bodyBytesMax = bodyBytesMax;
  }

  /** Takes in what the socket gave. @throws FrameRefused */
  read(chunk: Buffer, onFrame: OnFrame): void {
    const bytes = this.#kept === undefined ? chunk : Buffer.concat([this.#kept, chunk]);
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const counted = bytes.readUInt32LE(at);
      if (counted < COUNTED_BYTES || counted - COUNTED_BYTES > this.bodyBytesMax) {
        throw new FrameRefused(`a frame of ${counted} bytes; at most ${this.bodyBytesMax} are taken`);
      }
      if (bytes.length - at < 4 + counted) break;
      const end = at + 4 + counted;
      onFrame(bytes[at + 4] as number, bytes.readUInt32LE(at + 5), bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    this.#kept = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }
}
