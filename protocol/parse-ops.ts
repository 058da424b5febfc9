// One function for each op but batch: checks every field and builds the request, always with all its fields in one
// order, so that all requests of an op share one shape.
import type { Failure } from './errors.ts';
import { FieldChecker, type Source, show } from './fields.ts';
import { parseOrderRef, parseReservationId } from './ids.ts';
import * as limits from './limits.ts';
import type * as r from './order-reservations.ts';
import type * as o from './orders.ts';
import { checkCommand, checkKinds, checkOrder, checkTraceId } from './parse-order.ts';
import { checkLines } from './parse-order-lines.ts';
import { badRequest, noSuchReservation, tooLarge, unknownField } from './refusals.ts';
import type * as t from './types.ts';

export const check = new FieldChecker();

/** Undefined when every field was right and known. Called once all fields of the op were checked. */
export function refusal(source: Source): Failure | undefined {
  if (check.problem === undefined && Object.keys(source).length === check.seen) return undefined;
  // The unknown field goes first: what is missing is probably what it was meant to be.
  const problem = unknownField(source) ?? check.problem;
  return problem === undefined ? undefined : badRequest(problem);
}

export function parseReserve(source: Source): t.ReserveRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const qty = check.integer('qty', source.qty, 1, limits.QTY_MAX);
  const ttlMs = source.ttlMs === undefined ? limits.TTL_MS_DEFAULT : checkTtlMs(source.ttlMs);
  const owner = check.optionalName('owner', source.owner, limits.OWNER_LENGTH_MAX);
  const node = check.optionalName('node', source.node, limits.NODE_LENGTH_MAX);
  const channel = check.optionalName('channel', source.channel, limits.CHANNEL_LENGTH_MAX);
  const allowPartial = check.optionalBoolean('allowPartial', source.allowPartial, false);
  const order = checkOrderRef(source.order);
  const requestId = checkRequestId(source.requestId);
  return (
    refusal(source) ?? {
      op: 'reserve',
      sku,
      region,
      qty,
      ttlMs,
      owner,
      node,
      channel,
      allowPartial,
      order,
      requestId,
    }
  );
}

export function parseExtend(source: Source): t.ExtendRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const ttlMs = checkTtlMs(source.ttlMs);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'extend', reservationId, ref, ttlMs, requestId };
}

export function parseCommit(source: Source): t.CommitRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const qty = check.optionalInteger('qty', source.qty, 1, limits.QTY_MAX);
  const orderId = check.optionalText('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const order = checkOrderRef(source.order);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  if (ref === undefined) return noSuchReservation(reservationId);
  return { op: 'commit', reservationId, ref, qty, orderId, order, requestId };
}

export function parseRelease(source: Source): t.ReleaseRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const order = checkOrderRef(source.order);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  if (ref === undefined) return noSuchReservation(reservationId);
  return { op: 'release', reservationId, ref, order, requestId };
}

export function parseShip(source: Source): t.ShipRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const qty = check.optionalInteger('qty', source.qty, 1, limits.QTY_MAX);
  const toStock = check.optionalBoolean('toStock', source.toStock, false);
  const requestId = checkRequestId(source.requestId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  if (ref === undefined) return noSuchReservation(reservationId);
  return { op: 'ship', reservationId, ref, qty, toStock, requestId };
}

export function parseAdjust(source: Source): t.AdjustRequest | Failure {
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

export function parseConfigure(source: Source): t.ConfigureRequest | Failure {
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
  if (ofNode && node === undefined)
    check.fail('node is missing: safetyStock and backorderLimit are settings of a node');
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

export function parsePool(source: Source): t.PoolRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const regions = checkRegions(source.regions);
  const requestId = checkRequestId(source.requestId);
  if (regions.length > limits.POOL_REGIONS_MAX) {
    check.fail(`regions may name at most ${limits.POOL_REGIONS_MAX}, got ${regions.length}`);
  }
  return refusal(source) ?? { op: 'pool', sku, region, regions, requestId };
}

export function parseTransfer(source: Source): t.TransferRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  const to = checkRegion('to', source.to);
  const qty = check.integer('qty', source.qty, 1, limits.QTY_MAX);
  const requestId = checkRequestId(source.requestId);
  return refusal(source) ?? { op: 'transfer', sku, region, to, qty, requestId };
}

export function parseGet(source: Source): t.GetRequest | Failure {
  const sku = check.name('sku', source.sku, limits.SKU_LENGTH_MAX);
  const region = checkRegion('region', source.region);
  return refusal(source) ?? { op: 'get', sku, region };
}

export function parseGetReservation(source: Source): t.GetReservationRequest | Failure {
  const reservationId = check.string('reservationId', source.reservationId);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const ref = parseReservationId(reservationId);
  return ref === undefined ? noSuchReservation(reservationId) : { op: 'getReservation', reservationId, ref };
}

export function parseQuery(source: Source): t.QueryRequest | Failure {
  const skus = check.names('skus', source.skus, limits.SKU_LENGTH_MAX);
  const regions = source.regions === undefined ? undefined : checkRegions(source.regions);
  const refused = refusal(source);
  if (refused !== undefined) return refused;
  const positions = skus.length * (regions?.length ?? 1);
  if (positions > limits.QUERY_SKUS_MAX)
    return tooLarge(`query asks for ${positions} positions`, limits.QUERY_SKUS_MAX);
  return { op: 'query', skus, regions };
}

