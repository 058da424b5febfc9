// An order of which nothing is known yet, and what is read off a state. Changes nothing.
import { createSaga } from '../reservations/index.ts';
import { noFacts } from './journey-facts.ts';
import { undoOf } from './settling.ts';
import type { OrderLine, OrderPackage, OrderState, OrderStatus, PackageState, Task } from './types.ts';

export function createOrder(orderId: string): OrderState {
  return {
    orderId,
    seq: 0,
    lastAt: 0,
    order: undefined,
    capturedAt: undefined,
    promisedAt: undefined,
    destination: undefined,
    lines: new Map(),
    packages: new Map(),
    exceptions: new Map(),
    holds: new Map(),
    saga: createSaga(),
    plan: undefined,
    refundedMinor: 0,
    tasks: new Map(),
    taskCounts: new Map(),
    requests: new Map(),
    bytes: 0,
    ...noFacts(),
  };
}

/** How far a package is, for the status of its order: that of the one least far. */
const PROGRESS = {
  RESERVED: 0,
  RELEASED: 1,
  SHORT_PICKED: 2,
  PICKED: 3,
  PACKED: 4,
  BOOKED: 5,
  SHIPPED: 6,
  // What went wrong on the way stays on the way until it is settled: then its units are elsewhere.
  LOST: 6,
  DAMAGED: 6,
  INTERCEPTED: 6,
  REJECTED: 0,
  CANCELLED: 0,
  DELIVERED: 7,
} as const satisfies Record<PackageState, number>;

const BY_PROGRESS = [
  'RESERVED',
  'RELEASED',
  'SHORT_PICKED',
  'PICKED',
  'PACKED',
  'BOOKED',
  'SHIPPED',
  'DELIVERED',
] as const;

export function statusOf(state: OrderState): OrderStatus {
  if (state.order === undefined) return 'UNCAPTURED';
  const lines = [...state.lines.values()];
  if (lines.every((line) => line.cancelled === line.qty)) return state.refundedMinor > 0 ? 'REFUNDED' : 'CANCELLED';
  const least = leastProgress(state);
  const isWaiting = lines.some((line) => line.open + line.backordered + line.parked > 0);
  if (least === undefined) {
    if (lines.some((line) => line.open > 0)) return state.plan === undefined ? 'CAPTURED' : 'SOURCED';
    return 'BACKORDERED';
  }
  return isWaiting ? 'PARTIAL' : (BY_PROGRESS[least] as OrderStatus);
}

/** Undefined: no package stands for any unit. */
function leastProgress(state: OrderState): number | undefined {
  let least: number | undefined;
  for (const one of state.packages.values()) {
    if (unitsOf(one) === 0) continue;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, PROGRESS[one.state]);
  }
  return least;
}

/** Of one line: what stands for it, by where it is. */
export interface LineView extends OrderLine {
  readonly status: OrderStatus;
  /** Units in packages that are not delivered. */
  readonly inPackages: number;
  readonly delivered: number;
}

export function lineViews(state: OrderState): LineView[] {
  return [...state.lines.values()].map((line) => {
    let inPackages = 0;
    let delivered = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const one of state.packages.values()) {
      for (const { lineId, qty } of one.lines) {
        if (lineId !== line.lineId || qty === 0) continue;
        if (one.state === 'DELIVERED') delivered += qty;
        else inPackages += qty;
        least = Math.min(least, PROGRESS[one.state]);
      }
    }
    return { ...line, inPackages, delivered, status: lineStatus(state, line, least) };
  });
}

function lineStatus(state: OrderState, line: OrderLine, least: number): OrderStatus {
  if (line.cancelled === line.qty) return 'CANCELLED';
  if (!Number.isFinite(least)) {
    if (line.open > 0) return state.plan === undefined ? 'CAPTURED' : 'SOURCED';
    return 'BACKORDERED';
  }
  return line.open + line.backordered + line.parked > 0 ? 'PARTIAL' : (BY_PROGRESS[least] as OrderStatus);
}

/** Units that a package still stands for. */
export function unitsOf({ lines }: OrderPackage): number {
  return lines.reduce((sum, { qty }) => sum + qty, 0);
}

/** Units that sourcing has to find a ship node for. */
export function waitingUnits(state: OrderState): number {
  let units = 0;
  for (const { open, backordered } of state.lines.values()) units += open + backordered;
  return units;
}

/** All of it is delivered or cancelled: nothing is sent any more. */
export function isNothingSent(status: OrderStatus): boolean {
  return status === 'DELIVERED' || status === 'CANCELLED' || status === 'REFUNDED';
}

/** The order needs nothing more: all is delivered or cancelled, and no task is open. */
export function isEnded(state: OrderState): boolean {
  return state.tasks.size === 0 && isNothingSent(statusOf(state));
}

/** What stops while the order is on hold: nothing new is sent, while what is under way is watched and settled. */
const STOPPED_BY_HOLDS: ReadonlySet<string> = new Set(['source', 'release', 'pick', 'pack', 'book']);

/** Open tasks that somebody may take once they are due, in the order in which they were opened. */
export function offeredTasks(state: OrderState): Task[] {
  const tasks = [...state.tasks.values()];
  if (state.holds.size === 0) return tasks;
  // Where nothing waits to be sourced, a task source gives back what its plan has reserved, and who gives up an order lifts no hold. One that
  // takes a booking back sends nothing either, and its carrier would collect the parcel meanwhile.
  const givesBack = waitingUnits(state) === 0;
  return tasks.filter(
    (task) => !STOPPED_BY_HOLDS.has(task.kind) || (task.kind === 'source' && givesBack) || undoOf(task) !== undefined,
  );
}
