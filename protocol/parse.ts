// Turns a decoded value into a Request, or into the refusal that says which field is wrong and how. Checks form
// only: whether the region is here or the SKU exists is for others. Encodings are codec.ts's business.
import { FORM_GENERIC, OP_CODES, type ReplyForm } from './compact.ts';
import type { Failure } from './errors.ts';
import { type Source, show } from './fields.ts';
import { BATCH_ITEMS_MAX, ID_LENGTH_MAX } from './limits.ts';
import { isText } from './names.ts';
import * as ops from './parse-ops.ts';
import { badId, badRequest, tooLarge, unknownOp } from './refusals.ts';
import type { BatchRequest, Id, Op, ParsedItem, Request } from './types.ts';

export interface Parsed {
  /** Undefined when there was none that could be echoed. */
  readonly id: Id | undefined;
  readonly request: Request | Failure;
}

const PARSERS: ReadonlyMap<unknown, (source: Source) => Request | Failure> = new Map(
  Object.entries({
    reserve: ops.parseReserve,
    extend: ops.parseExtend,
    commit: ops.parseCommit,
    release: ops.parseRelease,
    ship: ops.parseShip,
    adjust: ops.parseAdjust,
    configure: ops.parseConfigure,
    pool: ops.parsePool,
    transfer: ops.parseTransfer,
    get: ops.parseGet,
    getReservation: ops.parseGetReservation,
    query: ops.parseQuery,
    list: ops.parseList,
    captureOrder: ops.parseCaptureOrder,
    advanceOrder: ops.parseAdvanceOrder,
    getOrder: ops.parseGetOrder,
    takeTasks: ops.parseTakeTasks,
    reserveOrder: ops.parseReserveOrder,
    commitOrder: ops.parseEndOrder,
    releaseOrder: ops.parseEndOrder,
    subscribe: ops.parseSubscription,
    unsubscribe: ops.parseSubscription,
    hello: ops.parseHello,
    map: ops.parseMap,
    batch: parseBatch,
  } satisfies Record<Op, (source: Source) => Request | Failure>),
);

/**
 * Parses one request. Never throws; the work is bounded by the size of `value`.
 * @param value plain data as JSON.parse or the msgpack reader give it
 * @param idRequired false where the transport pairs request and reply itself (HTTP, items of a batch)
 */
export function parseRequest(value: unknown, idRequired = true): Parsed {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { id: undefined, request: badRequest(`a request must be a map with id and op, got ${show(value)}`) };
  }
  const source = value as Source;
  const id = parseId(source.id);
  if (id === undefined && (idRequired || source.id !== undefined)) return { id, request: badId(source.id) };
  const parse = PARSERS.get(source.op);
  if (parse === undefined) return { id, request: unknownOp(source.op) };
  ops.check.begin();
  ops.check.seen = id === undefined ? 1 : 2;
  return { id, request: parse(source) };
}

/** The id of a request, or undefined when it is none. */
export function parseId(value: unknown): Id | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined; // -0 becomes 0
  return typeof value === 'string' && isText(value, ID_LENGTH_MAX) ? value : undefined;
}

/** The form of the reply to a request that came as a map. */
export function formOf(request: Request | Failure): ReplyForm {
  if ('ok' in request) return FORM_GENERIC;
  return (OP_CODES as Partial<Record<Op, number>>)[request.op] ?? FORM_GENERIC;
}

function parseBatch(source: Source): BatchRequest | Failure {
  const values = ops.check.array('items', source.items);
  const refused = ops.refusal(source);
  if (refused !== undefined) return refused;
  if (values.length > BATCH_ITEMS_MAX) return tooLarge(`batch has ${values.length} items`, BATCH_ITEMS_MAX);
  return { op: 'batch', items: values.map(parseItem) };
}

/** What a batch may not contain: itself, and what concerns the connection. */
const NO_ITEMS: ReadonlySet<unknown> = new Set<Op>(['batch', 'subscribe', 'unsubscribe', 'hello', 'map']);

function parseItem(value: unknown): ParsedItem {
  const item = value as Source | null;
  if (NO_ITEMS.has(item?.op)) {
    return { id: parseId(item?.id), request: badRequest(`${String(item?.op)} cannot be an item of a batch`) };
  }
  return parseRequest(value, false) as ParsedItem;
}
