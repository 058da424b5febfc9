// Task stock: the grid learns what became of allocated units. They leave the books or are put back once, however late the task is done
// again. Each request carries the time since which its line may be asked for, so that the grid refuses it for good when it is too old; then
// the reservation is looked at, and what was not done is asked for anew from a later time, which the order records.
import type { OrderTask } from '../../../protocol/index.ts';
import { taskName } from '../../order/task-id.ts';
import type { OrderEvent, OrderPackage, StockPayload } from '../../order/types.ts';
import { effectKey, requestIdAt } from '../keys.ts';
import { CARRIER_RETRY_MS } from '../limits.ts';
import type { OrderRecord } from '../ports.ts';
import { type Processor, type Told, tell, type Work } from '../processor.ts';
import type { CarrierOptions } from './carrier-options.ts';
import { isNotSent, packageNameOf, packageOf } from './package-of.ts';
import { notTakenBack } from './unanswered.ts';
import { askForReturn, undoBooking } from './unbooking.ts';

type StockLine = StockPayload['lines'][number];

/** @throws InDoubt where nobody can tell what was done */
export function stockProcessor(options: CarrierOptions): Processor {
  return async (work) => {
    const { to, booking } = work.task.payload as StockPayload;
    const one = packageOf(work);
    if (booking === undefined || one === undefined) {
      await tellNode(work, one);
      return moved(work, to);
    }
    // First the parcel: units that are on their way are not sold to others.
    const undone = await undoBooking(work, booking, one, options);
    if (undone === 'later') return { tell: notTakenBack(work, booking), again: CARRIER_RETRY_MS };
    if (undone === 'undone') {
      await tellNode(work, one);
      return moved(work, to);
    }
    const asked = await askForReturn(work, booking, undone);
    if (asked === 'later') return { tell: notTakenBack(work, booking), again: CARRIER_RETRY_MS };
    return { tell: [asked.told, ...(await moved(work, 'shipped', asked.note)).tell] };
  };
}

/** A ship node that may have been handed a package which is cancelled leaves it: its units are for others from now on. */
async function tellNode({ task, order, ports }: Work, one: OrderPackage | undefined): Promise<void> {
  const { to } = task.payload as StockPayload;
  if (one?.state !== 'CANCELLED' || to !== 'stock' || !mayBeReleased(order, one, task)) return;
  const { packageId, node } = one;
  await ports.nodes.cancel(
    { orderId: order.orderId, packageId, node },
    effectKey(ports.grid.region, task.taskId, 'node'),
  );
}

/** Whether it was to be released before `task` was opened: whoever did may have died, or still hang, before telling the order. */
function mayBeReleased(order: OrderRecord, { packageId }: OrderPackage, task: OrderTask): boolean {
  const events = journeyOf(order);
  const opened = events.find(({ opens = [] }) => opens.some(({ taskId }) => taskId === task.taskId));
  const releases = events
    .flatMap(({ opens = [] }) => opens)
    .filter(({ kind, key }) => kind === 'release' && key === packageId);
  return opened === undefined || releases.some(({ dueAt }) => dueAt <= opened.at);
}

/** Moves units in the books, as far as it can be told now: what the order is told of it. @param note instead of where they went @throws InDoubt */
async function moved(work: Work, to: StockPayload['to'], note?: string): Promise<{ readonly tell: readonly Told[] }> {
  const { task, ports } = work;
  const { to: wanted, lines } = task.payload as StockPayload;
  const late: Told[] = [];
  for (const [index, { reservationId, qty }] of lines.entries()) {
    const since = sinceOf(work, index);
    // One key for both: whatever became of the parcel by then, units have one end.
    const key = requestIdAt(since, effectKey(ports.grid.region, task.taskId, `${index}`, 'out'));
    const made =
      to === 'stock'
        ? await ports.grid.putBack(reservationId, qty, key)
        : await ports.grid.ship(reservationId, qty, key);
    if (made === 'expired' && !(await hasEnded(work, index))) late.push(anew(index, since));
  }
  if (late.length > 0) return { tell: late };
  const one = packageOf(work);
  if (one !== undefined && isNotSent(one)) await ports.capacity.free(packageNameOf(work, one), one.node);
  return { tell: [{ command: { type: 'done', note: note ?? wanted } }] };
}

