// The fast way in for positional requests, and batches of reserves, whose every value is of the usual kind: ASCII names, unsigned integers. It
// reads and checks in one pass without building anything else, and gives up without a word at the first value that is
// unusual or wrong: the general way (compact-server.ts) then decodes the frame again and says what is the matter. So
// it must accept nothing that the general way refuses, and give the same request; a property test holds it to that.
import { codeUnitAt } from './code-units.ts';
import { OP_CODES } from './compact.ts';
import { parseOrderRef, parseReservationId } from './ids.ts';
import * as limits from './limits.ts';
import { badRequest } from './refusals.ts';
import type * as t from './types.ts';

// The frame being read. Reading is synchronous, so one of each is enough.
let bytes = new Uint8Array(0);
let at = 0;
/** Elements not yet read; those that are missing read as absent. */
let left = 0;
/** A value was not of the usual kind: whatever was read since is a stand-in, and the request is not to be used. */
let unusual = false;

type Slice = (this: Uint8Array, start: number, end: number) => string;
/** Node's own reading of ASCII, several times faster than TextDecoder on short strings. */
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;

export interface HotRequest {
  readonly id: t.Id;
  readonly request: t.Request;
}

/** Reads `[opCode, id, …fields]`; undefined when the general way must look at it. */
export function readHot(frame: Uint8Array): HotRequest | undefined {
  const head = frame[0] as number;
  if ((head & 0xf0) !== 0x90 || frame.length < 4) return undefined;
  bytes = frame as Uint8Array<ArrayBuffer>;
  at = 2;
  left = (head & 0x0f) - 1;
  unusual = false;
  const id = readId();
  const request = readFields(frame[1] as number);
  if (unusual || request === undefined || left !== 0 || at !== frame.length) return undefined;
  return { id, request };
}

/** Reads `{id, op: 'batch', items}`, of which all items are reserves; undefined when the general way must look at it. */
export function readHotBatch(frame: Uint8Array): HotRequest | undefined {
  if (frame[0] !== (0x80 | 3)) return undefined;
  bytes = frame as Uint8Array<ArrayBuffer>;
  at = 1;
  unusual = false;
  let id: t.Id | undefined;
  let isBatch = false;
  let items: t.ParsedItem[] | undefined;
  // Of three pairs each must be one of these.
  for (let pair = 0; pair < 3; pair++) {
    if (isNext(KEY.id)) id = readId();
    else if (isNext(OP_BATCH)) isBatch = true;
    else if (isNext(KEY.items)) items = readItems();
    if (unusual) return undefined;
  }
  if (id === undefined || !isBatch || items === undefined || at !== frame.length) return undefined;
  return { id, request: { op: 'batch', items } };
}

/** The id of a frame that is a reserve and begins in the usual way; undefined of any other. The rest of it is not looked at. */
export function peekReserve(frame: Uint8Array): t.Id | undefined {
  const head = frame[0] as number;
  if ((head & 0xf0) !== 0x90 || head < 0x92 || frame[1] !== OP_CODES.reserve || frame.length < 4) return undefined;
  bytes = frame as Uint8Array<ArrayBuffer>;
  at = 2;
  unusual = false;
  const id = readId();
  return unusual ? undefined : id;
}

function readFields(opCode: number): t.Request | undefined {
  switch (opCode) {
    case OP_CODES.reserve:
      return readReserve();
    case OP_CODES.commit:
      return readCommit();
    case OP_CODES.release:
      return readRelease();
    case OP_CODES.extend:
      return readExtend();
    case OP_CODES.ship:
      return readShip();
    default:
      return undefined;
  }
}

function readReserve(): t.ReserveRequest {
  const sku = readName(limits.SKU_LENGTH_MAX);
  const region = readRegion();
  const qty = readInteger(1, limits.QTY_MAX);
  const requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
  const ttlMs = isAbsent() ? limits.TTL_MS_DEFAULT : readInteger(limits.TTL_MS_MIN, limits.TTL_MS_MAX);
  const owner = isAbsent() ? undefined : readName(limits.OWNER_LENGTH_MAX);
  const node = isAbsent() ? undefined : readName(limits.NODE_LENGTH_MAX);
  const channel = isAbsent() ? undefined : readName(limits.CHANNEL_LENGTH_MAX);
  const allowPartial = isAbsent() ? false : readBoolean();
  const order = isAbsent() ? undefined : readOrder();
  return { op: 'reserve', sku, region, qty, ttlMs, owner, node, channel, allowPartial, order, requestId };
}

