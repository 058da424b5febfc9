// The reservations of one actor as flat rows: no object for each of millions, see sorted-pages.ts. Texts (owner, channel,
// orderId) and the parts of a split stand aside, since most reservations have none.
import { IDEMPOTENCY_WINDOW_MS, type ReservationState } from '../../protocol/index.ts';
import type { Reservation, ReservationPart } from './reservation.ts';
import { ShardedMap } from './sharded-map.ts';
import { SortedPages } from './sorted-pages.ts';

/** How long an ended reservation is remembered, ms: as long as the request that ended it. */
export const ENDED_RETENTION_MS = IDEMPOTENCY_WINDOW_MS;

/** The order is part of stored formats. */
export const STATES: readonly ReservationState[] = ['RESERVED', 'COMMITTED', 'RELEASED', 'EXPIRED'];
const STATE_CODE: Record<ReservationState, number> = { RESERVED: 0, COMMITTED: 1, RELEASED: 2, EXPIRED: 3 };

// Fields of a row. The key, `no`, grows with each event.
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

/** Where readSinglePart() leaves what it read: a returned object would be garbage on every reserve. */
export const SINGLE_PART = { nodeIndex: 0, reservedQty: 0, epoch: 0 };

export class ReservationTable extends SortedPages {
  /** Reservations that have not ended: reserved, or committed and not yet shipped whole. */
  live = 0;
  /** Of these the ones that expire by themselves. */
  soft = 0;
  /** And those that are reserved for an order, which is asked first. */
  tentative = 0;
  private texts: (string | undefined)[] | undefined;
  private freeTexts: number[] | undefined;
  private splits: ShardedMap<number, readonly ReservationPart[]> | undefined;
  /** By no, the orders that reservations were made for. */
  private orders: ShardedMap<number, string> | undefined;

  protected override get stride(): number {
    return STRIDE;
  }

  protected override get staleField(): number {
    return ENDED;
  }

  /**
   * Reads the reservation's epoch and its single part into SINGLE_PART; false when it is split, forgotten at `now`, or not
   * there.
   */
  readSinglePart(no: number, now: number): boolean {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    if (i < 0) return false;
    const ended = page[i + ENDED] as number;
    const node = (page[i + ASKED_NODE] as number) % 128;
    if (node === 0 || (ended !== 0 && now - ended > ENDED_RETENTION_MS)) return false;
    SINGLE_PART.nodeIndex = node - 1;
    SINGLE_PART.reservedQty = page[i + RESERVED_QTY] as number;
    SINGLE_PART.epoch = Math.floor((page[i + EPOCH_STATE] as number) / 4);
    return true;
  }

  /** A copy of the reservation, or undefined if there is none or it is forgotten at `now`. */
  get(no: number, now: number): Reservation | undefined {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    if (i < 0) return undefined;
    const ended = page[i + ENDED] as number;
    if (ended !== 0 && now - ended > ENDED_RETENTION_MS) return undefined;
    return this.rowAt(page, i);
  }

  /** When the reservation expires if it is still soft and no order's, else 0. */
  softUntil(no: number): number {
    return this.orders?.get(no) === undefined ? this.reservedUntil(no) : 0;
  }

  /** When the order of the reservation is to be asked if it is still tentative, else 0. */
  tentativeUntil(no: number): number {
    return this.orders?.get(no) === undefined ? 0 : this.reservedUntil(no);
  }

  private reservedUntil(no: number): number {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    return i >= 0 && (page[i + EPOCH_STATE] as number) % 4 === 0 ? (page[i + EXPIRES] as number) : 0;
  }

  /** Units that are reserved, or committed and not yet shipped. */
  openUnits(no: number): number {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    if (i < 0 || page[i + ENDED] !== 0) return 0;
    return (page[i + QTY] as number) - (page[i + SHIPPED] as number);
  }

  /**
   * Adds a soft reservation of one part, made now: the common case, at the price of writing a row. Ended ones that are
   * forgotten at `now` may make room.
   */
  add(
    no: number,
    epoch: number,
    askedQty: number,
    nodeIndex: number,
    qty: number,
    now: number,
    expiresAt: number,
    owner: string | undefined,
    channel: string | undefined,
  ): void {
    this.live += 1;
    this.soft += 1;
    const texts = owner === undefined && channel === undefined ? 0 : this.keepTexts(owner, channel, undefined);
    const page = this.roomAtEnd(now - ENDED_RETENTION_MS);
    const i = this.placeAtEnd();
    page[i + NO] = no;
    page[i + EPOCH_STATE] = epoch * 4;
    page[i + ASKED_NODE] = askedQty * 128 + nodeIndex + 1;
    page[i + CREATED] = now;
    page[i + EXPIRES] = expiresAt;
    page[i + ENDED] = 0;
    page[i + RESERVED_QTY] = qty;
    page[i + QTY] = qty;
    page[i + SHIPPED] = 0;
    page[i + TEXTS] = texts;
  }

