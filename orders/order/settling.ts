// What several decisions share: the tasks of a package, and exceptions that settle themselves because what they were about is over.
import type { Draft, NewTask } from './draft.ts';
import { isOldDestination } from './old-destination.ts';
import { committedByPlan } from './plan-requests.ts';
import type {
  BookPayload,
  ExceptionKind,
  Fields,
  OrderException,
  OrderPackage,
  OrderState,
  StockPayload,
  Task,
  TaskKind,
  UnsentBooking,
} from './types.ts';

/** Exceptions about what may still go well: a delivery ends them. */
export const OVER_WHEN_DELIVERED: ReadonlySet<ExceptionKind> = new Set([
  'stuckParcel',
  'carrierOutage',
  'lateRisk',
  'addressProblem',
]);

/** Tasks of a package that is not sent any more. */
export const SENDING: readonly TaskKind[] = ['release', 'pick', 'pack', 'book', 'track', 'replan'];

/** Open tasks of these kinds about one package, exception or, with '', the order. */
export function tasksOf(state: OrderState, key: string, kinds?: readonly TaskKind[]): string[] {
  const found: string[] = [];
  for (const task of state.tasks.values()) {
    const { kind, key: about } = task.kind === 'dead' ? (task.payload as { kind: TaskKind; key: string }) : task;
    if (about === key && (kinds === undefined || kinds.includes(kind))) found.push(task.taskId);
  }
  return found;
}

/**
 * One task sources whatever waits: a second would reserve the same units again. One that is due is being worked on, and whoever
 * does will find that more waits by then; one that is put off is replaced.
 */
export function sourceTask(
  state: OrderState,
  draft: Draft,
): { opens?: readonly NewTask[]; closes?: readonly string[] } {
  const open = tasksOf(state, '', ['source']);
  const isDue = (taskId: string): boolean => {
    const task = state.tasks.get(taskId);
    return task?.kind === 'source' && task.dueAt <= draft.now;
  };
  if (draft.opened('source') > 0 || open.some(isDue)) return {};
  // What its plan has committed goes back, since nobody else knows of it.
  const lines = committedByPlan(state);
  const givenBack: NewTask[] = lines.length === 0 ? [] : [{ kind: 'stock', payload: { to: 'stock', lines } }];
  return { opens: [{ kind: 'source' }, ...givenBack], closes: open };
}

/** Settles open exceptions without a decision of anybody: what they were about has changed. */
export function settleAbout(
  state: OrderState,
  draft: Draft,
  rule: string,
  isOver: (one: OrderException) => boolean,
): void {
  for (const one of state.exceptions.values()) {
    if (one.state === 'SETTLED' || !isOver(one)) continue;
    draft.add(
      'exceptionDecided',
      { exceptionId: one.exceptionId, action: 'wait', rule, outcome: 'SETTLED' },
      { closes: tasksOf(state, one.exceptionId, ['settle']) },
    );
  }
}

/** It is decided on at once, however long it was to wait. */
export function settleNow(
  state: OrderState,
  exceptionId: string,
): { readonly opens: readonly NewTask[]; readonly closes: readonly string[] } {
  return { opens: [{ kind: 'settle', key: exceptionId }], closes: tasksOf(state, exceptionId, ['settle']) };
}

/** Opens the task that pays so much back, minor units, for what was decided on `one`, if it was that; nothing is no task. */
export function payBack(draft: Draft, amountMinor: number, one?: OrderException): void {
  if (amountMinor === 0) return;
  const payload = one === undefined ? { amountMinor } : { amountMinor, exceptionId: one.exceptionId };
  draft.add('requested', { what: 'refund' }, { opens: [{ kind: 'refund', key: one?.packageId ?? '', payload }] });
}

/** How many decisions were made on exceptions of an order, whoever made them. */
export function decisionsOn(exceptions: Iterable<Pick<OrderException, 'decisions'>>): number {
  let decisions = 0;
  for (const one of exceptions) decisions += one.decisions.length;
  return decisions;
}

export function settleDelivered(state: OrderState, draft: Draft, packageId: string): void {
  const isAll = isLastToCome(state, packageId);
  settleAbout(state, draft, 'delivered', (one) => {
    if (one.units.length > 0) return false;
    // What is there is not cancelled any more.
    if (one.kind === 'cancelRequest') return one.packageId === packageId || (one.packageId === undefined && isAll);
    // Delivered, but not where the customer is.
    return one.packageId === packageId && OVER_WHEN_DELIVERED.has(one.kind) && !isOldDestination(one);
  });
}

/** Nothing else of the order is still to come. */
function isLastToCome(state: OrderState, packageId: string): boolean {
  const isOut = (one: OrderPackage): boolean =>
    one.packageId !== packageId && one.state !== 'DELIVERED' && unitsIn(one).length > 0;
  return (
    [...state.lines.values()].every(({ open, backordered, parked }) => open + backordered + parked === 0) &&
    ![...state.packages.values()].some(isOut)
  );
}

/** What a task tells the grid about units of a package. */
export function stockPayload(
  one: OrderPackage,
  to: StockPayload['to'],
  units: readonly { readonly lineId: string; readonly qty: number }[],
): Fields {
  const { region, node } = one;
  const lines = units.flatMap(({ lineId, qty }) => {
    const line = one.lines.find((candidate) => candidate.lineId === lineId);
    if (line === undefined || qty === 0) return [];
    return [{ reservationId: line.reservationId, sku: line.sku, region, node, qty }];
  });
  return { to, lines } satisfies StockPayload;
}

/** What has to be taken back at the carrier of a package that is not sent, or by another service. */
export function bookingToUndo(state: OrderState, one: OrderPackage): { readonly booking?: UnsentBooking } {
  const { packageId, carrier, service, bookingId, trackingId } = one;
  const at = { carrier, service, units: unitsIn(one) };
  if (one.state === 'BOOKED' && bookingId !== undefined && trackingId !== undefined) {
    return { booking: { key: `${state.orderId}/${bookingId}`, ...at, trackingId } };
  }
  const [key] = tasksOf(state, packageId, ['book']);
  if (key === undefined) return {};
  // Nothing is booked by a task that is to take a booking back.
  const before = undoOf(state.tasks.get(key));
  if (before !== undefined) return { booking: before };
  // Its carrier may have booked it, and whoever asked has not told so, or is dead.
  const { latitude = 0, longitude = 0, postalCode = '' } = state.destination ?? {};
  return { booking: { key, ...at, destination: { latitude, longitude, postalCode } } };
}

/** The booking that a task `book`, open or dead, takes back. Undefined: it books. */
export function undoOf(task: Pick<Task, 'kind' | 'payload'> | undefined): UnsentBooking | undefined {
  const payload = task?.kind === 'dead' ? task.payload['payload'] : task?.payload;
  return (payload as BookPayload | undefined)?.undo;
}

/** What was booked of a package, told or not, is taken back; once that is done, another task books it, as the package is then. */
export function bookAnew(
  state: OrderState,
  one: OrderPackage,
): { readonly opens: readonly NewTask[]; readonly closes: readonly string[] } {
  const { packageId: key } = one;
  const { booking } = bookingToUndo(state, one);
  const payload: BookPayload = booking === undefined ? {} : { undo: booking };
  return { opens: [{ kind: 'book', key, payload }], closes: tasksOf(state, key, ['book']) };
}

/** Units a package still stands for. */
export function unitsIn({ lines }: OrderPackage): { lineId: string; qty: number }[] {
  return lines.filter(({ qty }) => qty > 0).map(({ lineId, qty }) => ({ lineId, qty }));
}
