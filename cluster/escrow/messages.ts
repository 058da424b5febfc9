// What regions say to each other about a pool, and its bytes. A row is whole in itself: all of it are totals and the
// latest hints, so that any row may be lost, repeated or overtaken. Reading trusts nothing.
//
// Layout: version, count, then each row: strings as length and UTF-8, integers as varints (7 bits a byte, low first).
import { REGION_LENGTH_MAX, SKU_LENGTH_MAX } from '../../protocol/limits.ts';
import { isName } from '../../protocol/names.ts';
import { COUNT_MAX, MESSAGE_BYTES_MAX, ROWS_MAX, WEIGHT_MAX } from './limits.ts';

/** One region's word to another on one pool. Sent only when all it says is durable at its sender (I6). */
export interface PoolRow {
  readonly sku: string;
  readonly from: string;
  readonly to: string;
  /** R[from][to], units. */
  readonly given: number;
  /** R[to][from] as far as `from` has credited it, units: the acknowledgement. */
  readonly seen: number;
  /** A hint: rights that `from` holds, units. */
  readonly rights: number;
  /** A hint: the demand of `from`, see policy.ts, units. */
  readonly weight: number;
  /** Orders the hints of one sender: its actor's version. */
  readonly epoch: number;
  readonly seq: number;
  /** Not 0: an answer is wanted, under this number. */
  readonly askNo: number;
  /** Not 0: this is the answer to the ask of that number. */
  readonly answerNo: number;
  /** Units asked for out of what is fair. */
  readonly want: number;
  /** Units that buyers are being refused for want of, to be given even beyond what is fair. */
  readonly need: number;
}

/** The bytes are no message of ours, or one out of bounds. */
export class BadPoolMessage extends Error {
  override readonly name = 'BadPoolMessage';
}

const VERSION = 1;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UTF8_BYTES_MAX = 3;
const VARINT_BYTES_MAX = 8;

type NumberField = Exclude<keyof PoolRow, 'sku' | 'from' | 'to'>;

/** In the order in which they stand in the bytes, each with the most it may be. Part of the format. */
const NUMBERS: Record<NumberField, number> = {
  given: COUNT_MAX,
  seen: COUNT_MAX,
  rights: COUNT_MAX,
  weight: WEIGHT_MAX,
  epoch: Number.MAX_SAFE_INTEGER,
  seq: Number.MAX_SAFE_INTEGER,
  askNo: Number.MAX_SAFE_INTEGER,
  answerNo: Number.MAX_SAFE_INTEGER,
  want: COUNT_MAX,
  need: COUNT_MAX,
};
const FIELDS = Object.entries(NUMBERS) as [NumberField, number][];

/**
 * The bytes of a message of up to ROWS_MAX rows.
 * @throws RangeError when there are more, or a field is out of bounds
 */
export function encodeRows(rows: readonly PoolRow[]): Uint8Array {
  if (rows.length > ROWS_MAX) throw new RangeError(`${rows.length} rows, ${ROWS_MAX} fit a message`);
  const bytes: number[] = [VERSION];
  writeVarint(bytes, rows.length);
  for (const row of rows) {
    writeName(bytes, row.sku, SKU_LENGTH_MAX);
    writeName(bytes, row.from, REGION_LENGTH_MAX);
    writeName(bytes, row.to, REGION_LENGTH_MAX);
    for (const [field, max] of FIELDS) {
      const value = row[field];
      if (!(Number.isSafeInteger(value) && value >= 0 && value <= max)) throw new RangeError(`${field} is ${value}`);
      writeVarint(bytes, value);
    }
  }
  return Uint8Array.from(bytes);
}

/**
 * Reads a message.
 * @throws BadPoolMessage when the bytes are not exactly one message of this version within all bounds
 */
export function decodeRows(bytes: Uint8Array): PoolRow[] {
  if (bytes.length > MESSAGE_BYTES_MAX) throw new BadPoolMessage(`${bytes.length} bytes, ${MESSAGE_BYTES_MAX} at most`);
  const reader = new Reader(bytes);
  const version = reader.varint(0x7f);
  if (version !== VERSION) throw new BadPoolMessage(`version ${version}, ${VERSION} is spoken here`);
  const rows: PoolRow[] = [];
  for (let left = reader.varint(ROWS_MAX); left > 0; left--) {
    const sku = reader.name(SKU_LENGTH_MAX);
    const from = reader.name(REGION_LENGTH_MAX);
    const to = reader.name(REGION_LENGTH_MAX);
    const numbers = {} as Record<NumberField, number>;
    for (const [field, max] of FIELDS) numbers[field] = reader.varint(max);
    rows.push({ sku, from, to, ...numbers });
  }
  reader.end();
  return rows;
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

function writeName(bytes: number[], name: string, lengthMax: number): void {
  if (!isName(name, lengthMax)) throw new RangeError(`${JSON.stringify(name)} is no name of up to ${lengthMax}`);
  const utf8 = Buffer.from(name, 'utf8');
  writeVarint(bytes, utf8.length);
  for (const byte of utf8) bytes.push(byte);
}

class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(max: number): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) throw new BadPoolMessage('the message ends within a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > max || (byte === 0 && i > 0)) break;
        return value;
      }
      scale *= 128;
    }
    throw new BadPoolMessage(`no integer of 0 to ${max} before byte ${this.#offset}`);
  }

  name(lengthMax: number): string {
    const length = this.varint(lengthMax * UTF8_BYTES_MAX);
    const raw = this.#bytes.subarray(this.#offset, this.#offset + length);
    if (raw.length < length) throw new BadPoolMessage('the message ends within a name');
    this.#offset += length;
    const name = Buffer.from(raw).toString('utf8');
    if (!isName(name, lengthMax)) throw new BadPoolMessage(`no name of up to ${lengthMax} units`);
    return name;
  }

  end(): void {
    const rest = this.#bytes.length - this.#offset;
    if (rest > 0) throw new BadPoolMessage(`${rest} bytes after the end`);
  }
}