  /** Adds a reservation of any kind, with any number; ended ones that are forgotten at `now` may make room. */
  insert(r: Reservation, now: number): void {
    const split = r.parts.length > 1;
    const first = r.parts[0] as ReservationPart;
    if (split) {
      this.splits ??= new ShardedMap();
      this.splits.set(r.no, r.parts);
    }
    if (r.endedAt === 0) this.live += 1;
    if (r.order !== undefined) this.keepOrder(r.no, r.order);
    if (r.state === 'RESERVED') this.count(r.order, 1);
    this.put(
      [
        r.no,
        r.epoch * 4 + STATE_CODE[r.state],
        r.askedQty * 128 + (split ? 0 : first.nodeIndex + 1),
        r.createdAt,
        r.expiresAt,
        r.endedAt,
        split ? 0 : first.reservedQty,
        split ? totalOf(r.parts) : first.qty,
        split ? shippedOf(r.parts) : first.shipped,
        this.keepTextsOf(r),
      ],
      now - ENDED_RETENTION_MS,
    );
  }

  /** Writes back what may change of a reservation that get() returned. */
  update(r: Reservation): void {
    const page = this.pageOf(r.no);
    const i = this.indexIn(page, r.no);
    if (i < 0) throw new RangeError(`no reservation ${r.no} to write back`);
    this.beforeChange(page);
    const split = r.parts.length > 1;
    if (split) this.splits?.set(r.no, r.parts);
    if (page[i + ENDED] === 0 && r.endedAt !== 0) this.live -= 1;
    if ((page[i + EPOCH_STATE] as number) % 4 === 0) {
      this.count(this.orders?.get(r.no), -1);
      if (r.state === 'RESERVED') this.count(r.order, 1);
    }
    if (r.order !== undefined) this.keepOrder(r.no, r.order);
    page[i + EPOCH_STATE] = r.epoch * 4 + STATE_CODE[r.state];
    page[i + EXPIRES] = r.expiresAt;
    page[i + ENDED] = r.endedAt;
    page[i + QTY] = totalOf(r.parts);
    page[i + SHIPPED] = shippedOf(r.parts);
    if (r.orderId === undefined) return;
    const texts = page[i + TEXTS] as number;
    if (texts === 0) page[i + TEXTS] = this.keepTextsOf(r);
    else (this.texts as (string | undefined)[])[texts + 1] = r.orderId;
  }

  /** Visits each reservation that counts at `now`, by ascending no. */
  eachInOrder(now: number, visit: (r: Reservation) => void): void {
    this.eachRow(now - ENDED_RETENTION_MS, (page, at) => visit(this.rowAt(page, at)));
  }

  /** Begins a walk, see beginWalk, over the reservations up to number `last` that count at `now`. */
  walk(now: number, last: number, visit: (r: Reservation) => void): void {
    const staleBefore = now - ENDED_RETENTION_MS;
    this.beginWalk((page, at) => {
      const ended = page[at + ENDED] as number;
      if ((page[at + NO] as number) > last || (ended !== 0 && ended < staleBefore)) return;
      visit(this.rowAt(page, at));
    });
  }

  /** Visits each reservation that has not ended, in no order that means anything. */
  eachOpen(now: number, visit: (r: Reservation) => void): void {
    this.eachRow(now, (page, at) => {
      if (page[at + ENDED] === 0) visit(this.rowAt(page, at));
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

  protected override dropped(page: readonly number[], at: number): void {
    this.splits?.delete(page[at + NO] as number);
    this.orders?.delete(page[at + NO] as number);
    const texts = page[at + TEXTS] as number;
    if (texts === 0) return;
    this.texts?.fill(undefined, texts - 1, texts + 2);
    this.freeTexts ??= [];
    this.freeTexts.push(texts);
  }

  private keepOrder(no: number, order: string): void {
    this.orders ??= new ShardedMap();
    this.orders.set(no, order);
  }

  /** So many more or fewer are reserved, for this order or for none. */
  private count(order: string | undefined, more: number): void {
    if (order === undefined) this.soft += more;
    else this.tentative += more;
  }

  private keepTextsOf({ owner, channel, orderId }: Reservation): number {
    return owner === undefined && channel === undefined && orderId === undefined
      ? 0
      : this.keepTexts(owner, channel, orderId);
  }

  private keepTexts(owner: string | undefined, channel: string | undefined, orderId: string | undefined): number {
    this.texts ??= [];
    const place = this.freeTexts?.pop();
    if (place === undefined) return this.texts.push(owner, channel, orderId) - 2;
    this.texts[place - 1] = owner;
    this.texts[place] = channel;
    this.texts[place + 1] = orderId;
    return place;
  }

  private rowAt(page: readonly number[], i: number): Reservation {
    const no = page[i + NO] as number;
    const epochState = page[i + EPOCH_STATE] as number;
    const askedNode = page[i + ASKED_NODE] as number;
    const texts = page[i + TEXTS] as number;
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
                reservedQty: page[i + RESERVED_QTY] as number,
                qty: page[i + QTY] as number,
                shipped: page[i + SHIPPED] as number,
              },
            ],
      owner: texts === 0 ? undefined : this.texts?.[texts - 1],
      channel: texts === 0 ? undefined : this.texts?.[texts],
      orderId: texts === 0 ? undefined : this.texts?.[texts + 1],
      order: this.orders?.get(no),
      state: STATES[epochState % 4] as ReservationState,
      createdAt: page[i + CREATED] as number,
      expiresAt: page[i + EXPIRES] as number,
      endedAt: page[i + ENDED] as number,
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
