// Decides what a command comes to. decide() is pure; execute() is what the shell calls: it repeats what was decided
// before, ends what is due, decides, evolves, checks the invariants, and renders the reply from what is remembered.
import {
  type AdjustRequest,
  CHANNELS_PER_SKU_MAX,
  type CommitRequest,
  type ConfigureRequest,
  type ExtendRequest,
  type Failure,
  failure,
  IDEMPOTENCY_WINDOW_MS,
  type MutatingRequest,
  NODES_PER_SKU_MAX,
  type Outcome,
  type ReleaseRequest,
  type ShipRequest,
} from '../../protocol/index.ts';
import { evolve, hasDue } from './evolve.ts';
import { bodyHash } from './hash.ts';
import { assertInvariants, InvariantViolation } from './invariants.ts';
import { decidePool, decideTransfer, poolForbids } from './pool.ts';
import { refusal } from './refused.ts';
import { expiredKey, renderOutcome, reservationUnknown, skuUnknown } from './render.ts';
import { totalOf } from './reservations.ts';
import { decideReserve } from './reserve.ts';
import { floorOf, nodeIndexOf, onHandOf, shippableOf } from './stock.ts';
import { TRANSITIONS } from './transitions.ts';
import type {
  AdjustedEvent,
  Command,
  ConfiguredEvent,
  DecideContext,
  Decision,
  InventoryEvent,
  InventoryState,
  NodePosition,
  RefusedEvent,
  Reservation,
} from './types.ts';
import { uuidV7TimeBefore } from './uuid.ts';

/** Units received at one node: 64 nodes of it still add up to a safe integer. */
const RECEIVED_MAX = 2 ** 46;

const NO_EVENTS: readonly InventoryEvent[] = [];
const NOTHING: Decision = { events: NO_EVENTS, reply: undefined };

/**
 * Carries a command out on the state. Throws InvariantViolation when the result breaks I1 or I2: the state must then
 * be thrown away with the events.
 */
export function execute(state: InventoryState, command: Command, ctx: DecideContext): Decision {
  const now = Math.max(ctx.now, state.lastAt);
  if (command.op === 'expire') {
    return hasDue(state, now) ? { events: [applyExpiry(state, now, ctx.epoch)], reply: undefined } : NOTHING;
  }
  const hash = bodyHash(command);
  const before = recall(state, command, hash, now, ctx.region);
  if (before !== undefined) return { events: NO_EVENTS, reply: before };
  const expired = hasDue(state, now) ? applyExpiry(state, now, ctx.epoch) : undefined;
  const verdict = decide(state, command, hash, now, ctx);
  if (!('type' in verdict)) return { events: expired === undefined ? NO_EVENTS : [expired], reply: verdict };
  apply(state, verdict);
  const entry = state.dedup.last();
  if (entry?.seq !== state.seq)
    throw new InvariantViolation('I11', state.sku, state.seq, 'an outcome was not remembered');
  const reply = renderOutcome(state, entry, command, ctx.region, now);
  return { events: expired === undefined ? [verdict] : [expired, verdict], reply };
}

/** The answer of before, if the requestId is known; a refusal, if it is too old to tell. */
function recall(
  state: InventoryState,
  command: MutatingRequest,
  hash: number,
  now: number,
  region: string,
): Outcome | undefined {
  const entry = state.dedup.find(command.requestId, now);
  if (entry === undefined) {
    const madeAt = uuidV7TimeBefore(command.requestId, now - IDEMPOTENCY_WINDOW_MS);
    return madeAt === undefined ? undefined : expiredKey(now - madeAt);
  }
  if (now - entry.at > IDEMPOTENCY_WINDOW_MS) return expiredKey(now - entry.at);
  if (entry.bodyHash !== hash) {
    return failure('IDEMPOTENCY_CONFLICT', 'this requestId was used with another op or other fields; use a new one');
  }
  return { ...renderOutcome(state, entry, command, region, now), replayed: true };
}

function applyExpiry(state: InventoryState, now: number, epoch: number): InventoryEvent {
  const event: InventoryEvent = { type: 'expired', at: now, epoch, through: now };
  apply(state, event);
  return event;
}

