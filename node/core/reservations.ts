// The reservations of one actor as flat rows: no object for each of millions, see sorted-pages.ts. Texts (owner, channel,
// orderId) and the parts of a split stand aside, since most reservations have none.
import { IDEMPOTENCY_WINDOW_MS, type ReservationState } from '../../protocol/index.ts';
import { tagOf } from './hash.ts';
import { moreRows } from './pages.ts';
import type { Reservation, ReservationPart } from './reservation.ts';
import { ShardedMap } from './sharded-map.ts';
import { SortedPages } from './sorted-pages.ts';
import { TextBytes } from './text-bytes.ts';

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
/** When it ended, or − units shipped: what is over and committed was shipped whole, all else that is over not at all. */
const ENDED_SHIPPED = 5;
const RESERVED_QTY = 6;
const QTY = 7;
/** 0, or (bits of the owner's tag × PLACES + the first of its places) × 8 + which texts there are, in this order. */
const TEXTS = 8;
const STRIDE = 9;

const HAS_OWNER = 1;
const HAS_CHANNEL = 2;
const HAS_ORDER_ID = 4;
const TEXT_KINDS = 8;

const PLACES = 2 ** 33;
/** Beside the owner's tag: one look at a row says that it is not the owner's, nearly always. */
const TAG_UNIT = PLACES * TEXT_KINDS;
/** The others say where the owner stands in its index. */
const TAG_SHIFT = 16;

/** Places from this one on are of bytes: no more texts than that weigh less as strings. At most the bits of an integer. */
const STRINGS_MAX = 32;
const ALL_USED = -1;
/** What a text takes as bytes beside its characters, about. */
const TEXT_HEAD_BYTES = 3;

/** Channels are few, and each request brings a string of its own: one of each is kept. */
const channels = new Map<string, string>();
const CHANNELS_SHARED_MAX = 1_024;

/** Where readSinglePart() leaves what it read: a returned object would be garbage on every reserve. */
export const SINGLE_PART = { nodeIndex: 0, reservedQty: 0, epoch: 0 };

export class ReservationTable extends SortedPages {
  /** Reservations that have not ended: reserved, or committed and not yet shipped whole. */
  live = 0;
  /** Of these the ones that expire by themselves. */
  soft = 0;
  /** And those that are reserved for an order, which is asked first. */
  tentative = 0;
  private strings: (string | undefined)[] | undefined;
  /** A bit for each place of a string: whether it is used. */
  private stringsUsed = 0;
  private bytes: TextBytes | undefined;
  private splits: ShardedMap<number, readonly ReservationPart[]> | undefined;
  /** By no, the orders that reservations were made for. */
  private orders: ShardedMap<number, string> | undefined;

  protected override get stride(): number {
    return STRIDE;
  }

  protected override get staleField(): number {
    return ENDED_SHIPPED;
  }

  /**
   * Reads the reservation's epoch and its single part into SINGLE_PART; false when it is split, forgotten at `now`, or not
   * there.
   */
  readSinglePart(no: number, now: number): boolean {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    if (i < 0) return false;
    const ended = page[i + ENDED_SHIPPED] as number;
    const node = (page[i + ASKED_NODE] as number) % 128;
    if (node === 0 || (ended > 0 && now - ended > ENDED_RETENTION_MS)) return false;
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
    const ended = page[i + ENDED_SHIPPED] as number;
    if (ended > 0 && now - ended > ENDED_RETENTION_MS) return undefined;
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
    if (i < 0) return 0;
    const endedShipped = page[i + ENDED_SHIPPED] as number;
    return endedShipped > 0 ? 0 : (page[i + QTY] as number) + endedShipped;
  }

  /** The number of the newest, 0 when there is none. */
  get lastNo(): number {
    return this.lastKey;
  }

  /** Whether the reservation is this owner's and has not ended. */
  isHeldBy(no: number, owner: string): boolean {
    const page = this.pageOf(no);
    const i = this.indexIn(page, no);
    return i >= 0 && this.isHeldAt(page, i, owner, rowTagOf(owner));
  }

  /** Visits each reservation of the owner that has not ended, by ascending no: a look at every row. */
  eachHeldBy(owner: string, visit: (no: number) => void): void {
    const tag = rowTagOf(owner);
    this.eachRow(0, (page, at) => {
      if (this.isHeldAt(page, at, owner, tag)) visit(page[at + NO] as number);
    });
  }