function readCommit(): t.CommitRequest | undefined {
  const reservationId = readName(BYTE_MAX);
  const requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
  const qty = isAbsent() ? undefined : readInteger(1, limits.QTY_MAX);
  const orderId = isAbsent() ? undefined : readName(limits.ORDER_ID_LENGTH_MAX);
  const order = isAbsent() ? undefined : readOrder();
  const ref = parseReservationId(reservationId);
  return ref && { op: 'commit', reservationId, ref, qty, orderId, order, requestId };
}

function readRelease(): t.ReleaseRequest | undefined {
  const reservationId = readName(BYTE_MAX);
  const requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
  const order = isAbsent() ? undefined : readOrder();
  const ref = parseReservationId(reservationId);
  return ref && { op: 'release', reservationId, ref, order, requestId };
}

function readExtend(): t.ExtendRequest | undefined {
  const reservationId = readName(BYTE_MAX);
  const requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
  const ttlMs = readInteger(limits.TTL_MS_MIN, limits.TTL_MS_MAX);
  const ref = parseReservationId(reservationId);
  return ref && { op: 'extend', reservationId, ref, ttlMs, requestId };
}

function readShip(): t.ShipRequest | undefined {
  const reservationId = readName(BYTE_MAX);
  const requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
  const qty = isAbsent() ? undefined : readInteger(1, limits.QTY_MAX);
  const toStock = isAbsent() ? false : readBoolean();
  const ref = parseReservationId(reservationId);
  return ref && { op: 'ship', reservationId, ref, qty, toStock, requestId };
}

function readItems(): t.ParsedItem[] {
  const head = bytes[at++] as number;
  let count = head & 0x0f;
  if (head === 0xdc) {
    count = (bytes[at] as number) * 256 + (bytes[at + 1] as number);
    at += 2;
  } else if ((head & 0xf0) !== 0x90) {
    return giveUp([]);
  }
  const items: t.ParsedItem[] = [];
  if (!(count <= limits.BATCH_ITEMS_MAX)) return giveUp(items);
  for (; count > 0 && !unusual; count--) items.push(readReserveMap());
  return items;
}

/** A reserve as a map, with or without an id of its own. */
function readReserveMap(): t.ParsedItem {
  const head = bytes[at++] as number;
  if ((head & 0xf0) !== 0x80) return giveUp(NO_ITEM);
  let isReserve = false;
  let id: t.Id | undefined;
  let sku: string | undefined;
  let region: string | undefined;
  let qty: number | undefined;
  let requestId: string | undefined;
  let ttlMs: number | undefined;
  let owner: string | undefined;
  let node: string | undefined;
  let channel: string | undefined;
  let allowPartial: boolean | undefined;
  let order: string | undefined;
  const pairs = head & 0x0f;
  for (let pair = 0; pair < pairs && !unusual; pair++) {
    if (isNext(OP_RESERVE)) isReserve = true;
    else if (isNext(KEY.sku)) sku = readName(limits.SKU_LENGTH_MAX);
    else if (isNext(KEY.region)) region = readRegion();
    else if (isNext(KEY.qty)) qty = readInteger(1, limits.QTY_MAX);
    else if (isNext(KEY.requestId)) requestId = readName(limits.REQUEST_ID_LENGTH_MAX);
    else if (isNext(KEY.id)) id = readId();
    else if (isNext(KEY.ttlMs)) ttlMs = readInteger(limits.TTL_MS_MIN, limits.TTL_MS_MAX);
    else if (isNext(KEY.owner)) owner = readName(limits.OWNER_LENGTH_MAX);
    else if (isNext(KEY.node)) node = readName(limits.NODE_LENGTH_MAX);
    else if (isNext(KEY.channel)) channel = readName(limits.CHANNEL_LENGTH_MAX);
    else if (isNext(KEY.allowPartial)) allowPartial = readBoolean();
    else if (isNext(KEY.order)) order = readOrder();
    else return giveUp(NO_ITEM);
  }
  if (!isReserve || sku === undefined || region === undefined || qty === undefined || requestId === undefined) {
    return giveUp(NO_ITEM);
  }
  // Fewer fields than pairs: one came twice.
  const optional = count(id) + count(ttlMs) + count(owner) + count(node) + count(channel) + count(allowPartial);
  if (5 + optional + count(order) !== pairs) return giveUp(NO_ITEM);
  return {
    id,
    request: {
      op: 'reserve',
      sku,
      region,
      qty,
      ttlMs: ttlMs ?? limits.TTL_MS_DEFAULT,
      owner,
      node,
      channel,
      allowPartial: allowPartial ?? false,
      order,
      requestId,
    },
  };
}

