// The only way an actor's state changes, live and in replay. It mutates the state it is given, which its actor owns;
// it is pure in that it reads no clock, draws no random number, does no I/O: the same events give the same state.
import { createPool, evolve as evolveRights, rightsOf } from '../../cluster/escrow/index.ts';
import { POOL_NODE } from '../../protocol/index.ts';
import type { DedupWindow } from './dedup.ts';
import { ExpiryQueue } from './expiry.ts';
import { OUTCOME } from './outcomes.ts';
import { hold } from './owners.ts';
import { STATES } from './reservations.ts';
import { ShardedMap } from './sharded-map.ts';
import { availableToSell, floorOf, nodeIndexOf, onHandOf, shippableOf, totalOnHand } from './stock.ts';
import type {
  Cause,
  ChannelBuffer,
  ConcededEvent,
  ConfiguredEvent,
  CreditedEvent,
  InventoryEvent,
  InventoryState,
  NodePosition,
  PooledEvent,
  PutBackEvent,
  Reservation,
  ReservationPart,
  ReservedEvent,
  ShippedEvent,
  TransferredEvent,
} from './types.ts';

/** Heap entries beyond twice the soft reservations before the stale ones are swept out. */
const STALE_EXPIRIES_MAX = 64;

/** Applies one event. `state.seq` and `state.lastAt` move with it. */
export function evolve(state: InventoryState, event: InventoryEvent): void {
  state.seq += 1;
  state.lastAt = event.at;
  switch (event.type) {
    case 'reserved':
      reserved(state, event);
      return;
    case 'adopted': {
      prolong(state, existing(state, event.no, event.at), event.expiresAt);
      remember(state, event, OUTCOME.adopted, event.no, event.expiresAt, event.availableToSell);
      return;
    }
    case 'enlisted': {
      const r = existing(state, event.no, event.at);
      r.order = event.order;
      r.expiresAt = event.expiresAt;
      state.reservations.update(r);
      awaitEnd(state, r);
      sweepExpiries(state);
      remember(state, event, OUTCOME.adopted, event.no, event.expiresAt, event.availableToSell);
      return;
    }
    case 'extended': {
      prolong(state, existing(state, event.no, event.at), event.expiresAt);
      remember(state, event, OUTCOME.extended, 0, event.expiresAt, 0);
      return;
    }
    case 'committed': {
      const r = existing(state, event.no, event.at);
      r.orderId = event.orderId;
      commit(state, r, event.qty);
      remember(state, event, OUTCOME.committed, event.qty, 0, 0);
      return;
    }
    case 'released':
      end(state, existing(state, event.no, event.at), 'RELEASED', event.at);
      remember(state, event, OUTCOME.released, 0, 0, 0);
      return;
    case 'shipped':
    case 'putBack':
      ship(state, existing(state, event.no, event.at), event);
      return;
    case 'adjusted': {
      const node = nodeNamed(state, event.node);
      if (state.pool !== undefined && event.node === POOL_NODE) {
        state.pool.minted += event.delta - (event.shortfall - node.shortfall);
      }
      node.received += event.delta;
      node.shortfall = event.shortfall;
      remember(state, event, OUTCOME.adjusted, onHandOf(node), node.shortfall, availableToSell(state));
      return;
    }
    case 'configured':
      configure(state, event);
      remember(state, event, OUTCOME.configured, 0, 0, availableToSell(state));
      return;
    case 'expired':
      expire(state, event.through, event.at);
      return;
    case 'refused': {
      const z = event.code === 'RESERVATION_ENDED' ? STATES.indexOf(event.endState ?? 'RESERVED') : event.bound;
      remember(state, event, OUTCOME[event.code], event.asked, event.available, z);
      return;
    }
    case 'pooled':
      pooled(state, event);
      remember(state, event, OUTCOME.pooled, 0, 0, availableToSell(state));
      return;
    case 'transferred': {
      const node = moveRights(state, event);
      const { cause, at, epoch, total } = event;
      if (cause === undefined) return;
      remember(state, { ...cause, at, epoch }, OUTCOME.transferred, total, rightsOf(node), availableToSell(state));
      return;
    }
    case 'credited':
    case 'conceded':
      moveRights(state, event);
      return;
    default:
      event satisfies never;
  }
}