  private isHeldAt(page: readonly number[], at: number, owner: string, tag: number): boolean {
    const texts = page[at + TEXTS] as number;
    if (texts < tag || texts >= tag + TAG_UNIT) return false;
    if ((texts & HAS_OWNER) === 0 || (page[at + ENDED_SHIPPED] as number) > 0) return false;
    const place = placeOf(texts);
    if (place < STRINGS_MAX) return this.strings?.[place] === owner;
    return this.bytes?.isFirst(place - STRINGS_MAX, owner) ?? false;
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
    page[i + ENDED_SHIPPED] = 0;
    page[i + RESERVED_QTY] = qty;
    page[i + QTY] = qty;
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
        endedShippedOf(r),
        split ? 0 : first.reservedQty,
        split ? totalOf(r.parts) : first.qty,
        this.keepTexts(r.owner, r.channel, r.orderId),
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
    if ((page[i + ENDED_SHIPPED] as number) <= 0 && r.endedAt !== 0) this.live -= 1;
    if ((page[i + EPOCH_STATE] as number) % 4 === 0) {
      this.count(this.orders?.get(r.no), -1);
      if (r.state === 'RESERVED') this.count(r.order, 1);
    }
    if (r.order !== undefined) this.keepOrder(r.no, r.order);
    page[i + EPOCH_STATE] = r.epoch * 4 + STATE_CODE[r.state];
    page[i + EXPIRES] = r.expiresAt;
    page[i + ENDED_SHIPPED] = endedShippedOf(r);
    page[i + QTY] = totalOf(r.parts);
    const texts = page[i + TEXTS] as number;
    // The commit brings it; nothing changes it afterwards.
    if (r.orderId === undefined || (texts & HAS_ORDER_ID) !== 0) return;
    this.freePlaces(texts);
    // Those of the others may be moved now, and it has none.
    page[i + TEXTS] = 0;
    page[i + TEXTS] = this.keepTexts(r.owner, r.channel, r.orderId);
  }

  /** Visits each reservation that counts at `now`, by ascending no. */
  eachInOrder(now: number, visit: (r: Reservation) => void): void {
    this.eachRow(now - ENDED_RETENTION_MS, (page, at) => visit(this.rowAt(page, at)));
  }

  /** Begins a walk, see beginWalk, over the reservations up to number `last` that count at `now`. */
  walk(now: number, last: number, visit: (r: Reservation) => void): void {
    const staleBefore = now - ENDED_RETENTION_MS;
    this.beginWalk((page, at) => {
      const ended = page[at + ENDED_SHIPPED] as number;
      if ((page[at + NO] as number) > last || (ended > 0 && ended < staleBefore)) return;
      visit(this.rowAt(page, at));
    });
  }

