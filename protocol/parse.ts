// Turns a decoded value into a Request, or into the refusal that says which field is wrong and how. Checks form
// only: whether the region is here or the SKU exists is for others. Encodings are codec.ts's business.
import { FORM_GENERIC, OP_CODES, type ReplyForm } from './compact.ts';
import { type Failure, failure } from './errors.ts';
import { FieldChecker, type Source, show } from './fields.ts';
import { parseReservationId } from './ids.ts';
import * as limits from './limits.ts';
import { isText } from './names.ts';
import { nearest } from './suggest.ts';
import type * as t from './types.ts';

export interface Parsed {
  /** Undefined when there was none that could be echoed. */
  readonly id: t.Id | undefined;
  readonly request: t.Request | Failure;
}

/** The fields of each op besides `id` and `op`, in the order in which they are documented. */
export const FIELDS: Readonly<Record<t.Op, readonly string[]>> = {
  reserve: ['sku', 'region', 'qty', 'ttlMs', 'owner', 'node', 'channel', 'allowPartial', 'requestId'],
  extend: ['reservationId', 'ttlMs', 'requestId'],
  commit: ['reservationId', 'qty', 'orderId', 'requestId'],
  release: ['reservationId', 'requestId'],
  ship: ['reservationId', 'qty', 'requestId'],
  adjust: ['sku', 'region', 'node', 'delta', 'onHand', 'reason', 'requestId'],
  configure: [
    'sku',
    'region',
    'node',
    'safetyStock',
    'backorderLimit',
    'channelBuffers',
    'limitPerOwner',
    'requestId',
  ],
  get: ['sku', 'region'],
  getReservation: ['reservationId'],
  query: ['skus', 'regions'],
  list: ['region', 'after', 'limit'],
  subscribe: ['sku', 'skus', 'region'],
  unsubscribe: ['sku', 'skus', 'region'],
  hello: ['token', 'client'],
  batch: ['items'],
};

const OPS = Object.keys(FIELDS) as t.Op[];

/** Ops of the contract that are not served yet: no typo, so no suggestion. */
const NOT_SERVED = new Set(['reserveOrder', 'commitOrder', 'releaseOrder']);

/** Each builds its request with all fields in one order, so that all requests of an op share one shape. */
const PARSERS: ReadonlyMap<unknown, (source: Source) => t.Request | Failure> = new Map(
  Object.entries({
    reserve: parseReserve,
    extend: parseExtend,
    commit: parseCommit,
    release: parseRelease,
    ship: parseShip,
    adjust: parseAdjust,
    configure: parseConfigure,
    get: parseGet,
    getReservation: parseGetReservation,
    query: parseQuery,
    list: parseList,
    subscribe: parseSubscription,
    unsubscribe: parseSubscription,
    hello: parseHello,
    batch: parseBatch,
  } satisfies Record<t.Op, (source: Source) => t.Request | Failure>),
);

const check = new FieldChecker();

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
  let { id } = source;
  if (typeof id === 'number' ? !Number.isSafeInteger(id) : typeof id !== 'string' || !isText(id, limits.ID_LENGTH_MAX)) {
    if (id !== undefined || idRequired) return { id: undefined, request: badId(id) };
  } else if (id === 0) {
    id = 0; // never -0: replies must look the same in every encoding
  }
  return { id: id as t.Id | undefined, request: parseFields(source) };
}

/** The form of the reply to a request that came as a map. */
export function formOf(request: t.Request | Failure): ReplyForm {
  if ('ok' in request) return FORM_GENERIC;
  return (OP_CODES as Partial<Record<t.Op, number>>)[request.op] ?? FORM_GENERIC;
}

function parseFields(source: Source): t.Request | Failure {
  const parse = PARSERS.get(source.op);
  if (parse === undefined) return unknownOp(source.op);
  check.begin();
  check.seen = source.id === undefined ? 1 : 2;
  return parse(source);
}

/** Undefined when every field was right and known. Called once all fields of the op were checked. */
function refusal(source: Source): Failure | undefined {
  if (check.problem === undefined && Object.keys(source).length === check.seen) return undefined;
  // The unknown field goes first: what is missing is probably what it was meant to be.
  const problem = unknownField(source) ?? check.problem;
  return problem === undefined ? undefined : badRequest(problem);
}

// ---- one function for each op ----

