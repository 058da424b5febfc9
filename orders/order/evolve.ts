// The only way an order changes, live and in replay: one event at a time. Reads the event alone, no clock.
import { evolve as evolveSaga, requestKey, type SagaEvent } from '../reservations/index.ts';
import { giveBack, noteMove, noteWaiting } from './journey-facts.ts';
import { componentLines, linesOf } from './lines.ts';
import { unitsIn } from './settling.ts';
import { statusOf } from './state.ts';
import { PACKAGE_TRANSITIONS, type PackageVerb } from './transitions.ts';
import type {
  EventOf,
  EventType,
  OrderEvent,
  OrderException,
  OrderLine,
  OrderPackage,
  OrderState,
  StockPayload,
  Task,
  Units,
} from './types.ts';
import { refundOfTask } from './worth.ts';

/** An event that does not fit the state it came to: a defect, or a journal that was tampered with. */
export class OrderViolation extends Error {
  override readonly name = 'OrderViolation';
}

/**
 * Applies one event to the state, in place.
 * @param size characters of its JSON; default: counted
 * @throws OrderViolation
 */
export function evolve(state: OrderState, event: OrderEvent, size = JSON.stringify(event).length): OrderState {
  expectNext(state, event);
  APPLY[event.type](state, event as never);
  for (const taskId of event.closes ?? []) {
    if (!state.tasks.delete(taskId)) throw new OrderViolation(`${taskId} is closed and was not open`);
    if (state.plan?.taskId === taskId) state.plan = undefined;
  }
  for (const task of event.opens ?? []) {
    state.tasks.set(task.taskId, task);
    state.taskCounts.set(task.kind, (state.taskCounts.get(task.kind) ?? 0) + 1);
    if (task.kind === 'stock' && task.key === '') giveBack(state, (task.payload as StockPayload).lines);
    const paid = task.kind === 'refund' ? state.packages.get(task.key) : undefined;
    if (paid !== undefined) paid.paidBackMinor += refundOfTask(task);
  }
  state.traceId ??= event.traceId;
  state.seq = event.seq;
  state.lastAt = event.at;
  state.bytes += size;
  const { digest, seq } = event;
  state.requests.set(requestKey(event), { digest, seq, status: statusOf(state) });
  return state;
}

/** I17: when, why and by which trace it was, and after what. */
function expectNext(state: OrderState, { seq, at, cause, traceId, requestId }: OrderEvent): void {
  if (seq !== state.seq + 1) throw new OrderViolation(`I17: event ${seq} after ${state.seq}`);
  if (cause === '' || traceId === '' || requestId === '' || !Number.isSafeInteger(at)) {
    throw new OrderViolation(`I17: event ${seq} does not say when, why or by which trace`);
  }
  if (at < state.lastAt) throw new OrderViolation(`I17: event ${seq} is before the one it follows`);
}

/** What the order decided about its reservations. */
function reservations(state: OrderState, event: SagaEvent): void {
  evolveSaga(state.saga, event);
}

type Apply = { readonly [T in EventType]: (state: OrderState, event: EventOf<T>) => void };

const nothing = (): void => {};

