// Reads msgpack from hostile bytes into plain values, in one pass whose work is bounded before it is done: depth,
// number of values, and every length within the frame. No extension types. Works in Node and in browsers.
import { codeUnitAt } from './code-units.ts';

/** What is wrong with the bytes, in words for the client that sent them. */
export class MsgpackError extends Error {
  override readonly name = 'MsgpackError';
}

export interface ReadLimits {
  /** Levels of maps and arrays. */
  readonly depthMax: number;
  /** Values, keys included. */
  readonly nodesMax: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(8));
/** Node's own reading of ASCII, several times faster than TextDecoder on short strings. */
const latin1Slice = (
  globalThis.Buffer?.prototype as { latin1Slice?: (start: number, end: number) => string } | undefined
)?.latin1Slice;

/** Keys seen lately, over all readers. */
const keys: (string | undefined)[] = Array(256).fill(undefined);

export class MsgpackReader {
  readonly #limits: ReadLimits;
  #bytes = new Uint8Array(0);
  #at = 0;
  #nodesLeft = 0;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  begin(bytes: Uint8Array<ArrayBufferLike>): void {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#at = 0;
    this.#nodesLeft = this.#limits.nodesMax;
  }

  /** True when every byte has been read. */
  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /**
   * The next value: string, number, boolean, null, array, or map as an object. Integers beyond 2^53 come as the
   * nearest float, NaN and the infinities as themselves: none of them passes for an integer afterwards.
   * @throws MsgpackError
   */
  value(depth = 0): unknown {
    const head = this.#byte();
    if (--this.#nodesLeft < 0) throw new MsgpackError(`more than ${this.#limits.nodesMax} values in one frame`);
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head >= 0xa0 && head < 0xc0) return this.#string(head & 0x1f);
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#float32();
      case 0xcb:
        return this.#float64();
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#uint32() * 0x100000000 + this.#uint32();
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return (this.#uint32() | 0) * 0x100000000 + this.#uint32();
      case 0xd9:
        return this.#string(this.#byte());
      case 0xda:
        return this.#string(this.#uint16());
      case 0xdb:
        return this.#string(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16(), depth);
      case 0xdd:
        return this.#array(this.#uint32(), depth);
      case 0xde:
        return this.#map(this.#uint16(), depth);
      case 0xdf:
        return this.#map(this.#uint32(), depth);
      default:
        throw new MsgpackError(`type 0x${head.toString(16)} (binary or extension) is not part of the protocol`);
    }
  }

  /** The number of pairs of the map that starts here; the caller reads them with key() and value(). */
  mapHead(): number {
    const head = this.#byte();
    if (head >= 0x80 && head < 0x90) return this.#counted(head & 0x0f, 2);
    if (head === 0xde) return this.#counted(this.#uint16(), 2);
    if (head === 0xdf) return this.#counted(this.#uint32(), 2);
    throw new MsgpackError('a map was expected');
  }

  /** The number of elements of the array that starts here; the caller reads them with value(). */
  arrayHead(): number {
    const head = this.#byte();
    if (head >= 0x90 && head < 0xa0) return this.#counted(head & 0x0f, 1);
    if (head === 0xdc) return this.#counted(this.#uint16(), 1);
    if (head === 0xdd) return this.#counted(this.#uint32(), 1);
    throw new MsgpackError('an array was expected');
  }

  /** The key of a map's next pair; `known` are those it has had. */
  key(known: object): string {
    const key = this.#cachedKey() ?? this.value(this.#limits.depthMax);
    if (typeof key !== 'string') throw new MsgpackError('the keys of a map must be strings');
    if (Object.hasOwn(known, key)) {
      throw new MsgpackError(`key ${JSON.stringify(key.slice(0, 40))} comes twice in one map`);
    }
    return key;
  }

  /**
   * A short ASCII key without making a new string of it, since the same few come all the time; undefined for any
   * other. One slot for each mixture of length and two bytes: a newcomer takes the place of its predecessor.
   */
  #cachedKey(): string | undefined {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const length = (bytes[this.#at] as number) - 0xa0;
    if (!(length > 0 && length < 32 && start + length <= bytes.length)) return undefined;
    const slot = ((bytes[start] as number) * 7 + (bytes[start + length - 1] as number) * 3 + length) & 0xff;
    let key = keys[slot];
    if (key === undefined || key.length !== length || !isAt(bytes, start, key)) {
      const fresh = this.#peekAscii(start, start + length);
      if (fresh === undefined) return undefined;
      keys[slot] = key = fresh;
    }
    if (--this.#nodesLeft < 0) return undefined;
    this.#at = start + length;
    return key;
  }

  #peekAscii(start: number, end: number): string | undefined {
    let text = '';
    for (let i = start; i < end; i++) {
      const byte = this.#bytes[i] as number;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#enter(depth);
    const map: Record<string, unknown> = {};
    for (let left = this.#counted(length, 2); left > 0; left--) {
      const key = this.key(map);
      setOwn(map, key, this.value(depth + 1));
    }
    return map;
  }

  #array(length: number, depth: number): unknown[] {
    this.#enter(depth);
    const array: unknown[] = [];
    for (let left = this.#counted(length, 1); left > 0; left--) array.push(this.value(depth + 1));
    return array;
  }

  #enter(depth: number): void {
    if (depth >= this.#limits.depthMax)
      throw new MsgpackError(`more than ${this.#limits.depthMax} levels of maps and arrays`);
  }

  /** A length that the rest of the frame can hold, or an error before anything is built. */
  #counted(length: number, bytesEach: number): number {
    if (length * bytesEach > this.#bytes.length - this.#at) throw truncated();
    return length;
  }

  #string(length: number): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    if (end > bytes.length) throw truncated();
    this.#at = end;
    let i = start;
    while (i < end && (bytes[i] as number) < 0x80) i++;
    if (i === end && latin1Slice !== undefined) return latin1Slice.call(bytes, start, end);
    try {
      return utf8.decode(bytes.subarray(start, end));
    } catch {
      throw new MsgpackError('a string is not valid UTF-8');
    }
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw truncated();
    return this.#bytes[this.#at++] as number;
  }

  #uint16(): number {
    return (this.#byte() << 8) | this.#byte();
  }

  #uint32(): number {
    return this.#uint16() * 0x10000 + this.#uint16();
  }

  #float32(): number {
    scratch.setUint32(0, this.#uint32());
    return scratch.getFloat32(0);
  }

  #float64(): number {
    scratch.setUint32(0, this.#uint32());
    scratch.setUint32(4, this.#uint32());
    return scratch.getFloat64(0);
  }
}

/** As JSON.parse does it: `__proto__` is a key like any other, and no way to a prototype. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function isAt(bytes: Uint8Array, start: number, text: string): boolean {
  const { length } = text;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== codeUnitAt(text, i)) return false;
  return true;
}

function truncated(): MsgpackError {
  return new MsgpackError('the frame ends in the middle of a value');
}