/** What the node held already was put into the pool here. */
function pooled(state: InventoryState, event: PooledEvent): void {
  const node = nodeNamed(state, POOL_NODE);
  const { region, regions } = event;
  state.pool = {
    ...(state.pool ?? { ...createPool(region), minted: node.received - node.shortfall }),
    regions,
    nodeIndex: nodeIndexOf(state, POOL_NODE),
  };
}

function moveRights(state: InventoryState, event: TransferredEvent | CreditedEvent | ConcededEvent): NodePosition {
  const { pool } = state;
  if (pool === undefined) throw new RangeError(`event ${state.seq} of ${state.sku} is of a pool, and there is none`);
  const node = state.nodes[pool.nodeIndex] as NodePosition;
  evolveRights(pool, node, event);
  return node;
}

/**
 * The tentative reservations that are due at `now`, so that their orders are to be asked; at most `most`, in no order. Drops
 * stale entries from the front of their queue, as hasDue does.
 */
export function dueTentative(state: InventoryState, now: number, most: number): Reservation[] {
  const { asks, reservations } = state;
  const due: Reservation[] = [];
  if (asks === undefined) return due;
  while (asks.nextAt() <= now && reservations.tentativeUntil(asks.nextNo()) !== asks.nextAt()) asks.pop();
  asks.eachDue(now, (at, no) => {
    if (due.length === most || reservations.tentativeUntil(no) !== at) return;
    const r = reservations.get(no, now);
    if (r !== undefined) due.push(r);
  });
  return due;
}

/** When the actor has something to do by itself, ms: a reservation expires, or an order is to be asked; may be stale. */
export function nextDueAt({ expiries, asks }: InventoryState): number {
  const expiresAt = expiries.nextAt();
  return asks === undefined ? expiresAt : Math.min(expiresAt, asks.nextAt());
}

/**
 * Whether a soft reservation is due at `now`. Drops stale entries from the front of the queue on the way, which
 * changes nothing that the state means.
 */
export function hasDue(state: InventoryState, now: number): boolean {
  const { expiries, reservations } = state;
  while (expiries.nextAt() <= now) {
    if (reservations.softUntil(expiries.nextNo()) === expiries.nextAt()) return true;
    expiries.pop();
  }
  return false;
}

function remember(
  state: InventoryState,
  event: Cause & { readonly at: number; readonly epoch: number },
  code: number,
  x: number,
  y: number,
  z: number,
): void {
  const dedup: DedupWindow = state.dedup;
  dedup.remember(event.requestId, event.bodyHash, event.at, code, event.epoch, state.seq, x, y, z);
}

function existing(state: InventoryState, no: number, at: number): Reservation {
  const r = state.reservations.get(no, at);
  if (r === undefined)
    throw new RangeError(`event ${state.seq} of ${state.sku} names reservation ${no}, which is not there`);
  return r;
}

function nodeAt(state: InventoryState, part: ReservationPart): NodePosition {
  return state.nodes[part.nodeIndex] as NodePosition;
}

function reserved(state: InventoryState, event: ReservedEvent): void {
  const no = state.seq;
  const { parts } = event;
  let qty = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as ReservedEvent['parts'][number];
    (state.nodes[part.nodeIndex] as NodePosition).reserved += part.qty;
    qty += part.qty;
  }
  if (parts.length === 1 && event.order === undefined) {
    const { nodeIndex } = parts[0] as ReservedEvent['parts'][number];
    const { epoch, askedQty, at, expiresAt, owner, channel } = event;
    state.reservations.add(no, epoch, askedQty, nodeIndex, qty, at, expiresAt, owner, channel);
    state.expiries.push(expiresAt, no);
  } else {
    const r = reservationOf(event, no);
    state.reservations.insert(r, event.at);
    awaitEnd(state, r);
  }
  useChannel(state, event.channel, qty);
  hold(state, event.owner, no, qty);
  remember(state, event, OUTCOME.reserved, 0, event.expiresAt, event.availableToSell);
}