const APPLY: Apply = {
  captured: (state, { order, exact, at, digest, seq, traceId }) => {
    state.captured = { digest, seq };
    state.traceId = traceId;
    state.order = order;
    state.capturedAt = at;
    state.promisedAt = order.promisedAt;
    state.destination = order.destination;
    for (const line of linesOf(order, exact === true)) state.lines.set(line.lineId, line);
  },
  held: (state, { holdType, reason }) => void state.holds.set(holdType, reason),
  unheld: (state, { holdType }) => void state.holds.delete(holdType),
  destinationChanged: (state, { destination }) => {
    noteMove(state, state.destination, state.taskCounts);
    state.destination = destination;
    withdraw(state);
  },

  expanded: (state, { lines, exact }) => {
    const components = new Map(lines.map((line) => [line.lineId, line.components]));
    const after = [...state.lines.values()].flatMap((line) => {
      const of = components.get(line.lineId);
      return of === undefined ? [line] : componentLines(line, of, exact === true);
    });
    state.lines.clear();
    for (const line of after) state.lines.set(line.lineId, line);
  },
  sourced: (state, { taskId, attempt, policy, packages, unfilled }) => {
    state.plan = { taskId, attempt, policy, packages, unfilled, isWithdrawn: false };
  },
  allocated: (state, { packages, at }) => {
    state.plan = undefined;
    for (const { packageId, node, region, carrier, service, handedOverAt, expectedAt, lines } of packages) {
      state.packages.set(packageId, {
        packageId,
        node,
        region,
        carrier,
        service,
        handedOverAt,
        expectedAt,
        lines: lines.map(({ lineId, sku, qty, reservationId }) => {
          const line = lineOf(state, lineId);
          takeWaiting(line, qty);
          asOrdered(line);
          return { lineId, sku, qty, allocated: qty, reservationId };
        }),
        state: 'RESERVED',
        grams: undefined,
        bookingId: undefined,
        trackingId: undefined,
        scan: undefined,
        heard: undefined,
        shippedAt: undefined,
        deliveredAt: undefined,
        interventions: 0,
        cancelledBy: undefined,
        paidBackMinor: 0,
      });
    }
    noteWaiting(state, state.lines.values(), at);
  },
  backordered: (state, { lines, at }) => {
    state.plan = undefined;
    for (const { lineId, qty } of lines) {
      const line = lineOf(state, lineId);
      line.open -= qty;
      line.backordered += qty;
    }
    noteWaiting(state, state.lines.values(), at);
  },
  packagesWithdrawn: (state, { packageIds, packages, opens = [] }) => {
    state.withdrawals += 1;
    for (const packageId of packageIds) {
      takeOut(state, packageOf(state, packageId), unitsIn(packageOf(state, packageId)), 'open');
      move(state, packageId, 'cancel');
    }
    const taskId = opens.find(({ kind }) => kind === 'source')?.taskId;
    if (taskId === undefined) throw new OrderViolation('nobody sources what was withdrawn');
    state.plan = { taskId, attempt: 1, policy: 'all', packages, unfilled: [], isWithdrawn: false };
  },

  released: (state, { packageId }) => void move(state, packageId, 'release'),
  picked: (state, { packageId }) => void move(state, packageId, 'pick'),
  shortPicked: (state, { packageId }) => void move(state, packageId, 'shortPick'),
  packed: (state, { packageId, grams }) => {
    move(state, packageId, 'pack').grams = grams;
  },
  booked: (state, { packageId, carrier, service, bookingId, trackingId, expectedAt }) => {
    Object.assign(move(state, packageId, 'book'), { carrier, service, bookingId, trackingId, heard: undefined });
    expect(state, packageId, expectedAt);
  },
  unbooked: (state, { packageId, cancelledBy, at }) => {
    const one = move(state, packageId, 'unbook');
    Object.assign(one, { bookingId: undefined, trackingId: undefined, expectedAt: undefined, heard: undefined });
    if (cancelledBy === undefined) return;
    const others = (one.cancelledBy ?? []).filter(({ carrier }) => carrier !== cancelledBy);
    one.cancelledBy = [...others, { carrier: cancelledBy, at }];
  },
  shipped: (state, { packageId, shippedAt }) => {
    move(state, packageId, 'ship').shippedAt = shippedAt;
  },
  scanned: (state, { packageId, code, scannedAt, expectedAt, claimedAt, shippedAt }) => {
    const one = move(state, packageId, 'scan');
    if (shippedAt === undefined) one.scan = { code, at: scannedAt };
    else one.shippedAt = shippedAt;
    if (claimedAt !== undefined) {
      one.heard = { ...one.heard, claimedAt: Math.max(claimedAt, one.heard?.claimedAt ?? 0) };
    }
    if (expectedAt !== undefined) one.heard = { ...one.heard, expectedBy: scannedAt };
    expect(state, packageId, expectedAt);
  },
  delivered: (state, { packageId, deliveredAt, lines, at }) => {
    const one = move(state, packageId, 'deliver');
    one.deliveredAt = deliveredAt;
    if (lines === undefined) return;
    withdraw(state);
    for (const { lineId, qty } of lines) putBack(state, one, lineId, qty);
    noteWaiting(state, state.lines.values(), at);
  },
  rejected: (state, { packageId }) => void move(state, packageId, 'reject'),
  lost: (state, { packageId }) => void move(state, packageId, 'lose'),
  damaged: (state, { packageId }) => void move(state, packageId, 'damage'),
  intercepted: (state, { packageId }) => void move(state, packageId, 'intercept'),
  packageCancelled: (state, { packageId }) => void move(state, packageId, 'cancel'),
  rerouted: (state, { packageId, carrier, service, expectedAt }) => {
    const one = move(state, packageId, 'reroute');
    // Whoever chooses a carrier means it, whatever that did before.
    const cancelledBy = one.cancelledBy?.filter((other) => other.carrier !== carrier);
    Object.assign(one, { carrier, service, cancelledBy });
    expect(state, packageId, expectedAt);
  },

  exceptionOpened: (state, { exceptionId, kind, packageId, evidence, at, units = [] }) => {
    if (packageId !== undefined) {
      const about = packageOf(state, packageId);
      takeOut(state, about, units, 'parked');
      if (about.state === 'LOST' && units.length > 0) state.lost.set(packageId, units);
    }
    const one: OrderException = {
      exceptionId,
      kind,
      packageId,
      openedAt: at,
      evidence,
      units,
      state: 'OPEN',
      decisions: [],
    };
    state.exceptions.set(exceptionId, one);
  },
  exceptionDecided: (state, { exceptionId, action, rule, outcome, at, cause, policyVersion }) => {
    const one = exceptionOf(state, exceptionId);
    one.state = outcome;
    one.decisions.push({ at, action, policyVersion, cause, rule });
    const about = one.packageId === undefined ? undefined : state.packages.get(one.packageId);
    if (about !== undefined && action !== 'wait') about.interventions++;
  },
  repromised: (state, { promisedAt }) => {
    state.promisedAt = promisedAt;
  },
  resourced: (state, { packageId, exceptionId, lines, to, at }) => {
    if (packageId !== undefined) takeOut(state, packageOf(state, packageId), lines, to);
    if (exceptionId !== undefined) unpark(state, exceptionOf(state, exceptionId), to);
    noteWaiting(state, state.lines.values(), at);
  },
  substituted: (state, { lineId, sku, qty }) => {
    withdraw(state);
    const line = lineOf(state, lineId);
    if (qty === undefined) delete line.ordered;
    else line.ordered ??= line.sku;
    line.sku = sku;
  },
  linesCancelled: (state, { packageId, exceptionId, lines, from, at }) => {
    withdraw(state);
    if (packageId !== undefined) takeOut(state, packageOf(state, packageId), lines, 'cancelled');
    else if (exceptionId !== undefined) unpark(state, exceptionOf(state, exceptionId), 'cancelled');
    else {
      for (const { lineId, qty } of lines) {
        const line = lineOf(state, lineId);
        if (from === 'backordered') line.backordered -= qty;
        else takeWaiting(line, qty);
        line.cancelled += qty;
        asOrdered(line);
      }
    }
    noteWaiting(state, state.lines.values(), at);
  },
  refunded: (state, { amountMinor }) => {
    state.refundedMinor += amountMinor;
  },

  reservationsStarted: reservations,
  reservationsAnswered: reservations,
  reservationsHeld: reservations,
  reservationsCommitted: reservations,
  reservationsAbandoned: reservations,
  reservationsEnded: reservations,

  requested: nothing,
  taskDone: nothing,
  taskDeferred: (state, { taskId, dueAt }) => {
    state.tasks.set(taskId, { ...taskOf(state, taskId), dueAt });
  },
  // It keeps its taskId, by which what it did before it failed is not done again.
  taskFailed: (state, { taskId, error, attempts }) => {
    const { kind, key, payload, dueAt } = taskOf(state, taskId);
    const remembered = { kind, key, payload, error, attempts };
    state.tasks.set(taskId, { taskId, kind: 'dead', dueAt, key, payload: remembered });
  },
  taskRevived: (state, { taskId, at }) => {
    const { kind, key, payload } = taskOf(state, taskId).payload as unknown as Task;
    state.tasks.set(taskId, { taskId, kind, dueAt: at, key, payload });
  },
};

