// Writing and reading compact binary records: integers of up to 53 bits, times, strings. Reading trusts nothing: what
// does not parse is a CorruptRecord, never a wrong value beyond the buffer.
import { codeUnitAt } from '../../protocol/code-units.ts';

/** The bytes are no record of ours, or were damaged. */
export class CorruptRecord extends Error {
  override readonly name = 'CorruptRecord';
}

const TWO32 = 0x100000000;
const VARINT_BYTES_MAX = 8;

/** A growing buffer. Reuse one per purpose: reset() keeps its memory. */
export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(capacityBytes = 1024) {
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  reset(): void {
    this.length = 0;
  }

  /** Forgets what was written and gives the memory beyond `capacityBytes` back. */
  shrink(capacityBytes: number): void {
    this.length = 0;
    if (this.buffer.length > capacityBytes) this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** What was written: a view that the next write or reset may overwrite. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** What was written, as a copy to keep. */
  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.buffer, 0, this.length);
  }

  /** Makes room for `bytes` more. */
  ensure(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  u8(value: number): void {
    this.ensure(1);
    this.buffer[this.length++] = value;
  }

  u32(value: number): void {
    this.ensure(4);
    const { buffer } = this;
    const at = this.length;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
    this.length = at + 4;
  }

  /** A time in ms since the epoch, 0 to 2^48 − 1, in 6 bytes: shorter to write than a varint of the same length. */
  time(ms: number): void {
    if (!(ms >= 0 && ms < 0x1000000000000)) throw new RangeError(`${ms} is no time`);
    this.u32(ms | 0);
    this.ensure(2);
    const high = (ms / TWO32) | 0;
    this.buffer[this.length] = high;
    this.buffer[this.length + 1] = high >>> 8;
    this.length += 2;
  }

  /** An integer of 53 bits that is as good as random, in 7 bytes. */
  word53(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is no integer of 53 bits`);
    this.u32(value | 0);
    this.ensure(3);
    const high = (value / TWO32) | 0;
    this.buffer[this.length] = high;
    this.buffer[this.length + 1] = high >>> 8;
    this.buffer[this.length + 2] = high >>> 16;
    this.length += 3;
  }

  /** An integer ≥ 0, 7 bits a byte, low bits first. */
  varint(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is no integer of 53 bits`);
    this.ensure(VARINT_BYTES_MAX);
    const { buffer } = this;
    let at = this.length;
    let rest = value;
    while (rest > 0x7fffffff) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.length = at;
  }

  /** An integer of either sign within ± 2^52; small ones are short. */
  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /**
   * Any string, exactly: its length × 2 + width as a varint, then one byte a character, or UTF-16 where a character
   * needs more. UTF-8 would lose lone surrogates, and its native call costs more than this loop on short texts.
   */
  string(text: string): void {
    const { length } = text;
    this.varint(length * 2);
    this.ensure(length);
    const { buffer } = this;
    const start = this.length;
    for (let i = 0; i < length; i++) {
      const code = codeUnitAt(text, i);
      if (code > 0xff) {
        this.wideString(text, start);
        return;
      }
      buffer[start + i] = code;
    }
    this.length = start + length;
  }

  /** Any bytes: their length as a varint, then themselves. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  private wideString(text: string, start: number): void {
    this.length = start - varintLength(text.length * 2);
    this.varint(text.length * 2 + 1);
    this.ensure(text.length * 2);
    this.length += this.buffer.write(text, this.length, 'utf16le');
  }
}

function varintLength(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Reads what ByteWriter wrote. Every method throws CorruptRecord where the bytes end too early or make no sense. */
export class ByteReader {
  private readonly buffer: Buffer;
  private readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private take(bytes: number): number {
    const at = this.offset;
    if (at + bytes > this.end)
      throw new CorruptRecord(`${bytes} bytes wanted at ${at}, the record ends at ${this.end}`);
    this.offset = at + bytes;
    return at;
  }

  u8(): number {
    return this.buffer[this.take(1)] as number;
  }

  /** The next byte, which stays to be read. */
  peek(): number {
    const byte = this.u8();
    this.offset -= 1;
    return byte;
  }

  u32(): number {
    return this.uint32At(this.take(4));
  }

  time(): number {
    const at = this.take(6);
    return this.byteAt(at + 4) * TWO32 + this.byteAt(at + 5) * 256 * TWO32 + this.uint32At(at);
  }

  word53(): number {
    const at = this.take(7);
    const high = this.byteAt(at + 4) + this.byteAt(at + 5) * 0x100 + this.byteAt(at + 6) * 0x10000;
    if (high > 0x1fffff) throw new CorruptRecord(`an integer of more than 53 bits at ${at}`);
    return high * TWO32 + this.uint32At(at);
  }

  varint(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.restOfVarint(first);
  }

  private restOfVarint(first: number): number {
    const start = this.offset - 1;
    let value = first & 0x7f;
    let scale = 128;
    for (let i = 1; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER || byte === 0) break;
        return value;
      }
      scale *= 128;
    }
    throw new CorruptRecord(`no integer of 53 bits at ${start}`);
  }

  // By single bytes: Buffer's own readers check their arguments anew for each.
  private byteAt(at: number): number {
    return this.buffer[at] as number;
  }

  private uint32At(at: number): number {
    const { buffer } = this;
    const low = (buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16);
    return low + (buffer[at + 3] as number) * 0x1000000;
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A varint that counts things of at least `bytesEach` bytes, so that a damaged one cannot ask for the world. */
  count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.remaining) throw new CorruptRecord(`${count} entries cannot follow at ${this.offset}`);
    return count;
  }

  string(): string {
    const header = this.varint();
    const length = Math.floor(header / 2);
    const at = this.take(header % 2 === 0 ? length : length * 2);
    return header % 2 === 0
      ? this.buffer.toString('latin1', at, at + length)
      : this.buffer.toString('utf16le', at, at + length * 2);
  }

  /** A view of the bytes that were written, valid as long as the reader's. */
  blob(): Uint8Array {
    const length = this.count(1);
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }
}
