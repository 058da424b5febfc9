// What must hold after each event; SPEC.md has the list. Asserted in production: an order that breaks one stops.
import { assertSaga } from '../reservations/index.ts';
import { OrderViolation } from './evolve.ts';
import { ORDER_BYTES_MAX, ORDER_EVENTS_MAX } from './limits.ts';
import { unitsOf } from './state.ts';
import type { OrderPackage, OrderState, PackageState, TaskKind } from './types.ts';

/** The task that moves a package on; without one it would be forgotten. */
const NEXT_TASK: Record<PackageState, TaskKind | undefined> = {
  RESERVED: 'release',
  RELEASED: 'pick',
  PICKED: 'pack',
  SHORT_PICKED: 'pack',
  PACKED: 'book',
  BOOKED: 'track',
  SHIPPED: 'track',
  DELIVERED: undefined,
  REJECTED: undefined,
  LOST: undefined,
  DAMAGED: undefined,
  INTERCEPTED: undefined,
  CANCELLED: undefined,
};

/** @throws OrderViolation saying which invariant does not hold, and of what */
export function assertInvariants(state: OrderState): void {
  assertUnits(state);
  assertSaga(state.saga);
  assertTasks(state);
  assertExceptions(state);
  assertJourney(state);
}

/** O1: each unit of a line is in one place. */
function assertUnits({ lines, packages, exceptions }: OrderState): void {
  const inPackages = new Map<string, number>();
  for (const one of packages.values()) {
    for (const { lineId, qty } of one.lines) {
      check(qty >= 0, () => `O1: ${one.packageId} has ${qty} units of line ${lineId}`);
      inPackages.set(lineId, (inPackages.get(lineId) ?? 0) + qty);
    }
  }
  const parked = new Map<string, number>();
  for (const { units } of exceptions.values()) {
    for (const { lineId, qty } of units) parked.set(lineId, (parked.get(lineId) ?? 0) + qty);
  }
  for (const line of lines.values()) {
    const { lineId, open, backordered, cancelled, qty } = line;
    check(Math.min(open, backordered, line.parked, cancelled) >= 0, () => `O1: line ${lineId} has a negative count`);
    const places = open + backordered + line.parked + cancelled + (inPackages.get(lineId) ?? 0);
    check(places === qty, () => `O1: line ${lineId} has ${qty} units, and ${places} are somewhere`);
    check(line.parked === (parked.get(lineId) ?? 0), () => `O2: line ${lineId} has ${line.parked} parked units`);
  }
}

/** O3, O4: whatever has to happen has a task that is open, or dead and to be seen. */
function assertTasks(state: OrderState): void {
  const { lines, packages } = state;
  for (const { lineId, open, backordered } of lines.values()) {
    check(
      open + backordered === 0 || hasTask(state, 'source', ''),
      () => `O3: line ${lineId} waits and nobody sources it`,
    );
  }
  const decidedAbout = new Set<string>();
  for (const one of state.exceptions.values()) {
    if (one.state === 'OPEN') {
      check(hasTask(state, 'settle', one.exceptionId), () => `O4: nobody settles exception ${one.exceptionId}`);
    }
    if (one.state !== 'SETTLED' && one.packageId !== undefined) decidedAbout.add(one.packageId);
  }
  for (const one of packages.values()) {
    const kind = NEXT_TASK[one.state];
    if (kind === undefined || (one.state === 'SHORT_PICKED' && decidedAbout.has(one.packageId))) continue;
    check(hasTask(state, kind, one.packageId), () => `O3: ${one.packageId} is ${one.state} and has no task ${kind}`);
  }
}

/** Open, or dead: then it was of another kind before. */
function hasTask({ tasks }: OrderState, kind: TaskKind, key: string): boolean {
  for (const task of tasks.values()) {
    if (task.kind === kind && task.key === key) return true;
    if (task.kind === 'dead' && task.payload['kind'] === kind && task.payload['key'] === key) return true;
  }
  return false;
}

/** O5: what is settled holds nothing; packages that ended without delivery stand for nothing. */
function assertExceptions({ exceptions, packages }: OrderState): void {
  for (const { exceptionId, state, units } of exceptions.values()) {
    check(state !== 'SETTLED' || units.length === 0, () => `O5: exception ${exceptionId} is settled and holds units`);
  }
  for (const one of packages.values()) {
    check(!hasEndedUndelivered(one) || unitsOf(one) === 0, () => `O5: ${one.packageId} is ${one.state} and has units`);
  }
}

function hasEndedUndelivered({ state }: OrderPackage): boolean {
  return (
    state === 'REJECTED' || state === 'LOST' || state === 'DAMAGED' || state === 'INTERCEPTED' || state === 'CANCELLED'
  );
}

/** What each event says was looked at when it was applied. */
function assertJourney({ seq, bytes }: OrderState): void {
  check(seq <= ORDER_EVENTS_MAX, () => `the order has ${seq} events`);
  check(bytes <= ORDER_BYTES_MAX, () => `the order has ${bytes} bytes`);
}

/** Says what is wrong only when something is: this runs after every command. */
function check(holds: boolean, say: () => string): asserts holds {
  if (!holds) throw new OrderViolation(say());
}