function lineOf(state: OrderState, lineId: string): OrderLine {
  const line = state.lines.get(lineId);
  if (line === undefined) throw new OrderViolation(`there is no line ${lineId}`);
  return line;
}

function taskOf(state: OrderState, taskId: string): Task {
  const task = state.tasks.get(taskId);
  if (task === undefined) throw new OrderViolation(`${taskId} is not open`);
  return task;
}

function packageOf(state: OrderState, packageId: string): OrderPackage {
  const one = state.packages.get(packageId);
  if (one === undefined) throw new OrderViolation(`there is no package ${packageId}`);
  return one;
}

function exceptionOf(state: OrderState, exceptionId: string): OrderException {
  const one = state.exceptions.get(exceptionId);
  if (one === undefined) throw new OrderViolation(`there is no exception ${exceptionId}`);
  return one;
}

function withdraw(state: OrderState): void {
  if (state.plan !== undefined) state.plan.isWithdrawn = true;
}

/** Units that wait for sourcing, those that were never sourced first. */
function takeWaiting(line: OrderLine, qty: number): void {
  const fromOpen = Math.min(line.open, qty);
  line.open -= fromOpen;
  line.backordered -= qty - fromOpen;
}

/** What some units were to be sent as is over with them: what comes of others is what was ordered. */
function asOrdered(line: OrderLine): void {
  if (line.ordered === undefined || line.open + line.backordered + line.parked > 0) return;
  line.sku = line.ordered;
  delete line.ordered;
}