function reservationOf(event: ReservedEvent, no: number): Reservation {
  const parts = event.parts.map(({ nodeIndex, qty }) => ({ nodeIndex, reservedQty: qty, qty, shipped: 0 }));
  const { epoch, askedQty, owner, channel, order, at, expiresAt } = event;
  return {
    no,
    epoch,
    askedQty,
    parts,
    owner,
    channel,
    orderId: undefined,
    order,
    state: 'RESERVED',
    createdAt: at,
    expiresAt,
    endedAt: 0,
  };
}

/** Enters a reservation into everything derived from reservations but the nodes; shared with unpacking. */
export function track(state: InventoryState, r: Reservation, openUnits: number): void {
  if (r.state === 'RESERVED') awaitEnd(state, r);
  useChannel(state, r.channel, openUnits);
  hold(state, r.endedAt === 0 ? r.owner : undefined, r.no, openUnits);
}

/** Enters a reserved one where its end is awaited. */
function awaitEnd(state: InventoryState, r: Reservation): void {
  if (r.order === undefined) {
    state.expiries.push(r.expiresAt, r.no);
    return;
  }
  state.asks ??= new ExpiryQueue();
  state.asks.push(r.expiresAt, r.no);
}

function useChannel(state: InventoryState, channel: string | undefined, units: number): void {
  if (channel === undefined || state.channels === undefined) return;
  for (const buffer of state.channels) if (buffer.channel === channel) buffer.used += units;
}

function prolong(state: InventoryState, r: Reservation, expiresAt: number): void {
  if (r.expiresAt === expiresAt) return;
  r.expiresAt = expiresAt;
  state.reservations.update(r);
  state.expiries.push(expiresAt, r.no);
  sweepExpiries(state);
}

function commit(state: InventoryState, r: Reservation, qty: number): void {
  let rest = -qty;
  for (const part of r.parts) {
    rest += part.qty;
    const node = nodeAt(state, part);
    node.reserved -= part.qty;
    node.allocated += part.qty;
  }
  let freed = rest;
  for (let i = r.parts.length - 1; i >= 0 && freed > 0; i--) {
    const part = r.parts[i] as ReservationPart;
    const back = Math.min(part.qty, freed);
    part.qty -= back;
    freed -= back;
    const node = nodeAt(state, part);
    node.allocated -= back;
    settleShortfall(node);
  }
  r.state = 'COMMITTED';
  state.reservations.update(r);
  sweepExpiries(state);
  if (rest === 0) return;
  useChannel(state, r.channel, -rest);
  if (r.owner !== undefined) state.owners?.subtract(r.owner, r.no, rest, false);
}

/** Ends a soft reservation and restores its units (I3: only from RESERVED, which ends with this). */
function end(state: InventoryState, r: Reservation, to: 'RELEASED' | 'EXPIRED', at: number): void {
  let units = 0;
  for (const part of r.parts) {
    const node = nodeAt(state, part);
    node.reserved -= part.qty;
    units += part.qty;
    settleShortfall(node);
  }
  r.state = to;
  r.endedAt = at;
  state.reservations.update(r);
  useChannel(state, r.channel, -units);
  if (r.owner !== undefined) state.owners?.subtract(r.owner, r.no, units, true);
  sweepExpiries(state);
}