/**
 * What an order has given up is there to be planned with, whoever does its tasks stock: they are done here, and told. But for what may be
 * in a parcel that is under way.
 */
export async function putBackFirst({ order, ports }: Pick<Work, 'order' | 'ports'>): Promise<void> {
  if (!order.tasks.some(isPutBack)) return;
  const known = (await ports.grid.getOrder(order.orderId, true)) ?? order;
  for (const task of known.tasks.filter(isPutBack)) {
    try {
      const work = { task, order: known, ports };
      await tellNode(work, packageOf(work));
      const { tell: all } = await moved(work, 'stock');
      for (const told of all) await tell(told, task, known, ports);
      if (all.some(({ command }) => command.type === 'defer'))
        throw new Error(`${task.taskId}: units are put back anew before they are planned with`);
    } catch (error) {
      // Its own task brings it to a person; the order goes on without these units.
      if (!(error instanceof InDoubt)) throw error;
    }
  }
}

function isPutBack({ kind, payload }: OrderTask): boolean {
  if (kind !== 'stock') return false;
  const { to, booking } = payload as StockPayload;
  return to === 'stock' && booking === undefined;
}

/** For a person. */
class InDoubt extends Error {
  override readonly name = 'InDoubt';
}

const LATE = 'line';

/** The order takes it once, whoever tells it, so that of all times of a line one alone may have an effect. */
function anew(index: number, since: number): Told {
  // It was due then: told again, it is the same command.
  return { command: { type: 'defer', dueAt: since, reason: 'too late for its key' }, step: `${LATE}${index}@${since}` };
}

/** When the task was opened, or the line was to be asked for anew. */
function sinceOf({ task, order }: Work, index: number): number {
  const step = `${taskName(task.taskId)}:${LATE}${index}@`;
  const events = journeyOf(order);
  const since =
    events.findLast(({ type, requestId }) => type === 'taskDeferred' && requestId.startsWith(step)) ??
    events.find(({ opens = [] }) => opens.some(({ taskId }) => taskId === task.taskId));
  if (since === undefined) throw new Error(`${task.taskId} was never opened`);
  return since.at;
}

function journeyOf({ journey = [] }: OrderRecord): readonly OrderEvent[] {
  return journey as readonly OrderEvent[];
}

/**
 * Whether the units of a line have left the books or were put back, as this task says: those of its reservation that have, less those that the
 * order knows of. Its key is too old to have an effect from now on. @throws InDoubt where other tasks that are under way leave it in doubt
 */
async function hasEnded({ task, order, ports }: Work, index: number): Promise<boolean> {
  const { lines } = task.payload as StockPayload;
  const { reservationId, qty } = lines[index] as StockLine;
  const left = await ports.grid.shippedOf(reservationId);
  if (left === 'all') return true;
  // Read after what has left: tasks that it tells nothing of have not begun by then.
  const after = (await ports.grid.getOrder(order.orderId, true)) ?? order;
  const closed = new Set(journeyOf(order).flatMap(({ closes = [] }) => closes));
  let rest = left;
  let sums = new Set([0]);
  for (const other of journeyOf(after).flatMap(({ opens = [] }) => opens)) {
    if (other.kind !== 'stock') continue;
    for (const [place, line] of (other.payload as unknown as StockPayload).lines.entries()) {
      if (line.reservationId !== reservationId || (other.taskId === task.taskId && place === index)) continue;
      if (closed.has(other.taskId)) rest -= line.qty;
      else sums = new Set([...sums].flatMap((sum) => [sum, sum + line.qty]));
    }
  }
  const [has, hasNot] = [sums.has(rest - qty), sums.has(rest)];
  if (has === hasNot) {
    throw new InDoubt(
      `nobody can tell whether ${qty} of reservation ${reservationId} have left the books or were put back: ${left} have, others are under way`,
    );
  }
  return has;
}
