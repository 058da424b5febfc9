// Reserve requests as whole WebSocket frames made from one template: a request costs a copy of some hundred bytes and
// a few patched digits. The template comes from the protocol's own encoder, so the layout is written down only there.
import { randomBytes } from 'node:crypto';
import { encodeRequest } from '../../protocol/client-codec.ts';
import { maskedFrame, OPCODE } from './frames.ts';
import { SKU_DIGITS, skuName } from './load.ts';

/** Ids start here, so that each is a msgpack uint16 and patching one never changes a frame's length. */
export const FIRST_ID = 10_000;
export const SLOTS_MAX = 65_535 - FIRST_ID;

const HEX = new Uint8Array([...'0123456789abcdef'].map((digit) => digit.charCodeAt(0)));
const COUNTER_DIGITS = 12;

/** The frame of one reserve; every call must give the same length. */
type Encode = (id: number, sku: string, requestId: string) => Uint8Array;

export class ReserveFrames {
  /** Every frame has this length. */
  readonly frameBytes: number;
  readonly #template: Uint8Array;
  readonly #idAt: number;
  readonly #skuDigitsAt: number;
  readonly #requestIdAt: number;
  readonly #skus: number;
  #counter = 0;
  #random: number;
  #stampedAt = 0;

  constructor(region: string, skus: number, encode: Encode = reserveEncoder(region)) {
    const run = randomBytes(4).toString('hex');
    // A UUIDv7: 48 bits of time (stamped below), then random bits that tell runs apart, then our counter.
    const requestId = `00000000-0000-7${run.slice(0, 3)}-8${run.slice(3, 6)}-${'0'.repeat(COUNTER_DIGITS)}`;
    this.#template = encode(FIRST_ID, skuName(0), requestId);
    this.frameBytes = this.#template.length;
    this.#idAt = changedAt(this.#template, encode(0xffff, skuName(0), requestId), 2);
    this.#skuDigitsAt = changedAt(
      this.#template,
      encode(FIRST_ID, `sku-${'9'.repeat(SKU_DIGITS)}`, requestId),
      SKU_DIGITS,
    );
    const other = `${'f'.repeat(8)}-ffff-4fff-bfff-${'f'.repeat(COUNTER_DIGITS)}`;
    this.#requestIdAt = changedAt(this.#template, encode(FIRST_ID, skuName(0), other), requestId.length);
    this.#skus = skus;
    this.#random = randomBytes(4).readUInt32LE() | 1;
  }

  /** Puts "now" into the request ids to come, as the SDK's do; once a second or so is close enough. */
  stamp(nowMs: number): void {
    if (nowMs - this.#stampedAt < 1_000) return;
    this.#stampedAt = nowMs;
    const hex = nowMs.toString(16).padStart(12, '0');
    const stamped = new TextEncoder().encode(`${hex.slice(0, 8)}-${hex.slice(8)}`);
    this.#template.set(stamped, this.#requestIdAt);
  }

  /** Writes the next reserve, with a new requestId, into `target`. */
  write(target: Uint8Array, offset: number, id: number): void {
    target.set(this.#template, offset);
    const idAt = offset + this.#idAt;
    target[idAt] = id >>> 8;
    target[idAt + 1] = id & 0xff;
    if (this.#skus > 1) this.#patchDecimal(target, offset + this.#skuDigitsAt, this.#nextSku());
    this.#patchCounter(target, offset + this.#requestIdAt + 36 - COUNTER_DIGITS);
  }

  /** xorshift32: uniform enough to pick SKUs, and free of allocation. */
  #nextSku(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % this.#skus;
  }

  #patchDecimal(target: Uint8Array, at: number, value: number): void {
    let rest = value;
    for (let i = at + SKU_DIGITS - 1; i >= at; i--) {
      const next = (rest / 10) | 0;
      target[i] = 48 + rest - next * 10;
      rest = next;
    }
  }

  #patchCounter(target: Uint8Array, at: number): void {
    let rest = ++this.#counter;
    for (let i = at + COUNTER_DIGITS - 1; rest > 0; i--) {
      target[i] = HEX[rest & 15] as number;
      rest = Math.floor(rest / 16);
    }
  }
}

function reserveEncoder(region: string): Encode {
  return (id, sku, requestId) => {
    const payload = encodeRequest('msgpack', id, { op: 'reserve', sku, region, qty: 1, requestId });
    if (typeof payload === 'string') throw new Error('msgpack requests are bytes');
    return maskedFrame(OPCODE.binary, payload);
  };
}

/** Where a field lies: the first byte in which two encodings that differ in that field alone differ. */
function changedAt(a: Uint8Array, b: Uint8Array, fieldBytes: number): number {
  if (a.length !== b.length) throw new Error('the field changes the length of the frame: it cannot be patched');
  const first = a.findIndex((byte, i) => byte !== b[i]);
  const last = a.findLastIndex((byte, i) => byte !== b[i]);
  if (first < 0 || last - first >= fieldBytes) throw new Error('the field is not where the template expects it');
  return first;
}