function apply(state: InventoryState, event: InventoryEvent): void {
  evolve(state, event);
  assertInvariants(state);
}

/**
 * The event a request comes to at `now`, or why it comes to nothing that need be remembered. The requestId is not
 * known and nothing is due: execute has seen to both.
 */
export function decide(
  state: InventoryState,
  request: MutatingRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): InventoryEvent | Failure {
  switch (request.op) {
    case 'reserve':
      if (state.seq === 0) return skuUnknown(state.sku, ctx.region);
      return decideReserve(state, request, hash, now, ctx);
    case 'extend':
    case 'commit':
    case 'release':
    case 'ship':
      return decideOnReservation(state, request, hash, now, ctx);
    case 'adjust':
      return decideAdjust(state, request, hash, now, ctx);
    case 'configure':
      return decideConfigure(state, request, hash, now, ctx);
    case 'pool':
      return decidePool(state, request, hash, now, ctx);
    case 'transfer':
      return decideTransfer(state, request, hash, now, ctx);
    default:
      return request satisfies never;
  }
}

function decideOnReservation(
  state: InventoryState,
  request: ExtendRequest | CommitRequest | ReleaseRequest | ShipRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): InventoryEvent | Failure {
  const r = state.reservations.get(request.ref.no, now);
  if (r === undefined || r.epoch !== request.ref.epoch) return reservationUnknown(request.reservationId);
  switch (TRANSITIONS[r.state][request.op]) {
    case 'ended':
      return { ...refusal('RESERVATION_ENDED', request, hash, now, ctx, 0, 0), endState: endStateOf(r) };
    case 'early':
      return failure('BAD_REQUEST', `the reservation is ${r.state}: commit it first`);
    default:
  }
  if (request.op !== 'ship') {
    const forbidden = orderForbids(r, request);
    if (forbidden !== undefined) return forbidden;
  }
  const base = { at: now, epoch: ctx.epoch, requestId: request.requestId, bodyHash: hash, no: r.no };
  switch (request.op) {
    case 'extend':
      return { type: 'extended', ...base, expiresAt: now + request.ttlMs };
    case 'release':
      return { type: 'released', ...base };
    case 'commit': {
      const held = totalOf(r.parts);
      const qty = request.qty ?? held;
      if (qty > held) return failure('BAD_REQUEST', `${qty} asked to commit, ${held} reserved`);
      return { type: 'committed', ...base, qty, orderId: request.orderId };
    }
    case 'ship':
      return decideShip(state, request, r, hash, now, ctx);
    default:
      return request satisfies never;
  }
}

/** Of a reservation that is still reserved: it is ended by the order it was made for, and by nobody else. */
function orderForbids(r: Reservation, request: ExtendRequest | CommitRequest | ReleaseRequest): Failure | undefined {
  const order = request.op === 'extend' ? undefined : request.order;
  if (order === r.order) return undefined;
  if (r.order === undefined)
    return failure('BAD_REQUEST', `the reservation was not made for an order, nor for ${order}`);
  return failure(
    'BAD_REQUEST',
    `the reservation was made for the order ${r.order}, which alone ends it: use commitOrder or releaseOrder`,
  );
}

function decideShip(
  state: InventoryState,
  request: ShipRequest,
  r: Reservation,
  hash: number,
  now: number,
  ctx: DecideContext,
): InventoryEvent | Failure {
  let left = 0;
  for (const part of r.parts) left += part.qty - part.shipped;
  if (left === 0) return failure('BAD_REQUEST', `all ${totalOf(r.parts)} committed units were shipped already`);
  const qty = request.qty ?? left;
  if (qty > left) return failure('BAD_REQUEST', `${qty} asked to ship, ${left} committed and not yet shipped`);
  const base = { at: now, epoch: ctx.epoch, requestId: request.requestId, bodyHash: hash, no: r.no, qty };
  if (request.toStock) return { type: 'putBack', ...base };
  let rest = qty;
  for (const part of r.parts) rest -= shippableOf(part, state.nodes[part.nodeIndex] as NodePosition, rest);
  if (rest > 0) return refusal('INSUFFICIENT_STOCK', request, hash, now, ctx, qty, qty - rest);
  return { type: 'shipped', ...base };
}

