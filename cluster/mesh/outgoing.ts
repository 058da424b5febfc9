// What waits to be written to one link: frames, packed into chunks that are used again. Knows no socket.
import { HEAD_BYTES, writeHead } from './frame.ts';

/** Some hundred calls; larger frames get a chunk of their own. */
const CHUNK_BYTES = 65_536;

interface Chunk {
  buffer: Buffer;
  /** Written into. */
  length: number;
  /** Gone through the socket. */
  gone: number;
}

export class OutgoingQueue {
  /** First to leave first; new frames go into the last. */
  readonly #chunks: Chunk[] = [newChunk(CHUNK_BYTES)];
  /** An emptied chunk, for the next to be opened. */
  #spare: Chunk | undefined;
  /** Of the piece handed out. */
  #outBytes = 0;
  #bytes = 0;

  /** Bytes that have not gone through the socket. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies a frame into the queue. */
  push(type: number, kind: number, call: number, leftMs: number, body: Uint8Array): void {
    const bytes = HEAD_BYTES + body.length;
    let chunk = this.#chunks[this.#chunks.length - 1] as Chunk;
    if (chunk.buffer.length - chunk.length < bytes) chunk = this.#next(bytes);
    writeHead(chunk.buffer, chunk.length, type, kind, call, leftMs, body.length);
    chunk.buffer.set(body, chunk.length + HEAD_BYTES);
    chunk.length += bytes;
    this.#bytes += bytes;
  }

  /**
   * Hands out the next piece, of at most `bytesMax`; undefined when there is none. It stays as it is until `gone` is
   * called, which must be before the next piece is asked for.
   */
  take(bytesMax: number): Buffer | undefined {
    const chunk = this.#chunks[0] as Chunk;
    this.#outBytes = Math.min(bytesMax, chunk.length - chunk.gone);
    return this.#outBytes === 0 ? undefined : chunk.buffer.subarray(chunk.gone, chunk.gone + this.#outBytes);
  }

  /** The piece that was handed out has gone through the socket. */
  gone(): void {
    const chunk = this.#chunks[0] as Chunk;
    chunk.gone += this.#outBytes;
    this.#bytes -= this.#outBytes;
    this.#outBytes = 0;
    if (chunk.gone < chunk.length) return;
    chunk.gone = 0;
    chunk.length = 0;
    if (this.#chunks.length > 1) {
      this.#chunks.shift();
      if (chunk.buffer.length === CHUNK_BYTES) this.#spare = chunk;
    } else if (chunk.buffer.length > CHUNK_BYTES) {
      this.#chunks[0] = this.#takeSpare();
    }
  }

  /** Everything after the piece that is out, for the last time: nothing may be pushed any more. */
  rest(): Buffer[] {
    return this.#chunks
      .map(({ buffer, length, gone }, i) => buffer.subarray(i === 0 ? gone + this.#outBytes : gone, length))
      .filter((piece) => piece.length > 0);
  }

  #next(bytes: number): Chunk {
    const chunk = bytes > CHUNK_BYTES ? newChunk(bytes) : this.#takeSpare();
    const last = this.#chunks[this.#chunks.length - 1] as Chunk;
    // An empty last chunk that is too small would be in the way for ever: nothing of it would ever leave.
    if (last.length === 0) {
      this.#chunks.pop();
      this.#spare ??= last;
    }
    this.#chunks.push(chunk);
    return chunk;
  }

  #takeSpare(): Chunk {
    const chunk = this.#spare ?? newChunk(CHUNK_BYTES);
    this.#spare = undefined;
    return chunk;
  }
}

function newChunk(bytes: number): Chunk {
  return { buffer: Buffer.allocUnsafeSlow(bytes), length: 0, gone: 0 };
}
