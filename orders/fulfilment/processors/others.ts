// Tasks notify, stock, refund and settle: customers are told, the grid learns what became of allocated units, money goes back, and
// policies decide about exceptions.
import { type OrderTask, REQUEST_ID_LENGTH_MAX } from '../../../protocol/index.ts';
import type { OrderException, OrderPackage, StockPayload } from '../../order/types.ts';
import { CARRIER_RETRY_MS } from '../limits.ts';
import { GONE, newsOf } from '../parcels.ts';
import type { Ports } from '../ports.ts';
import type { Processor, Result, Told, Work } from '../processor.ts';
import type { CarrierOptions } from './carriers.ts';
import { packageOf } from './package-of.ts';
import { cancelParcel, undoBooking } from './unbooking.ts';

/** What customers are told of parcels the transit model is told, too: each once or more often, and none is left out. */
export function notifyProcessor({ nodes }: CarrierOptions): Processor {
  return async (work) => {
    const { task, order, ports } = work;
    const { about = '' } = task.payload as { about?: string };
    const { customer } = order.document;
    await ports.notify({ orderId: order.orderId, customer, about, packageId: task.key || undefined }, task.taskId);
    const one = packageOf(work);
    if (one !== undefined) await ports.transit.observe(newsOf(one, order, nodes, ports.clock.now()));
    return { tell: [{ command: { type: 'done', note: about } }] };
  };
}

/** Packages that their node does not hand over after all. */
const NOT_SENT: ReadonlySet<OrderPackage['state']> = new Set(['REJECTED', 'CANCELLED']);

/** Each unit leaves the books, or is sold to others, once: the requestId of each line is its place in the task. */
export function stockProcessor(options: CarrierOptions): Processor {
  return (work) => stock(work, options);
}

async function stock(work: Work, options: CarrierOptions): Promise<Result> {
  const { task, order, ports } = work;
  const { to, booking } = task.payload as StockPayload;
  const one = packageOf(work);
  // First the parcel: units that are on their way are not sold to others.
  const undone = booking === undefined || one === undefined ? 'undone' : await undoBooking(work, booking, one, options);
  if (undone === 'later') return { later: CARRIER_RETRY_MS };
  await moveUnits(task, ports, undone === 'undone' ? to : 'shipped');
  const isReplaced = order.detail.packages.some(
    (other) =>
      other !== one &&
      other.node === one?.node &&
      other.handedOverAt === one.handedOverAt &&
      !NOT_SENT.has(other.state),
  );
  if (one?.handedOverAt !== undefined && NOT_SENT.has(one.state) && !isReplaced) {
    await ports.capacity.free(order.orderId, { node: one.node, handedOverAt: one.handedOverAt });
  }
  const done: Told = { command: { type: 'done', note: to } };
  return { tell: undone === 'undone' ? [done] : [undone, done] };
}

async function moveUnits({ taskId, payload }: OrderTask, { grid }: Ports, to: StockPayload['to']): Promise<void> {
  const { lines } = payload as StockPayload;
  for (const [index, line] of lines.entries()) {
    const requestId = requestIdOf(taskId, index);
    if (to === 'stock') await grid.putBack(line, requestId);
    else await grid.ship(line.reservationId, line.qty, requestId);
  }
}

/**
 * What an order has given up is there to be planned with, whoever does its tasks stock; they do it again, to no effect. But for what may be
 * in a parcel that is under way.
 */
export async function putBackFirst({ order, ports }: Pick<Work, 'order' | 'ports'>): Promise<void> {
  for (const task of order.tasks) {
    if (task.kind !== 'stock') continue;
    const { to, booking } = task.payload as StockPayload;
    if (to === 'stock' && booking === undefined) await moveUnits(task, ports, to);
  }
}

/** Room for what tells two requests of one line apart. */
const REQUEST_ID_USED = REQUEST_ID_LENGTH_MAX - 1;

/** Unique among all orders, as it counts in the actor of a SKU: the end of it where it would be too long. */
function requestIdOf(taskId: string, index: number): string {
  return `${taskId}.${index}`.slice(-REQUEST_ID_USED);
}

export const refundProcessor: Processor = async ({ task, order, ports }) => {
  const { amountMinor } = task.payload as { amountMinor: number };
  const reference = await ports.refund(order.orderId, amountMinor, task.taskId);
  return { tell: [{ command: { type: 'refund', amountMinor, reference } }] };
};

export function settleProcessor({ nodes }: CarrierOptions): Processor {
  return (work) => settle(work, nodes);
}

async function settle(work: Work, nodes: CarrierOptions['nodes']): Promise<Result> {
  const { task, order, ports } = work;
  const exception = order.detail.exceptions.find(({ exceptionId }) => exceptionId === task.key);
  if (exception === undefined) return { nothing: true };
  // Parcels that were lost or came back: nobody is told of them but by a policy.
  const about = order.detail.packages.find(({ packageId }) => packageId === exception.packageId);
  if (about !== undefined && GONE.has(about.state)) {
    await ports.transit.observe(newsOf(about, order, nodes, ports.clock.now()));
  }
  // A parcel that goes out though its order does not want it: no action of policies is about such a one.
  if (exception.kind === 'lostParcel' && exception.evidence['code'] === 'TOO_LATE') {
    const { exceptionId } = exception;
    return {
      tell: [{ command: { type: 'settle', exceptionId, action: 'escalate', rule: 'the parcel is not stopped' } }],
    };
  }
  const { command, policyVersion, later } = await ports.settle(exception, order, task.taskId);
  if (later !== undefined) return { later };
  if (UNBOOKS.has(command.action) && !(await unbook(work, exception))) return { later: CARRIER_RETRY_MS };
  const { exceptionId } = exception;
  return { tell: [{ command: { type: 'settle', exceptionId, ...command }, policyVersion }] };
}

/**
 * Actions that take a package from the carrier which has booked it: asked first, since what was picked up is another question. What is
 * booked meanwhile, or was and nobody told, the task stock takes back.
 */
const UNBOOKS: ReadonlySet<string> = new Set(['cancel', 'reroute', 'upgrade', 'resource']);

/** False: a parcel has just been picked up, and will be told so; what to do about it is another question then. */
async function unbook({ order, ports }: Work, { packageId, kind }: OrderException): Promise<boolean> {
  const isWhole = kind === 'cancelRequest' || kind === 'paymentFailure';
  const booked = order.detail.packages.filter(
    (one) => one.state === 'BOOKED' && (isWhole || one.packageId === packageId),
  );
  for (const { trackingId, bookingId, carrier: name } of booked) {
    const carrier = ports.carriers.get(name);
    if (trackingId === undefined || carrier === undefined) continue;
    if ((await cancelParcel(carrier, trackingId, `${order.orderId}/${bookingId}`)) === 'tooLate') return false;
  }
  return true;
}