/** All that an exception parked goes on. */
function unpark(state: OrderState, one: OrderException, to: 'open' | 'backordered' | 'cancelled'): void {
  for (const { lineId, qty } of one.units) {
    const line = lineOf(state, lineId);
    line.parked -= qty;
    line[to] += qty;
    asOrdered(line);
    const inside = state.packages.get(one.packageId ?? '')?.lines.find((other) => other.lineId === lineId);
    if (inside !== undefined && to !== 'cancelled') inside.elsewhere = (inside.elsewhere ?? 0) + qty;
  }
  one.units = [];
}

function move(state: OrderState, packageId: string, verb: PackageVerb): OrderPackage {
  const one = packageOf(state, packageId);
  const cell = PACKAGE_TRANSITIONS[one.state][verb];
  if (cell === 'refuse') throw new OrderViolation(`${verb} of ${packageId}, which is ${one.state}`);
  if (cell !== 'keep') one.state = cell;
  return one;
}

function expect(state: OrderState, packageId: string, expectedAt: number | undefined): void {
  if (expectedAt !== undefined) packageOf(state, packageId).expectedAt = expectedAt;
}

/** Units that wait are in a package after all. */
function putBack(state: OrderState, one: OrderPackage, lineId: string, qty: number): void {
  const inside = one.lines.find((line) => line.lineId === lineId);
  if (inside === undefined) throw new OrderViolation(`${one.packageId} never had line ${lineId}`);
  takeWaiting(lineOf(state, lineId), qty);
  asOrdered(lineOf(state, lineId));
  inside.qty += qty;
  inside.elsewhere = Math.max(0, (inside.elsewhere ?? 0) - qty);
}

/** Units leave a package for where the line keeps them. */
function takeOut(
  state: OrderState,
  one: OrderPackage,
  lines: readonly Units[],
  to: 'open' | 'backordered' | 'parked' | 'cancelled',
): void {
  for (const { lineId, qty } of lines) {
    const inside = one.lines.find((line) => line.lineId === lineId);
    if (inside === undefined || inside.qty < qty) {
      throw new OrderViolation(`${one.packageId} has no ${qty} units of line ${lineId}`);
    }
    inside.qty -= qty;
    lineOf(state, lineId)[to] += qty;
    if (to === 'open' || to === 'backordered') inside.elsewhere = (inside.elsewhere ?? 0) + qty;
  }
}
