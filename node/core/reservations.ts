// The reservations of one actor as flat rows: no object for each of millions, see buckets.ts. Texts (owner, channel,
// orderId) and the parts of a split stand aside, since most reservations have none.
import { IDEMPOTENCY_WINDOW_MS, type ReservationState } from '../../protocol/index.ts';
import { BucketTable } from './buckets.ts';
import type { Reservation, ReservationPart } from './reservation.ts';
import { ShardedMap } from './sharded-map.ts';

/** How long an ended reservation is remembered, ms: as long as the request that ended it. */
export const ENDED_RETENTION_MS = IDEMPOTENCY_WINDOW_MS;

/** The order is part of stored formats. */
export const STATES: readonly ReservationState[] = ['RESERVED', 'COMMITTED', 'RELEASED', 'EXPIRED'];
const STATE_CODE: Record<ReservationState, number> = { RESERVED: 0, COMMITTED: 1, RELEASED: 2, EXPIRED: 3 };

// Fields of a row. The key, `no`, grows by one with each event, so its low bits fill the buckets evenly.
const NO = 0;
/** epoch × 4 + state */
const EPOCH_STATE = 1;
/** askedQty × 128 + nodeIndex + 1; node 0 stands for a split, whose parts stand in `splits`. */
const ASKED_NODE = 2;
const CREATED = 3;
const EXPIRES = 4;
const ENDED = 5;
const RESERVED_QTY = 6;
const QTY = 7;
const SHIPPED = 8;
/** 0, or 1 + the first of three places in `texts`. */
const TEXTS = 9;
const STRIDE = 10;
const ROWS_PER_BUCKET = 24;

export class ReservationTable extends BucketTable {
  /** Reservations that have not ended: reserved, or committed and not yet shipped whole. */
  live = 0;
  /** Of these the ones that expire. */
  soft = 0;
  private texts: (string | undefined)[] | undefined;
  private freeTexts: number[] | undefined;
  private splits: ShardedMap<number, readonly ReservationPart[]> | undefined;

  constructor() {
    super(STRIDE, ROWS_PER_BUCKET, ENDED);
  }

  /** A copy of the reservation, or undefined if there is none or it is forgotten at `now`. */
  get(no: number, now: number): Reservation | undefined {
    const bucket = this.bucketOf(no);
    const i = this.indexIn(bucket, no);
    if (i < 0) return undefined;
    const ended = bucket[i + ENDED] as number;
    if (ended !== 0 && now - ended > ENDED_RETENTION_MS) return undefined;
    return this.rowAt(bucket, i);
  }

  /** When the reservation expires if it is still soft, else 0. */
  softUntil(no: number): number {
    const bucket = this.bucketOf(no);
    const i = this.indexIn(bucket, no);
    return i >= 0 && (bucket[i + EPOCH_STATE] as number) % 4 === 0 ? (bucket[i + EXPIRES] as number) : 0;
  }

  /** Units that are reserved, or committed and not yet shipped. */
  openUnits(no: number): number {
    const bucket = this.bucketOf(no);
    const i = this.indexIn(bucket, no);
    if (i < 0 || bucket[i + ENDED] !== 0) return 0;
    return (bucket[i + QTY] as number) - (bucket[i + SHIPPED] as number);
  }

  /** Adds a reservation; ended ones that are forgotten at `now` may make room. */
  insert(r: Reservation, now: number): void {
    const split = r.parts.length > 1;
    const first = r.parts[0] as ReservationPart;
    if (split) {
      this.splits ??= new ShardedMap();
      this.splits.set(r.no, r.parts);
    }
    if (r.endedAt === 0) this.live += 1;
    if (r.state === 'RESERVED') this.soft += 1;
    this.roomFor(r.no, now - ENDED_RETENTION_MS).push(
      r.no,
      r.epoch * 4 + STATE_CODE[r.state],
      r.askedQty * 128 + (split ? 0 : first.nodeIndex + 1),
      r.createdAt,
      r.expiresAt,
      r.endedAt,
      split ? 0 : first.reservedQty,
      split ? totalOf(r.parts) : first.qty,
      split ? shippedOf(r.parts) : first.shipped,
      this.keepTexts(r),
    );
  }