function decideAdjust(
  state: InventoryState,
  request: AdjustRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): AdjustedEvent | RefusedEvent | Failure {
  const forbidden = poolForbids(state, request);
  if (forbidden !== undefined) return failure('BAD_REQUEST', forbidden);
  const index = nodeIndexOf(state, request.node);
  const node = index < 0 ? undefined : state.nodes[index];
  if (node === undefined && state.nodes.length >= NODES_PER_SKU_MAX) return tooManyNodes(state);
  const onHand = node === undefined ? 0 : onHandOf(node);
  const floor = node === undefined ? 0 : floorOf(node);
  let delta: number;
  let shortfall: number;
  if (request.onHand !== undefined) {
    delta = Math.max(request.onHand, floor) - onHand;
    shortfall = onHand + delta - request.onHand;
  } else {
    const asked = request.delta ?? 0;
    if (asked < 0) {
      if (node === undefined) return nodeUnknown(state, request.node, ctx.region);
      if (onHand + asked < floor) {
        return refusal('INSUFFICIENT_STOCK', request, hash, now, ctx, -asked, onHand - floor);
      }
    }
    const paidOff = Math.max(0, Math.min(asked, node === undefined ? 0 : node.shortfall));
    delta = asked - paidOff;
    shortfall = (node === undefined ? 0 : node.shortfall) - paidOff;
  }
  if ((node === undefined ? 0 : node.received) + delta > RECEIVED_MAX) {
    return failure('BAD_REQUEST', `${request.node} would have received more than ${RECEIVED_MAX} units`);
  }
  return {
    type: 'adjusted',
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash: hash,
    node: request.node,
    delta,
    shortfall,
    reason: request.reason,
  };
}

function decideConfigure(
  state: InventoryState,
  request: ConfigureRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): ConfiguredEvent | RefusedEvent | Failure {
  const { node: name, safetyStock, backorderLimit, channelBuffers, limitPerOwner } = request;
  if (name === undefined && (safetyStock !== undefined || backorderLimit !== undefined)) {
    return failure('BAD_REQUEST', 'safetyStock and backorderLimit belong to a node: the field node is required');
  }
  if (channelBuffers !== undefined && Object.keys(channelBuffers).length > CHANNELS_PER_SKU_MAX) {
    return failure('BAD_REQUEST', `at most ${CHANNELS_PER_SKU_MAX} channels may have a buffer`);
  }
  const forbidden = poolForbids(state, request);
  if (forbidden !== undefined) return failure('BAD_REQUEST', forbidden);
  if (name !== undefined) {
    const index = nodeIndexOf(state, name);
    const node = index < 0 ? undefined : state.nodes[index];
    if (node === undefined && state.nodes.length >= NODES_PER_SKU_MAX) return tooManyNodes(state);
    if (node !== undefined && backorderLimit !== undefined) {
      const least = node.reserved + node.allocated - onHandOf(node);
      if (backorderLimit < least) {
        return refusal('INSUFFICIENT_STOCK', request, hash, now, ctx, backorderLimit, least);
      }
    }
  }
  return {
    type: 'configured',
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash: hash,
    node: name,
    safetyStock,
    backorderLimit,
    channelBuffers,
    limitPerOwner,
  };
}

function endStateOf(r: Reservation): 'COMMITTED' | 'RELEASED' | 'EXPIRED' | undefined {
  return r.state === 'RESERVED' ? undefined : r.state;
}

function tooManyNodes(state: InventoryState): Failure {
  return failure('BAD_REQUEST', `${state.sku} has ${NODES_PER_SKU_MAX} ship nodes already, the most there may be`);
}

function nodeUnknown(state: InventoryState, node: string, region: string): Failure {
  return state.seq === 0
    ? skuUnknown(state.sku, region)
    : failure('NOT_FOUND', `${state.sku} has no ship node ${node} in ${region}`);
}
