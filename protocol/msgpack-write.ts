// Writes plain values as msgpack into one growing buffer. No extension types, no options: what JSON can say, and no
// more. Works in Node and in browsers.
import { codeUnitAt } from './code-units.ts';

const BYTES_AT_FIRST = 16_384;
/** A buffer that grew beyond this for one large message is let go at the next. */
const BYTES_KEPT_MAX = 1_048_576;

const utf8 = new TextEncoder();

export class MsgpackWriter {
  #bytes = new Uint8Array(BYTES_AT_FIRST);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Starts a new message; what finish() gave before is overwritten. */
  begin(): void {
    if (this.#bytes.length > BYTES_KEPT_MAX) this.#replace(new Uint8Array(BYTES_AT_FIRST));
    this.#at = 0;
  }

  /** The message so far, as a view of the reused buffer: valid until the next begin(). */
  finish(): Uint8Array {
    // Cheaper than subarray, which looks up the species to make.
    return new Uint8Array(this.#bytes.buffer, 0, this.#at);
  }

  /** The message so far, as bytes of its own. */
  finishCopy(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** The head of an array; `length` values follow. */
  array(length: number): void {
    this.#reserve(5);
    if (length < 16) this.#bytes[this.#at++] = 0x90 | length;
    else this.#head(0xdc, length);
  }

  /** The head of a map; `length` pairs of key and value follow. */
  map(length: number): void {
    this.#reserve(5);
    if (length < 16) this.#bytes[this.#at++] = 0x80 | length;
    else this.#head(0xde, length);
  }

  nil(): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = 0xc0;
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value ? 0xc3 : 0xc2;
  }

  /** Integers that fit 32 bits in their shortest form, all other numbers as float64: BigInt-free for JavaScript. */
  number(value: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const at = this.#at;
    if (value >= 0 && value < 0x80 && (value | 0) === value) {
      bytes[at] = value;
      this.#at = at + 1;
    } else if (value >= 0 && value <= 0xffffffff && value >>> 0 === value) {
      this.#uint(value, bytes, at);
    } else if (value < 0 && (value | 0) === value) {
      this.#negative(value, bytes, at);
    } else {
      bytes[at] = 0xcb;
      this.#view.setFloat64(at + 1, value);
      this.#at = at + 9;
    }
  }

  /** Lone surrogates, which UTF-8 cannot say, become U+FFFD. */
  string(value: string): void {
    const { length } = value;
    this.#reserve(5 + 3 * length);
    const bytes = this.#bytes;
    const head = length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5;
    let at = this.#at + head;
    for (let i = 0; i < length; i++) {
      const unit = codeUnitAt(value, i);
      if (unit > 0x7f) return this.#unicode(value);
      bytes[at++] = unit;
    }
    this.#stringHead(head, length);
    this.#at = at;
  }

  /**
   * Any plain value; fields that are undefined are left out of maps.
   * @throws TypeError for what JSON cannot say either (functions, symbols, bigints)
   */
  value(value: unknown): void {
    if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.boolean(value);
    else if (value === null || value === undefined) this.nil();
    else if (Array.isArray(value)) {
      this.array(value.length);
      for (const element of value) this.value(element);
    } else if (typeof value === 'object') {
      const keys = Object.keys(value);
      let present = 0;
      for (const key of keys) if ((value as Record<string, unknown>)[key] !== undefined) present++;
      this.map(present);
      this.pairs(value as Record<string, unknown>, keys);
    } else {
      throw new TypeError(`a ${typeof value} cannot be sent`);
    }
  }

  /** The given keys of a map and their values, without a head. */
  pairs(source: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
    for (const key of keys) {
      const value = source[key];
      if (value === undefined) continue;
      this.string(key);
      this.value(value);
    }
  }

  /** Bytes that are msgpack already. */
  raw(encoded: Uint8Array): void {
    this.#reserve(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  #uint(value: number, bytes: Uint8Array, at: number): void {
    if (value < 0x100) {
      bytes[at] = 0xcc;
      bytes[at + 1] = value;
      this.#at = at + 2;
    } else if (value < 0x10000) {
      bytes[at] = 0xcd;
      bytes[at + 1] = value >>> 8;
      bytes[at + 2] = value;
      this.#at = at + 3;
    } else {
      bytes[at] = 0xce;
      bytes[at + 1] = value >>> 24;
      bytes[at + 2] = value >>> 16;
      bytes[at + 3] = value >>> 8;
      bytes[at + 4] = value;
      this.#at = at + 5;
    }
  }

  #negative(value: number, bytes: Uint8Array, at: number): void {
    if (value >= -0x20) {
      bytes[at] = value;
      this.#at = at + 1;
    } else if (value >= -0x80) {
      bytes[at] = 0xd0;
      bytes[at + 1] = value;
      this.#at = at + 2;
    } else if (value >= -0x8000) {
      bytes[at] = 0xd1;
      this.#view.setInt16(at + 1, value);
      this.#at = at + 3;
    } else {
      bytes[at] = 0xd2;
      this.#view.setInt32(at + 1, value);
      this.#at = at + 5;
    }
  }

  #unicode(value: string): void {
    const encoded = utf8.encode(value);
    const { length } = encoded;
    this.#reserve(5 + length);
    const head = length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5;
    this.#stringHead(head, length);
    this.#bytes.set(encoded, this.#at + head);
    this.#at += head + length;
  }

  #stringHead(head: number, length: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    if (head === 1) {
      bytes[at] = 0xa0 | length;
    } else if (head === 2) {
      bytes[at] = 0xd9;
      bytes[at + 1] = length;
    } else if (head === 3) {
      bytes[at] = 0xda;
      this.#view.setUint16(at + 1, length);
    } else {
      bytes[at] = 0xdb;
      this.#view.setUint32(at + 1, length);
    }
  }

  /** `code16` is the type's byte with a length of 16 bits; the next one has 32. */
  #head(code16: number, length: number): void {
    if (length < 65_536) {
      this.#bytes[this.#at] = code16;
      this.#view.setUint16(this.#at + 1, length);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = code16 + 1;
      this.#view.setUint32(this.#at + 1, length);
      this.#at += 5;
    }
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
