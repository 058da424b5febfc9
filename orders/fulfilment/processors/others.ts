// Tasks notify, stock, refund and settle: customers are told, the grid learns what became of allocated units, money goes back, and
// policies decide about exceptions.
import { type OrderTask, REQUEST_ID_LENGTH_MAX } from '../../../protocol/index.ts';
import { CarrierError } from '../../carriers/errors.ts';
import type { OrderException, OrderPackage, StockPayload } from '../../order/types.ts';
import { CARRIER_RETRY_MS } from '../limits.ts';
import { GONE, newsOf } from '../parcels.ts';
import type { Ports } from '../ports.ts';
import type { Processor, Result, Work } from '../processor.ts';
import type { CarrierOptions } from './carriers.ts';
import { packageOf } from './package-of.ts';

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
export const stockProcessor: Processor = async (work) => {
  const { task, order, ports } = work;
  const { to } = task.payload as StockPayload;
  await moveUnits(task, ports);
  const one = packageOf(work);
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
  return { tell: [{ command: { type: 'done', note: to } }] };
};

async function moveUnits({ taskId, payload }: OrderTask, { grid }: Ports): Promise<void> {
  const { to, lines } = payload as StockPayload;
  for (const [index, line] of lines.entries()) {
    const requestId = requestIdOf(taskId, index);
    if (to === 'stock') await grid.putBack(line, requestId);
    else await grid.ship(line.reservationId, line.qty, requestId);
  }
}

/** What an order has given up is there to be planned with, whoever does its tasks stock; they do it again, to no effect. */
export async function putBackFirst({ order, ports }: Pick<Work, 'order' | 'ports'>): Promise<void> {
  for (const task of order.tasks) {
    if (task.kind === 'stock' && (task.payload as StockPayload).to === 'stock') await moveUnits(task, ports);
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
  const { command, policyVersion, later } = await ports.settle(exception, order, task.taskId);
  if (later !== undefined) return { later };
  if (UNBOOKS.has(command.action) && !(await unbook(work, exception))) return { later: CARRIER_RETRY_MS };
  const { exceptionId } = exception;
  return { tell: [{ command: { type: 'settle', exceptionId, ...command }, policyVersion }] };
}

/** Actions that take a package from the carrier which has booked it. */
const UNBOOKS: ReadonlySet<string> = new Set(['cancel', 'reroute', 'upgrade', 'resource']);

/** False: a parcel has just been picked up, and will be told so; what to do about it is another question then. */
async function unbook({ task, order, ports }: Work, { packageId, kind }: OrderException): Promise<boolean> {
  const isWhole = kind === 'cancelRequest' || kind === 'paymentFailure';
  const booked = order.detail.packages.filter(
    (one) => one.state === 'BOOKED' && (isWhole || one.packageId === packageId),
  );
  for (const { trackingId, carrier } of booked) {
    if (trackingId === undefined) continue;
    try {
      await ports.carriers.get(carrier)?.cancel({ trackingId }, { idempotencyKey: `${task.taskId}/${trackingId}` });
    } catch (error) {
      if (error instanceof CarrierError && error.code === 'TOO_LATE') return false;
      // What it does not know it will not collect.
      if (!(error instanceof CarrierError) || error.code !== 'NOT_FOUND') throw error;
    }
  }
  return true;
}
