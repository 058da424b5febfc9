// Pooled stock in an actor: one ship node of a reserved name holds the rights of the region, which reservations spend like
// any stock; what may be put in, taken out and moved is decided by cluster/escrow. See SPEC.md there, "In the actor".
import { decide as decideRights, isRefusal, type PoolEvent, reportOf } from '../../cluster/escrow/index.ts';
import {
  type AdjustRequest,
  type ConfigureRequest,
  type Failure,
  failure,
  NODES_PER_SKU_MAX,
  POOL_NODE,
  POOL_REGIONS_MAX,
  type PoolPartView,
  type PoolRequest,
  type TransferRequest,
} from '../../protocol/index.ts';
import { evolve } from './evolve.ts';
import { assertInvariants } from './invariants.ts';
import { refusal } from './refused.ts';
import { skuUnknown } from './render.ts';
import { nodeIndexOf } from './stock.ts';
import type {
  ConcededEvent,
  CreditedEvent,
  DecideContext,
  InventoryEvent,
  InventoryState,
  NodePosition,
  PooledEvent,
  PoolPart,
  RefusedEvent,
  TransferredEvent,
} from './types.ts';

/** The position that holds the rights. */
export function poolNode(state: InventoryState, pool: PoolPart): NodePosition {
  return state.nodes[pool.nodeIndex] as NodePosition;
}

export function decidePool(
  state: InventoryState,
  request: PoolRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): PooledEvent | Failure {
  const regions = [...new Set(request.regions)].filter((region) => region !== ctx.region).sort();
  if (regions.length >= POOL_REGIONS_MAX) {
    return failure(
      'BAD_REQUEST',
      `${regions.length + 1} regions with this one, and ${POOL_REGIONS_MAX} may sell a pool`,
    );
  }
  const node = state.nodes[nodeIndexOf(state, POOL_NODE)];
  if (node === undefined && state.nodes.length >= NODES_PER_SKU_MAX) {
    return failure(
      'BAD_REQUEST',
      `${state.sku} has ${NODES_PER_SKU_MAX} ship nodes already, and its pool would be one more`,
    );
  }
  if (node !== undefined && (node.safetyStock > 0 || node.backorderLimit > 0)) {
    return failure('BAD_REQUEST', `${NEITHER}; set those of node ${POOL_NODE} to 0 first`);
  }
  const { requestId } = request;
  return { type: 'pooled', at: now, epoch: ctx.epoch, requestId, bodyHash: hash, region: ctx.region, regions };
}

export function decideTransfer(
  state: InventoryState,
  request: TransferRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
): TransferredEvent | RefusedEvent | Failure {
  const { pool } = state;
  const { to, qty, requestId } = request;
  if (state.seq === 0) return skuUnknown(state.sku, ctx.region);
  if (pool === undefined) return failure('BAD_REQUEST', `${state.sku} has no pooled stock in ${ctx.region}`);
  if (!pool.regions.includes(to)) {
    return failure('BAD_REQUEST', `${to} is none of the other regions that sell the pool of ${state.sku}`);
  }
  const verdict = decideRights(pool, poolNode(state, pool), { op: 'transfer', to, qty });
  if (isRefusal(verdict)) {
    if (verdict.code === 'BAD_REQUEST') return failure('BAD_REQUEST', verdict.message);
    return refusal('INSUFFICIENT_STOCK', request, hash, now, ctx, qty, verdict.available);
  }
  const total = (verdict[0] as Extract<PoolEvent, { type: 'transferred' }>).total;
  return { type: 'transferred', at: now, epoch: ctx.epoch, to, total, cause: { requestId, bodyHash: hash } };
}

/** Why this change of the pool's node has no meaning; undefined when the rules for any node decide. */
export function poolForbids(state: InventoryState, request: AdjustRequest | ConfigureRequest): string | undefined {
  const { pool } = state;
  if (pool === undefined || request.node !== POOL_NODE) return undefined;
  if (request.op === 'configure') {
    const isSet = (request.safetyStock ?? 0) > 0 || (request.backorderLimit ?? 0) > 0;
    return isSet ? NEITHER : undefined;
  }
  if (request.delta === undefined) {
    return 'the pool cannot be counted in one region: what others hold of it lies with the rest; adjust it by delta';
  }
  const verdict = decideRights(pool, poolNode(state, pool), { op: 'mint', qty: request.delta });
  return isRefusal(verdict) && verdict.code === 'BAD_REQUEST' ? verdict.message : undefined;
}

const NEITHER = 'pooled stock has neither safetyStock nor backorderLimit';

/**
 * Carries out what the steward decided, as of `now` (ms) and under `epoch`, and returns what is to be journaled.
 * @throws InvariantViolation: the state must then be thrown away with the events
 */
export function applyRights(state: InventoryState, event: PoolEvent, now: number, epoch: number): InventoryEvent {
  const journaled = eventOf(event, Math.max(now, state.lastAt), epoch);
  evolve(state, journaled);
  assertInvariants(state);
  return journaled;
}

function eventOf(event: PoolEvent, at: number, epoch: number): TransferredEvent | CreditedEvent | ConcededEvent {
  switch (event.type) {
    case 'transferred':
      return { type: 'transferred', at, epoch, to: event.to, total: event.total, cause: undefined };
    case 'credited':
      return { type: 'credited', at, epoch, from: event.from, total: event.total };
    case 'conceded':
      return { type: 'conceded', at, epoch, to: event.to, total: event.total };
    case 'minted':
      throw new RangeError('units are put into a pool by adjust alone');
    default:
      return event satisfies never;
  }
}

/** The region's part of the pool as readers see it. */
export function poolView(state: InventoryState, pool: PoolPart): PoolPartView {
  const { minted, rights, consumed } = reportOf(pool, poolNode(state, pool));
  const regions = [...new Set([...pool.regions, ...pool.accounts.map(({ region }) => region)])].sort();
  return {
    minted,
    rights,
    consumed,
    regions: regions.map((region) => {
      const account = pool.accounts.find((other) => other.region === region);
      return { region, given: account?.given ?? 0, taken: account?.taken ?? 0 };
    }),
  };
}
