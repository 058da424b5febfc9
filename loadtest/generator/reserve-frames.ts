// Reserve requests as whole WebSocket frames made from one template: a request costs a copy of some hundred bytes and
// a few patched digits. The template comes from the protocol's own encoder, so the layout is written down only there.
import { randomBytes } from 'node:crypto';
import { encodeRequest } from '../../protocol/client-codec.ts';
import type { WireItem, WireRequest } from '../../protocol/index.ts';
import { maskedFrame, OPCODE } from './frames.ts';
import { SKU_DIGITS, skuName } from './load.ts';

/** Ids start here, so that each is a msgpack uint16 and patching one never changes a frame's length. */
export const FIRST_ID = 10_000;
export const SLOTS_MAX = 65_535 - FIRST_ID;

const HEX = new Uint8Array([...'0123456789abcdef'].map((digit) => digit.charCodeAt(0)));
const COUNTER_DIGITS = 12;

interface Item {
  readonly sku: string;
  readonly requestId: string;
}

/** The frame of one reserve, or of a batch of them; every call must give the same length. */
type Encode = (id: number, items: readonly Item[]) => Uint8Array;

export class ReserveFrames {
  /** Every frame has this length. */
  readonly frameBytes: number;
  readonly #template: Uint8Array;
  readonly #idAt: number;
  /** Of each reserve in the frame. */
  readonly #skuDigitsAt: readonly number[];
  readonly #requestIdAt: readonly number[];
  readonly #pick: () => number;
  #counter = 0;
  #stampedAt = 0;

  /**
   * @param batch reserves in a frame
   * @param pick the index of the next SKU; undefined: always the first
   */
  constructor(region: string, batch: number, pick: (() => number) | undefined, encode: Encode = encoderOf(region)) {
    const run = randomBytes(4).toString('hex');
    // A UUIDv7: 48 bits of time (stamped below), then random bits that tell runs apart, then our counter.
    const requestId = `00000000-0000-7${run.slice(0, 3)}-8${run.slice(3, 6)}-${'0'.repeat(COUNTER_DIGITS)}`;
    const other = `${'f'.repeat(8)}-ffff-4fff-bfff-${'f'.repeat(COUNTER_DIGITS)}`;
    const items = Array.from({ length: batch }, () => ({ sku: skuName(0), requestId }));
    const otherAt = (index: number, item: Partial<Item>): Uint8Array =>
      encode(FIRST_ID, items.with(index, { sku: skuName(0), requestId, ...item }));
    this.#template = encode(FIRST_ID, items);
    this.frameBytes = this.#template.length;
    this.#idAt = changedAt(this.#template, encode(0xffff, items), 2);
    this.#skuDigitsAt = items.map((_, i) =>
      changedAt(this.#template, otherAt(i, { sku: `sku-${'9'.repeat(SKU_DIGITS)}` }), SKU_DIGITS),
    );
    this.#requestIdAt = items.map((_, i) =>
      changedAt(this.#template, otherAt(i, { requestId: other }), requestId.length),
    );
    this.#pick = pick ?? NO_PICK;
  }

  /** Puts "now" into the request ids to come, as the SDK's do; once a second or so is close enough. */
  stamp(nowMs: number): void {
    if (nowMs - this.#stampedAt < 1_000) return;
    this.#stampedAt = nowMs;
    const hex = nowMs.toString(16).padStart(12, '0');
    const stamped = new TextEncoder().encode(`${hex.slice(0, 8)}-${hex.slice(8)}`);
    for (const at of this.#requestIdAt) this.#template.set(stamped, at);
  }

  /** Writes the next frame, each reserve with a new requestId, into `target`. */
  write(target: Uint8Array, offset: number, id: number): void {
    target.set(this.#template, offset);
    const idAt = offset + this.#idAt;
    target[idAt] = id >>> 8;
    target[idAt + 1] = id & 0xff;
    for (let i = 0; i < this.#requestIdAt.length; i++) {
      if (this.#pick !== NO_PICK) this.#patchDecimal(target, offset + (this.#skuDigitsAt[i] as number), this.#pick());
      this.#patchCounter(target, offset + (this.#requestIdAt[i] as number) + 36 - COUNTER_DIGITS);
    }
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

const NO_PICK = (): number => 0;

function encoderOf(region: string): Encode {
  const frame = (id: number, request: WireRequest): Uint8Array => {
    const payload = encodeRequest('msgpack', id, request);
    if (typeof payload === 'string') throw new Error('msgpack requests are bytes');
    return maskedFrame(OPCODE.binary, payload);
  };
  return (id, items) => {
    const reserves = items.map((item): WireItem => ({ op: 'reserve', region, qty: 1, ...item }));
    return frame(id, reserves.length === 1 ? (reserves[0] as WireItem) : { op: 'batch', items: reserves });
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