/** Units leave the house, or stay in it and are others'. Either way the reservation stands for them no more. */
function ship(state: InventoryState, r: Reservation, event: ShippedEvent | PutBackEvent): void {
  const isLeaving = event.type === 'shipped';
  let want = event.qty;
  let remaining = 0;
  for (const part of r.parts) {
    const node = nodeAt(state, part);
    const out = isLeaving ? shippableOf(part, node, want) : Math.min(want, part.qty - part.shipped);
    part.shipped += out;
    if (isLeaving) node.shipped += out;
    node.allocated -= out;
    want -= out;
    remaining += part.qty - part.shipped;
    settleShortfall(node);
  }
  if (remaining === 0) r.endedAt = event.at;
  state.reservations.update(r);
  useChannel(state, r.channel, -event.qty);
  if (r.owner !== undefined) {
    state.owners?.subtract(r.owner, r.no, event.qty, remaining === 0);
    if (isLeaving && state.limitPerOwner > 0) {
      state.bought ??= new ShardedMap();
      state.bought.set(r.owner, (state.bought.get(r.owner) ?? 0) + event.qty);
    }
  }
  remember(state, event, OUTCOME.shipped, event.qty, remaining, totalOnHand(state));
}

function expire(state: InventoryState, through: number, at: number): void {
  while (hasDue(state, through)) {
    const no = state.expiries.nextNo();
    state.expiries.pop();
    end(state, existing(state, no, at), 'EXPIRED', at);
  }
}

/** Writes off as much of the shortfall as the freed units allow; onHand never falls below what is promised. */
function settleShortfall(node: NodePosition): void {
  if (node.shortfall === 0) return;
  const writeOff = Math.min(node.shortfall, onHandOf(node) - floorOf(node));
  if (writeOff <= 0) return;
  node.received -= writeOff;
  node.shortfall -= writeOff;
}

function nodeNamed(state: InventoryState, name: string): NodePosition {
  const index = nodeIndexOf(state, name);
  if (index >= 0) return state.nodes[index] as NodePosition;
  const node: NodePosition = {
    node: name,
    received: 0,
    shipped: 0,
    safetyStock: 0,
    backorderLimit: 0,
    shortfall: 0,
    reserved: 0,
    allocated: 0,
  };
  state.nodes.push(node);
  return node;
}

function configure(state: InventoryState, event: ConfiguredEvent): void {
  if (event.node !== undefined) {
    const node = nodeNamed(state, event.node);
    if (event.safetyStock !== undefined) node.safetyStock = event.safetyStock;
    if (event.backorderLimit !== undefined) node.backorderLimit = event.backorderLimit;
    settleShortfall(node);
  }
  if (event.channelBuffers !== undefined) state.channels = buffersOf(state, event.channelBuffers, event.at);
  if (event.limitPerOwner === undefined) return;
  state.limitPerOwner = event.limitPerOwner;
  // The map itself stays as it is: it may be being walked.
  if (event.limitPerOwner === 0) state.bought = undefined;
}

function buffersOf(
  state: InventoryState,
  buffers: Readonly<Record<string, number>>,
  at: number,
): ChannelBuffer[] | undefined {
  const channels: ChannelBuffer[] = [];
  for (const channel of Object.keys(buffers).sort()) {
    const buffer = buffers[channel] ?? 0;
    if (buffer > 0) channels.push({ channel, buffer, used: 0 });
  }
  if (channels.length === 0) return undefined;
  state.reservations.eachOpen(at, (r) => {
    const used = channels.find((c) => c.channel === r.channel);
    if (used !== undefined) used.used += state.reservations.openUnits(r.no);
  });
  return channels;
}

/** Keeps the queue within a constant factor of the soft reservations, at an amortised constant cost. */
function sweepExpiries(state: InventoryState): void {
  const { expiries, asks, reservations } = state;
  if (expiries.size > 2 * reservations.soft + STALE_EXPIRIES_MAX) {
    expiries.retain((expiresAt, no) => reservations.softUntil(no) === expiresAt);
  }
  if (asks === undefined) return;
  if (reservations.tentative === 0) state.asks = undefined;
  else if (asks.size > 2 * reservations.tentative + STALE_EXPIRIES_MAX) {
    asks.retain((expiresAt, no) => reservations.tentativeUntil(no) === expiresAt);
  }
}