/** What stands in for an item that is not to be used. */
const NO_ITEM: t.ParsedItem = { id: undefined, request: badRequest('not read') };

function count(value: unknown): number {
  return value === undefined ? 0 : 1;
}

// ---- keys ----

const KEY = {
  id: encoded('id'),
  items: encoded('items'),
  sku: encoded('sku'),
  region: encoded('region'),
  qty: encoded('qty'),
  requestId: encoded('requestId'),
  ttlMs: encoded('ttlMs'),
  owner: encoded('owner'),
  node: encoded('node'),
  channel: encoded('channel'),
  allowPartial: encoded('allowPartial'),
  order: encoded('order'),
};
const OP_BATCH = encoded('op', 'batch');
const OP_RESERVE = encoded('op', 'reserve');

/** Short texts as msgpack has them. */
function encoded(...texts: readonly string[]): Uint8Array {
  return Uint8Array.from(texts.flatMap((text) => [0xa0 | text.length, ...Buffer.from(text, 'latin1')]));
}

/** Steps over these bytes when they come next. */
function isNext(expected: Uint8Array): boolean {
  const { length } = expected;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== expected[i]) return false;
  at += length;
  return true;
}

// ---- values: each takes one element, or sets `unusual` ----

/** The greatest length that a string's head of two bytes can say. */
const BYTE_MAX = 255;

/** Printable ASCII without spaces: good as a name and as a text. */
function readName(lengthMax: number): string {
  left--;
  const head = bytes[at] as number;
  let start = at + 1;
  let length = head & 0x1f;
  if ((head & 0xe0) !== 0xa0) {
    if (head !== 0xd9) return giveUp('');
    length = bytes[start++] as number;
  }
  const end = start + length;
  // Not ≤ but negated, because a length beyond the frame reads as NaN.
  if (!(length > 0 && length <= lengthMax && end <= bytes.length)) return giveUp('');
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x21 || byte > 0x7e) return giveUp('');
  }
  at = end;
  return latin1Slice.call(bytes, start, end);
}

/** The region of an earlier request. Almost always the next one is for the same, and then its string is shared. */
let lastRegion = 'eu-west';

function readRegion(): string {
  const { length } = lastRegion;
  if (bytes[at] === (0xa0 | length) && at + length < bytes.length) {
    let i = 0;
    while (i < length && bytes[at + 1 + i] === codeUnitAt(lastRegion, i)) i++;
    if (i === length) {
      left--;
      at += 1 + length;
      return lastRegion;
    }
  }
  const region = readName(limits.REGION_LENGTH_MAX);
  if (region.includes('/')) return giveUp('');
  if (region.length > 0 && region.length < 32) lastRegion = region;
  return region;
}

function readOrder(): string {
  const order = readName(limits.ORDER_REF_LENGTH_MAX);
  return parseOrderRef(order) === undefined ? giveUp('') : order;
}

/** An integer in any of the unsigned forms of up to 32 bits. */
function readInteger(min: number, max: number): number {
  left--;
  let value = bytes[at++] as number;
  if (value >= 0x80) {
    let size = value === 0xcc ? 1 : value === 0xcd ? 2 : value === 0xce ? 4 : 0;
    if (size === 0) return giveUp(0);
    for (value = 0; size > 0; size--) value = value * 256 + (bytes[at++] as number);
  }
  // Beyond the end of the frame the value is NaN.
  return value >= min && value <= max ? value : giveUp(0);
}

function readBoolean(): boolean {
  left--;
  const value = bytes[at++];
  return value === 0xc2 || value === 0xc3 ? value === 0xc3 : giveUp(false);
}

function readId(): t.Id {
  const head = bytes[at] as number;
  return head < 0x80 || (head >= 0xcc && head <= 0xce) ? readInteger(0, 0xffffffff) : readName(limits.ID_LENGTH_MAX);
}

/** True when the next element is nil, which is skipped, or when there is none. */
function isAbsent(): boolean {
  if (left <= 0) return true;
  if (bytes[at] !== 0xc0) return false;
  left--;
  at++;
  return true;
}

function giveUp<T>(standIn: T): T {
  unusual = true;
  return standIn;
}
