// What must hold of an actor after each event. The cheap check runs in production; the deep one recomputes all that
// is derived, on load, in tests and in the audit. A violation is a bug of ours: the actor must stop, never go on.
import { assertInvariants as assertRights } from '../../cluster/escrow/index.ts';
import { POOL_NODE } from '../../protocol/index.ts';
import { openUnits, SCANNED_ROWS_MAX } from './owners.ts';
import { floorOf, onHandOf } from './stock.ts';
import type { InventoryState, NodePosition, PoolPart } from './types.ts';

/** An invariant of SPEC.md does not hold. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
  readonly invariant: string;
  readonly sku: string;
  readonly seq: number;

  constructor(invariant: string, sku: string, seq: number, detail: string) {
    super(`${invariant} is broken at ${sku} seq ${seq}: ${detail}`);
    this.invariant = invariant;
    this.sku = sku;
    this.seq = seq;
  }
}

/** I1, the part of I2 that can be seen in the totals, and I14 of pooled stock: O(nodes + regions), after each event. */
export function assertInvariants(state: InventoryState): void {
  const { nodes } = state;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as NodePosition;
    const onHand = node.received - node.shipped;
    if (!(onHand + node.backorderLimit >= node.reserved + node.allocated)) {
      broken('I1', state, node, 'more is promised than there is');
    }
    if (!(onHand >= 0 && node.reserved >= 0 && node.allocated >= 0 && node.shortfall >= 0 && node.shipped >= 0)) {
      broken('I2', state, node, 'a total is negative');
    }
    if (!Number.isSafeInteger(node.received)) broken('I2', state, node, 'a total is no integer');
  }
  if (state.pool !== undefined) assertPool(state, state.pool);
}

function assertPool(state: InventoryState, pool: PoolPart): void {
  const node = state.nodes[pool.nodeIndex];
  if (node?.node !== POOL_NODE) fail('I14', state, 'the pool has no node');
  if (node.safetyStock !== 0) broken('I14', state, node, 'rights cannot be kept back');
  try {
    assertRights(pool, node);
  } catch (error) {
    fail('I14', state, error instanceof Error ? error.message : String(error));
  }
}

/** Recomputes everything derived from the reservations and compares. O(reservations). */
export function assertDeep(state: InventoryState): void {
  assertInvariants(state);
  const { nodes, reservations, lastAt } = state;
  const reserved = nodes.map(() => 0);
  const allocated = nodes.map(() => 0);
  const used = new Map<string, number>();
  const held = new Map<string, number>();
  let live = 0;
  let soft = 0;
  let tentative = 0;
  const asked = new Set<string>();
  state.asks?.eachDue(Number.POSITIVE_INFINITY, (at, no) => asked.add(`${no} ${at}`));
  const add = (sums: Map<string, number>, key: string | undefined, units: number): void => {
    if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + units);
  };
  reservations.eachOpen(lastAt, (r) => {
    live += 1;
    let open = 0;
    for (const part of r.parts) {
      if (part.shipped > part.qty || part.qty > part.reservedQty) fail('I3', state, `reservation ${r.no} grew`);
      open += part.qty - part.shipped;
      const sums = r.state === 'RESERVED' ? reserved : allocated;
      sums[part.nodeIndex] = (sums[part.nodeIndex] ?? 0) + part.qty - part.shipped;
    }
    if (r.state !== 'RESERVED' && r.state !== 'COMMITTED')
      fail('I3', state, `reservation ${r.no} is ${r.state} and open`);
    if (r.state === 'RESERVED' && r.order === undefined) soft += 1;
    if (r.state === 'RESERVED' && r.order !== undefined) {
      tentative += 1;
      if (!asked.has(`${r.no} ${r.expiresAt}`)) fail('I15', state, `nobody will ask the order of reservation ${r.no}`);
    }
    if (open === 0) fail('I3', state, `reservation ${r.no} is open and holds nothing`);
    if (r.no > state.seq) fail('I8', state, `reservation ${r.no} is of the future`);
    add(used, r.channel, open);
    add(held, r.owner, open);
  });
  nodes.forEach((node, i) => {
    if (node.reserved !== reserved[i]) broken('I2', state, node, `reserved is not Σ live reservations, ${reserved[i]}`);
    if (node.allocated !== allocated[i]) broken('I2', state, node, `allocated is not Σ committed, ${allocated[i]}`);
    if (node.shortfall > 0 && onHandOf(node) > floorOf(node)) {
      broken('I2', state, node, 'a shortfall was not written off');
    }
  });
  if (live !== reservations.live || soft !== reservations.soft || tentative !== reservations.tentative)
    fail('I2', state, 'the count of live reservations drifted');
  for (const c of state.channels ?? []) {
    if (c.used !== (used.get(c.channel) ?? 0)) fail('I2', state, `channel ${c.channel} counts ${c.used} units`);
  }
  const isIndexed =
    state.owners === undefined ? reservations.size <= SCANNED_ROWS_MAX : state.owners.size === held.size;
  if (!isIndexed) fail('I4', state, 'the index of owners is off');
  for (const [owner, units] of held) {
    if (openUnits(state, owner) !== units) fail('I4', state, `owner ${owner} holds ${units} units`);
  }
}

function broken(invariant: string, state: InventoryState, node: NodePosition, detail: string): never {
  return fail(invariant, state, `${detail}: ${JSON.stringify(node)}`);
}

function fail(invariant: string, state: InventoryState, detail: string): never {
  throw new InvariantViolation(invariant, state.sku, state.seq, detail);
}