  /** Visits each reservation that has not ended, in no order that means anything. */
  eachOpen(now: number, visit: (r: Reservation) => void): void {
    this.eachRow(now, (page, at) => {
      if ((page[at + ENDED_SHIPPED] as number) <= 0) visit(this.rowAt(page, at));
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
    this.freePlaces(page[at + TEXTS] as number);
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

  /** Keeps those texts that there are; returns what TEXTS is to say. */
  private keepTexts(owner: string | undefined, channel: string | undefined, orderId: string | undefined): number {
    const has =
      (owner === undefined ? 0 : HAS_OWNER) |
      (channel === undefined ? 0 : HAS_CHANNEL) |
      (orderId === undefined ? 0 : HAS_ORDER_ID);
    if (has === 0) return 0;
    const tagHas = (owner === undefined ? 0 : rowTagOf(owner)) + has;
    const places = placesOf(has);
    const first = freeRun(this.stringsUsed, places);
    if (first < 0) {
      this.bytes ??= this.bytesOfStrings();
      return tagHas + (STRINGS_MAX + this.bytes.add(owner, channel, orderId)) * TEXT_KINDS;
    }
    this.stringsUsed |= runOf(first, places);
    const strings = this.stringsFor(first + places);
    let at = first;
    if (owner !== undefined) strings[at++] = owner;
    if (channel !== undefined) strings[at++] = shared(channel);
    if (orderId !== undefined) strings[at++] = orderId;
    return tagHas + first * TEXT_KINDS;
  }

  /** What the strings say, as bytes, and the rows say where; no text is a string from now on. */
  private bytesOfStrings(): TextBytes {
    // With room for as many again by half: each growing is a buffer.
    const characters = (this.strings ?? []).reduce((sum, text) => sum + (text?.length ?? 0), 0);
    const bytes = new TextBytes(Math.floor(1.5 * (characters + TEXT_HEAD_BYTES * STRINGS_MAX)));
    this.eachRow(0, (page, at) => {
      const texts = page[at + TEXTS] as number;
      if (texts === 0) return;
      const { owner, channel, orderId } = this.rowAt(page, at);
      const place = STRINGS_MAX + bytes.add(owner, channel, orderId);
      page[at + TEXTS] = texts + (place - placeOf(texts)) * TEXT_KINDS;
    });
    this.strings = undefined;
    this.stringsUsed = ALL_USED;
    return bytes;
  }

  /** The strings, at least so many. */
  private stringsFor(places: number): (string | undefined)[] {
    const strings = this.strings ?? [];
    if (strings.length >= places) return strings;
    const longer = new Array<string | undefined>(moreRows(places - 1, STRINGS_MAX));
    for (let i = 0; i < longer.length; i++) longer[i] = strings[i];
    this.strings = longer;
    return longer;
  }

  private textAt(place: number, index: number): string | undefined {
    return place < STRINGS_MAX ? this.strings?.[place + index] : this.bytes?.get(place - STRINGS_MAX, index);
  }

  /** Gives the places up that TEXTS says. */
  private freePlaces(textsHas: number): void {
    if (textsHas === 0) return;
    const first = placeOf(textsHas);
    const places = placesOf(textsHas % TEXT_KINDS);
    if (first >= STRINGS_MAX) {
      this.bytes?.remove(first - STRINGS_MAX, places);
      return;
    }
    this.strings?.fill(undefined, first, first + places);
    this.stringsUsed &= ~runOf(first, places);
  }

  private rowAt(page: readonly number[], i: number): Reservation {
    const no = page[i + NO] as number;
    const epochState = page[i + EPOCH_STATE] as number;
    const askedNode = page[i + ASKED_NODE] as number;
    const node = askedNode % 128;
    const state = STATES[epochState % 4] as ReservationState;
    const endedShipped = page[i + ENDED_SHIPPED] as number;
    const qty = page[i + QTY] as number;
    const shipped = endedShipped <= 0 ? -endedShipped : state === 'COMMITTED' ? qty : 0;
    const texts = page[i + TEXTS] as number;
    const has = texts % TEXT_KINDS;
    const place = placeOf(texts);
    let index = 0;
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
                qty,
                // Of none, and not of "minus none".
                shipped: shipped + 0,
              },
            ],
      owner: (has & HAS_OWNER) === 0 ? undefined : this.textAt(place, index++),
      channel: (has & HAS_CHANNEL) === 0 ? undefined : this.textAt(place, index++),
      orderId: (has & HAS_ORDER_ID) === 0 ? undefined : this.textAt(place, index),
      order: this.orders?.get(no),
      state,
      createdAt: page[i + CREATED] as number,
      expiresAt: page[i + EXPIRES] as number,
      endedAt: Math.max(endedShipped, 0),
    };
  }
}

function endedShippedOf({ endedAt, parts }: Reservation): number {
  return endedAt === 0 ? -shippedOf(parts) : endedAt;
}

function placeOf(texts: number): number {
  return Math.floor(texts / TEXT_KINDS) % PLACES;
}

/** What TEXTS of this owner's rows has in common, below TAG_UNIT more. */
function rowTagOf(owner: string): number {
  return (tagOf(owner) >>> TAG_SHIFT) * TAG_UNIT;
}

/** How many places texts take. */
function placesOf(has: number): number {
  return (has & 1) + ((has >> 1) & 1) + (has >> 2);
}

/** The first of so many free places in a row, 1 to 3, or −1. */
function freeRun(used: number, places: number): number {
  let starts = ~used;
  for (let further = 1; further < places; further++) starts &= ~used >>> further;
  return starts === 0 ? -1 : 31 - Math.clz32(starts & -starts);
}

/** The bits of so many places from `first` on. */
function runOf(first: number, places: number): number {
  return ((1 << places) - 1) << first;
}

function shared(channel: string): string {
  const one = channels.get(channel);
  if (one !== undefined) return one;
  if (channels.size < CHANNELS_SHARED_MAX) channels.set(channel, channel);
  return channel;
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