function parseReserve(source: Source): t.ReserveRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const qty = check.integer('qty', source.qty, 1, limits.QTY_MAX);
  const ttlMs = source.ttlMs === undefined ? limits.TTL_MS_DEFAULT : checkTtlMs(source.ttlMs);
  const owner = check.optionalName('owner', source.owner, limits.OWNER_LENGTH_MAX);
  const node = check.optionalName('node', source.node, limits.NODE_LENGTH_MAX);
  const channel = check.optionalName('channel', source.channel, limits.CHANNEL_LENGTH_MAX);
  const allowPartial = check.optionalBoolean('allowPartial', source.allowPartial, false);
  const requestId = checkRequestId(source.requestId);
  return (
    refusal(source) ?? { op: 'reserve', sku, region, qty, ttlMs, owner, node, channel, allowPartial, requestId }
  );
}

function parseExtend(source: Source): t.ExtendRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const ttlMs = checkTtlMs(source.ttlMs);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'extend', reservationId, ref, ttlMs, requestId };
}

function parseCommit(source: Source): t.CommitRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const qty = check.optionalInteger('qty', source.qty, 1, limits.QTY_MAX);
  const orderId = check.optionalText('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  if (ref === undefined) return noSuchReservation(reservationId);
  return { op: 'commit', reservationId, ref, qty, orderId, requestId };
}

function parseRelease(source: Source): t.ReleaseRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'release', reservationId, ref, requestId };
}

function parseShip(source: Source): t.ShipRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const qty = check.optionalInteger('qty', source.qty, 1, limits.QTY_MAX);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'ship', reservationId, ref, qty, requestId };
}

function parseAdjust(source: Source): t.AdjustRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const node = check.name('node', source.node, limits.NODE_LENGTH_MAX);
  const delta = check.optionalInteger('delta', source.delta, -limits.QTY_MAX, limits.QTY_MAX);
  const onHand = check.optionalInteger('onHand', source.onHand, 0, limits.QTY_MAX);
  const reason = check.text('reason', source.reason, limits.REASON_LENGTH_MAX);
  const requestId = checkRequestId(source.requestId);
  if ((source.delta === undefined) === (source.onHand === undefined)) {
    check.fail('adjust takes either delta (units to add, or to remove if negative) or onHand (units counted)');
  }
  if (delta === 0) check.fail('delta must not be 0');
  return refusal(source) ?? { op: 'adjust', sku, region, node, delta, onHand, reason, requestId };
}

function parseConfigure(source: Source): t.ConfigureRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const node = check.optionalName('node', source.node, limits.NODE_LENGTH_MAX);
  const safetyStock = check.optionalInteger('safetyStock', source.safetyStock, 0, limits.QTY_MAX);
  const backorderLimit = check.optionalInteger('backorderLimit', source.backorderLimit, 0, limits.QTY_MAX);
  const channelBuffers = check.optionalCounts(
    'channelBuffers',
    source.channelBuffers,
    limits.CHANNEL_LENGTH_MAX,
    limits.CHANNELS_PER_SKU_MAX,
    limits.QTY_MAX,
  );
  const limitPerOwner = check.optionalInteger('limitPerOwner', source.limitPerOwner, 0, limits.QTY_MAX);
  const requestId = checkRequestId(source.requestId);
  const ofNode = safetyStock !== undefined || backorderLimit !== undefined;
  if (!ofNode && channelBuffers === undefined && limitPerOwner === undefined) {
    check.fail('configure needs at least one of safetyStock, backorderLimit, channelBuffers and limitPerOwner');
  }
  if (ofNode && node === undefined) check.fail('node is missing: safetyStock and backorderLimit are settings of a node');
  if (!ofNode && node !== undefined) check.fail('node goes with safetyStock or backorderLimit only');
  return (
    refusal(source) ?? {
      op: 'configure',
      sku,
      region,
      node,
      safetyStock,
      backorderLimit,
      channelBuffers,
      limitPerOwner,
      requestId,
    }
  );
}

function parseGet(source: Source): t.GetRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  return refusal(source) ?? { op: 'get', sku, region };
}

function parseGetReservation(source: Source): t.GetReservationRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'getReservation', reservationId, ref };
}

function parseQuery(source: Source): t.QueryRequest | Failure {
  const skus = check.names('skus', source.skus, limits.SKU_LENGTH_MAX);
  const regions = source.regions === undefined ? undefined : check.names('regions', source.regions, limits.REGION_LENGTH_MAX);
  for (const region of regions ?? []) if (check.problem === undefined) checkSlash('regions', region);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const positions = skus.length * (regions?.length ?? 1);
  if (positions > limits.QUERY_SKUS_MAX) return tooLarge(`query asks for ${positions} positions`, limits.QUERY_SKUS_MAX);
  return { op: 'query', skus, regions };
}