  /** Writes back what may change of a reservation that get() returned. */
  put(r: Reservation): void {
    const bucket = this.bucketOf(r.no);
    const i = this.indexIn(bucket, r.no);
    if (i < 0) throw new RangeError(`no reservation ${r.no} to write back`);
    this.beforeChange(bucket);
    const split = r.parts.length > 1;
    if (split) this.splits?.set(r.no, r.parts);
    if (bucket[i + ENDED] === 0 && r.endedAt !== 0) this.live -= 1;
    if ((bucket[i + EPOCH_STATE] as number) % 4 === 0 && r.state !== 'RESERVED') this.soft -= 1;
    bucket[i + EPOCH_STATE] = r.epoch * 4 + STATE_CODE[r.state];
    bucket[i + EXPIRES] = r.expiresAt;
    bucket[i + ENDED] = r.endedAt;
    bucket[i + QTY] = totalOf(r.parts);
    bucket[i + SHIPPED] = shippedOf(r.parts);
    if (r.orderId === undefined) return;
    const texts = bucket[i + TEXTS] as number;
    if (texts === 0) bucket[i + TEXTS] = this.keepTexts(r);
    else (this.texts as (string | undefined)[])[texts + 1] = r.orderId;
  }

  /** Visits each reservation that counts at `now`, by ascending no. */
  eachInOrder(now: number, visit: (r: Reservation) => void): void {
    this.eachRowInOrder(NO, now - ENDED_RETENTION_MS, (bucket, at) => visit(this.rowAt(bucket, at)));
  }

  /** Begins a walk, see beginWalk, over the reservations up to number `last` that count at `now`. */
  walk(now: number, last: number, visit: (r: Reservation) => void): void {
    const staleBefore = now - ENDED_RETENTION_MS;
    this.beginWalk((bucket, at) => {
      const ended = bucket[at + ENDED] as number;
      if ((bucket[at + NO] as number) > last || (ended !== 0 && ended < staleBefore)) return;
      visit(this.rowAt(bucket, at));
    });
  }

  /** Visits each reservation that has not ended, in no order that means anything. */
  eachOpen(now: number, visit: (r: Reservation) => void): void {
    this.eachRow(now, (bucket, at) => {
      if (bucket[at + ENDED] === 0) visit(this.rowAt(bucket, at));
    });
  }

  /** How many reservations count at `now`. */
  countAt(now: number): number {
    let count = 0;
    this.eachRow(now - ENDED_RETENTION_MS, () => {
      count += 1;
    });
    return count;
  }

  protected override dropped(bucket: readonly number[], at: number): void {
    this.splits?.delete(bucket[at + NO] as number);
    const texts = bucket[at + TEXTS] as number;
    if (texts === 0) return;
    this.texts?.fill(undefined, texts - 1, texts + 2);
    this.freeTexts ??= [];
    this.freeTexts.push(texts);
  }

  private keepTexts(r: Reservation): number {
    if (r.owner === undefined && r.channel === undefined && r.orderId === undefined) return 0;
    this.texts ??= [];
    const place = this.freeTexts?.pop();
    if (place === undefined) return this.texts.push(r.owner, r.channel, r.orderId) - 2;
    this.texts[place - 1] = r.owner;
    this.texts[place] = r.channel;
    this.texts[place + 1] = r.orderId;
    return place;
  }

  private rowAt(bucket: readonly number[], i: number): Reservation {
    const no = bucket[i + NO] as number;
    const epochState = bucket[i + EPOCH_STATE] as number;
    const askedNode = bucket[i + ASKED_NODE] as number;
    const texts = bucket[i + TEXTS] as number;
    const node = askedNode % 128;
    return {
      no,
      epoch: Math.floor(epochState / 4),
      askedQty: Math.floor(askedNode / 128),
      parts:
        node === 0
          ? (this.splits?.get(no) ?? []).map((part) => ({ ...part }))
          : [
              {
                nodeIndex: node - 1,
                reservedQty: bucket[i + RESERVED_QTY] as number,
                qty: bucket[i + QTY] as number,
                shipped: bucket[i + SHIPPED] as number,
              },
            ],
      owner: texts === 0 ? undefined : this.texts?.[texts - 1],
      channel: texts === 0 ? undefined : this.texts?.[texts],
      orderId: texts === 0 ? undefined : this.texts?.[texts + 1],
      state: STATES[epochState % 4] as ReservationState,
      createdAt: bucket[i + CREATED] as number,
      expiresAt: bucket[i + EXPIRES] as number,
      endedAt: bucket[i + ENDED] as number,
    };
  }
}

/** Units of all parts: reserved, or after the commit committed. */
export function totalOf(parts: readonly ReservationPart[]): number {
  let total = 0;
  for (const part of parts) total += part.qty;
  return total;
}

/** Units of all parts that were shipped. */
export function shippedOf(parts: readonly ReservationPart[]): number {
  let total = 0;
  for (const part of parts) total += part.shipped;
  return total;
}