export function parseList(source: Source): t.ListRequest | Failure {
  const region = checkRegion('region', source.region);
  const after = check.optionalText('after', source.after, limits.CURSOR_LENGTH_MAX);
  const limit = check.optionalInteger('limit', source.limit, 1, limits.LIST_PAGE_MAX) ?? limits.LIST_PAGE_MAX;
  return refusal(source) ?? { op: 'list', region, after, limit };
}

export function parseCaptureOrder(source: Source): o.CaptureOrderRequest | Failure {
  const region = checkRegion('region', source.region);
  const order = checkOrder(check, source.order);
  const traceId = checkTraceId(check, source.traceId);
  const requestId = checkRequestId(source.requestId);
  return refusal(source) ?? { op: 'captureOrder', region, order, traceId, requestId };
}

export function parseAdvanceOrder(source: Source): o.AdvanceOrderRequest | Failure {
  const region = checkRegion('region', source.region);
  const orderId = check.name('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const command = checkCommand(check, source.command);
  const traceId = checkTraceId(check, source.traceId);
  const requestId = checkRequestId(source.requestId);
  return refusal(source) ?? { op: 'advanceOrder', region, orderId, command, traceId, requestId };
}

export function parseGetOrder(source: Source): o.GetOrderRequest | Failure {
  const region = checkRegion('region', source.region);
  const orderId = check.name('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const journey = check.optionalBoolean('journey', source.journey, false);
  return refusal(source) ?? { op: 'getOrder', region, orderId, journey };
}

export function parseTakeTasks(source: Source): o.TakeTasksRequest | Failure {
  const region = checkRegion('region', source.region);
  const kinds = checkKinds(check, source.kinds);
  const limit = check.optionalInteger('limit', source.limit, 1, limits.TASKS_TAKEN_MAX) ?? limits.TASKS_TAKEN_DEFAULT;
  const leaseMs =
    check.optionalInteger('leaseMs', source.leaseMs, limits.LEASE_MS_MIN, limits.LEASE_MS_MAX) ??
    limits.LEASE_MS_DEFAULT;
  const waitMs = check.optionalInteger('waitMs', source.waitMs, 0, limits.TAKE_WAIT_MS_MAX) ?? 0;
  return refusal(source) ?? { op: 'takeTasks', region, kinds, limit, leaseMs, waitMs };
}

export function parseReserveOrder(source: Source): r.ReserveOrderRequest | Failure {
  const orderId = check.name('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const region = checkOrderRegion(source.region);
  const lines = checkLines(check, source.lines);
  const regions = source.regions === undefined ? undefined : checkRegions(source.regions);
  const policy = source.policy === 'partial' ? 'partial' : 'all';
  if (source.policy !== undefined) check.seen++;
  if (source.policy !== policy) check.fail(`policy must be "all" or "partial", got ${show(source.policy)}`);
  const ttlMs = source.ttlMs === undefined ? limits.TTL_MS_DEFAULT : checkTtlMs(source.ttlMs);
  const owner = check.optionalName('owner', source.owner, limits.OWNER_LENGTH_MAX);
  const channel = check.optionalName('channel', source.channel, limits.CHANNEL_LENGTH_MAX);
  const taskId = check.optionalName('taskId', source.taskId, limits.TASK_ID_LENGTH_MAX);
  const requestId = checkRequestId(source.requestId);
  if (regions !== undefined && regions.length > limits.ORDER_REGIONS_MAX) {
    check.fail(`regions may name at most ${limits.ORDER_REGIONS_MAX}, got ${regions.length}`);
  }
  return (
    refusal(source) ?? {
      op: 'reserveOrder',
      orderId,
      region,
      lines,
      regions,
      policy,
      ttlMs,
      owner,
      channel,
      taskId,
      requestId,
    }
  );
}

export function parseEndOrder(source: Source): r.EndOrderRequest | Failure {
  const op = source.op as r.EndOrderRequest['op'];
  const orderId = check.name('orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX);
  const region = checkOrderRegion(source.region);
  const taskId = check.optionalName('taskId', source.taskId, limits.TASK_ID_LENGTH_MAX);
  const requestId = checkRequestId(source.requestId);
  return refusal(source) ?? { op, orderId, region, taskId, requestId };
}

export function parseSubscription(source: Source): t.SubscriptionRequest | Failure {
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

export function parseHello(source: Source): t.HelloRequest | Failure {
  const token = check.optionalSecret('token', source.token, limits.TOKEN_LENGTH_MAX);
  const client = check.optionalText('client', source.client, limits.CLIENT_LENGTH_MAX);
  return refusal(source) ?? { op: 'hello', token, client };
}

export function parseMap(source: Source): t.MapRequest | Failure {
  const follow = check.optionalBoolean('follow', source.follow, false);
  return refusal(source) ?? { op: 'map', follow };
}

// ---- fields that several ops share ----

function checkOrderRef(value: unknown): string | undefined {
  const order = check.optionalName('order', value, limits.ORDER_REF_LENGTH_MAX);
  if (order !== undefined && parseOrderRef(order) === undefined) {
    check.fail(`order must be "<orderId>@<region>", got ${show(order)}`);
  }
  return order;
}

function checkRegion(field: string, value: unknown): string {
  const region = check.name(field, value, limits.REGION_LENGTH_MAX);
  checkSlash(field, region);
  return region;
}

/** Of an order, whose name and region are told apart by the last @. */
function checkOrderRegion(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const region = checkRegion('region', value);
  if (region.includes('@')) check.fail(`the region of an order must not contain @, got ${show(region)}`);
  return region;
}

function checkRegions(value: unknown): readonly string[] {
  const regions = check.names('regions', value, limits.REGION_LENGTH_MAX);
  for (const region of regions) if (check.problem === undefined) checkSlash('regions', region);
  return regions;
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
