// Decides one reserve: which nodes give how much, or why not. The hot path of the whole system: one pass over the
// nodes, no closure, no array but the event's own.
import { type Failure, failure, type ReserveRequest } from '../../protocol/index.ts';
import { findOpen, openUnits } from './owners.ts';
import { availableToSell, buffersExcept, freeOf, nodeIndexOf, unusedBuffer } from './stock.ts';
import type {
  AdoptedEvent,
  DecideContext,
  EnlistedEvent,
  InventoryState,
  NodePosition,
  RefusedEvent,
  ReservedEvent,
} from './types.ts';

/** Decides a reserve at `now`; nothing is due. */
export function decideReserve(
  state: InventoryState,
  request: ReserveRequest,
  bodyHash: number,
  now: number,
  ctx: DecideContext,
): ReservedEvent | AdoptedEvent | EnlistedEvent | RefusedEvent | Failure {
  const { qty, owner, channel, allowPartial } = request;
  let named = -1;
  if (request.node !== undefined) {
    named = nodeIndexOf(state, request.node);
    if (named < 0) return failure('NOT_FOUND', `${state.sku} has no ship node ${request.node} in ${ctx.region}`);
  }
  let want = qty;
  if (state.limitPerOwner > 0) {
    if (owner === undefined) {
      return failure('BAD_REQUEST', `${state.sku} is limited per owner: the field owner is required`);
    }
    const left = Math.max(0, state.limitPerOwner - heldOrBought(state, owner));
    if (left < qty) {
      if (!allowPartial || left === 0) {
        return (
          adopt(state, request, bodyHash, now, ctx) ??
          refused('LIMIT_EXCEEDED', request, bodyHash, now, ctx, left, state.limitPerOwner)
        );
      }
      want = left;
    }
  }

  const { nodes } = state;
  let totalFree = 0;
  let best = 0;
  let bestFree = 0;
  for (let i = 0; i < nodes.length; i++) {
    const free = freeOf(nodes[i] as NodePosition);
    totalFree += free;
    if (named >= 0 ? i === named : free > bestFree) {
      best = i;
      bestFree = free;
    }
  }
  const open = Math.max(0, totalFree - buffersExcept(state, channel));
  const atOneNode = Math.min(bestFree, open);
  const available = named >= 0 ? atOneNode : open;
  // What an order needs it may get from several nodes, but whole.
  const whole = request.order === undefined ? atOneNode : available;
  const grant = allowPartial ? Math.min(want, available) : qty <= whole ? qty : 0;
  if (grant === 0) {
    return (
      adopt(state, request, bodyHash, now, ctx) ??
      refused('INSUFFICIENT_STOCK', request, bodyHash, now, ctx, available, atOneNode)
    );
  }
  return {
    type: 'reserved',
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash,
    askedQty: qty,
    parts: grant <= bestFree ? [{ nodeIndex: best, qty: grant }] : splitOver(state, grant),
    expiresAt: now + request.ttlMs,
    owner,
    channel,
    order: request.order,
    availableToSell: Math.max(0, totalFree - grant - buffersAfter(state, channel, grant)),
  };
}

function heldOrBought(state: InventoryState, owner: string): number {
  return openUnits(state, owner) + (state.bought?.get(owner) ?? 0);
}

/** Takes the largest free quantities first, so that there are as few parts as can be. */
function splitOver(state: InventoryState, grant: number): { nodeIndex: number; qty: number }[] {
  const byFree = state.nodes.map((node, nodeIndex) => ({ nodeIndex, qty: freeOf(node) }));
  byFree.sort((a, b) => b.qty - a.qty || a.nodeIndex - b.nodeIndex);
  const parts: { nodeIndex: number; qty: number }[] = [];
  let rest = grant;
  for (const { nodeIndex, qty: free } of byFree) {
    if (rest === 0) break;
    const qty = Math.min(free, rest);
    parts.push({ nodeIndex, qty });
    rest -= qty;
  }
  return parts;
}

/** What stays set aside once `channel` has used `grant` more. */
function buffersAfter(state: InventoryState, channel: string | undefined, grant: number): number {
  if (state.channels === undefined) return 0;
  let sum = 0;
  for (const c of state.channels) {
    sum += c.channel === channel ? Math.max(0, unusedBuffer(c) - grant) : unusedBuffer(c);
  }
  return sum;
}

/**
 * I4: an owner who asks again for what it holds is given that, not refused because of it. What it asks for its order it
 * gives its order; what is an order's already is given to nobody.
 */
function adopt(
  state: InventoryState,
  request: ReserveRequest,
  bodyHash: number,
  now: number,
  ctx: DecideContext,
): AdoptedEvent | EnlistedEvent | undefined {
  const { owner } = request;
  if (owner === undefined) return undefined;
  const own = findOpen(
    state,
    owner,
    now,
    (r) =>
      r.state === 'RESERVED' &&
      r.order === undefined &&
      r.askedQty === request.qty &&
      (request.channel === undefined || r.channel === request.channel) &&
      (request.node === undefined ||
        (r.parts.length === 1 && state.nodes[r.parts[0]?.nodeIndex ?? -1]?.node === request.node)),
  );
  if (own === undefined) return undefined;
  const event = {
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash,
    no: own.no,
    expiresAt: Math.max(own.expiresAt, now + request.ttlMs),
    availableToSell: availableToSell(state),
  };
  const { order } = request;
  return order === undefined ? { type: 'adopted', ...event } : { type: 'enlisted', ...event, order };
}

function refused(
  code: 'INSUFFICIENT_STOCK' | 'LIMIT_EXCEEDED',
  request: ReserveRequest,
  bodyHash: number,
  now: number,
  ctx: DecideContext,
  available: number,
  bound: number,
): RefusedEvent {
  return {
    type: 'refused',
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash,
    code,
    asked: request.qty,
    available,
    bound,
    endState: undefined,
  };
}