function parseList(source: Source): t.ListRequest | Failure {
  const region = checkRegion('region', source.region);
  const after = check.optionalText('after', source.after, limits.CURSOR_LENGTH_MAX);
  const limit = check.optionalInteger('limit', source.limit, 1, limits.LIST_PAGE_MAX) ?? limits.LIST_PAGE_MAX;
  return refusal(source) ?? { op: 'list', region, after, limit };
}

function parseSubscription(source: Source): t.SubscriptionRequest | Failure {
  const op = source.op as t.SubscriptionRequest['op'];
  const sku = check.optionalName('sku', source.sku, limits.SKU_LENGTH_MAX);
  const list = source.skus === undefined ? undefined : check.names('skus', source.skus, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  if ((source.sku === undefined) === (source.skus === undefined)) check.fail(`${op} takes either sku or skus`);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const skus = list ?? [sku as string];
  if (skus.length > limits.QUERY_SKUS_MAX) return tooLarge(`${op} names ${skus.length} skus`, limits.QUERY_SKUS_MAX);
  return { op, skus, region };
}

function parseHello(source: Source): t.HelloRequest | Failure {
  const token = check.optionalSecret('token', source.token, limits.TOKEN_LENGTH_MAX);
  const client = check.optionalText('client', source.client, limits.CLIENT_LENGTH_MAX);
  return refusal(source) ?? { op: 'hello', token, client };
}

function parseBatch(source: Source): t.BatchRequest | Failure {
  const values = check.array('items', source.items);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  if (values.length > limits.BATCH_ITEMS_MAX) {
    return tooLarge(`batch has ${values.length} items`, limits.BATCH_ITEMS_MAX);
  }
  return { op: 'batch', items: values.map(parseItem) };
}

function parseItem(value: unknown): t.ParsedItem {
  const op = (value as Source | null | undefined)?.op;
  if (op !== 'batch' && op !== 'subscribe' && op !== 'unsubscribe' && op !== 'hello') {
    return parseRequest(value, false) as t.ParsedItem;
  }
  const { id } = parseRequest({ ...(value as Source), op: 'get' }, false);
  return { id, request: badRequest(`${op} cannot be an item of a batch`) };
}

// ---- fields that several ops share, and refusals ----

function checkRegion(field: string, value: unknown): string {
  const region = check.name(field, value, limits.REGION_LENGTH_MAX);
  checkSlash(field, region);
  return region;
}

/** The slash ends the region inside a reservationId. */
function checkSlash(field: string, region: string): void {
  if (region.includes('/')) check.fail(`${field} must not contain a slash, got ${show(region)}`);
}

function checkTtlMs(value: unknown): number {
  return check.integer('ttlMs', value, limits.TTL_MS_MIN, limits.TTL_MS_MAX);
}

function checkRequestId(value: unknown): string {
  return check.text('requestId', value, limits.REQUEST_ID_LENGTH_MAX);
}

function unknownField(source: Source): string | undefined {
  const op = source.op as t.Op;
  const known = FIELDS[op];
  for (const field of Object.keys(source)) {
    if (source[field] === undefined || field === 'id' || field === 'op' || known.includes(field)) continue;
    const meant = nearest(field, known);
    const hint = meant === undefined ? `; ${op} takes ${known.join(', ')}` : ` (did you mean "${meant}"?)`;
    return `unknown field ${show(field)}${hint}`;
  }
  return undefined;
}

function unknownOp(op: unknown): Failure {
  if (op === undefined) return badRequest(`op is missing: it must be one of ${OPS.join(', ')}`);
  if (typeof op !== 'string') return badRequest(`op must be one of ${OPS.join(', ')}, got ${show(op)}`);
  if (NOT_SERVED.has(op)) return badRequest(`op ${show(op)} is not served by this version`);
  const meant = nearest(op, OPS);
  const hint = meant === undefined ? `: it must be one of ${OPS.join(', ')}` : ` (did you mean "${meant}"?)`;
  return badRequest(`unknown op ${show(op)}${hint}`);
}

function badId(id: unknown): Failure {
  const expected = `an integer or a string of 1 to ${limits.ID_LENGTH_MAX} characters without control characters`;
  if (id === undefined) return badRequest(`id is missing: it must be ${expected}`);
  return badRequest(`id must be ${expected}, got ${show(id)}`);
}

export function badRequest(message: string): Failure {
  return failure('BAD_REQUEST', message);
}

function noSuchReservation(reservationId: string): Failure {
  return failure('NOT_FOUND', `no reservation has the id ${show(reservationId)}`);
}

function tooLarge(what: string, max: number): Failure {
  return failure('TOO_LARGE', `${what}, at most ${max} are allowed: split it`);
}
