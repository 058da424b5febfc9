// Tasks notify, refund and settle: customers are told, money goes back, and policies decide about exceptions.
import { CarrierError } from '../../carriers/errors.ts';
import { decisionsOn } from '../../order/index.ts';
import type { NoticePayload } from '../../order/notice.ts';
import type { OrderException } from '../../order/types.ts';
import { NOT_TAKEN_BACK } from '../../order/unanswered.ts';
import { effectKey } from '../keys.ts';
import { CARRIER_RETRY_MS } from '../limits.ts';
import { GONE, newsOf } from '../parcels.ts';
import { type Processor, Refused, type Result, tell, type Work } from '../processor.ts';
import type { CarrierOptions } from './carrier-options.ts';
import { packageOf } from './package-of.ts';
import { cancelParcel } from './unbooking.ts';

/** What customers are told of parcels the transit model is told, too: each once or more often, and none is left out. */
export function notifyProcessor({ nodes }: CarrierOptions): Processor {
  return async (work) => {
    const { task, order, ports } = work;
    const { about = '', lines = [], amountMinor, promisedAt } = task.payload as Partial<NoticePayload>;
    const { customer, currency } = order.document;
    const { region } = ports.grid;
    const packageId = task.key || undefined;
    const notice = { region, orderId: order.orderId, customer, about, packageId };
    const what = { lines, amountMinor, currency, promisedAt };
    await ports.notify({ ...notice, ...what }, effectKey(region, task.taskId));
    const one = packageOf(work);
    if (one !== undefined) await ports.transit.observe(newsOf(one, order, { region, nodes, now: ports.clock.now() }));
    return { tell: [{ command: { type: 'done', note: about } }] };
  };
}

export const refundProcessor: Processor = async ({ task, order, ports }) => {
  const { amountMinor } = task.payload as { amountMinor: number };
  const reference = await ports.refund(order.orderId, amountMinor, effectKey(ports.grid.region, task.taskId));
  return { tell: [{ command: { type: 'refund', amountMinor, reference } }] };
};

export function settleProcessor({ nodes }: CarrierOptions): Processor {
  return async (work) => {
    const { task, ports } = work;
    // Each time somebody else has decided on the order meanwhile, and an order has only so many decisions.
    for (let { order } = work; ; ) {
      const result = await settle({ task, order, ports }, nodes);
      if (!('tell' in result)) return result;
      try {
        for (const told of result.tell) await tell(told, task, order, ports);
        return { nothing: true };
      } catch (error) {
        const after = await ports.grid.getOrder(order.orderId, true);
        const isOvertaken = after !== undefined && known(after) > known(order);
        if (!(error instanceof Refused) || !isOvertaken) throw error;
        if (!after.tasks.some(({ taskId }) => taskId === task.taskId)) return { nothing: true };
        order = after;
      }
    }
  };
}

function known({ detail }: Work['order']): number {
  return decisionsOn(detail.exceptions);
}

/** By kind and code, why: a parcel that goes out, or may, though its order does not want it. No action of policies is about such a one. */
const FOR_PEOPLE: Readonly<Record<string, string>> = {
  'lostParcel TOO_LATE': 'the parcel is not stopped',
  [`carrierOutage ${NOT_TAKEN_BACK}`]: 'its carrier does not answer',
};

async function settle(work: Work, nodes: CarrierOptions['nodes']): Promise<Result> {
  const { task, order, ports } = work;
  const exception = order.detail.exceptions.find(({ exceptionId }) => exceptionId === task.key);
  if (exception === undefined) return { nothing: true };
  // Parcels that were lost or came back: nobody is told of them but by a policy.
  const about = order.detail.packages.find(({ packageId }) => packageId === exception.packageId);
  if (about !== undefined && GONE.has(about.state)) {
    await ports.transit.observe(newsOf(about, order, { region: ports.grid.region, nodes, now: ports.clock.now() }));
  }
  const rule = FOR_PEOPLE[`${exception.kind} ${exception.evidence['code']}`];
  if (rule !== undefined) {
    const { exceptionId } = exception;
    return { tell: [{ command: { type: 'settle', exceptionId, action: 'escalate', rule } }] };
  }
  const { command, policyVersion, later } = await ports.settle(
    exception,
    order,
    effectKey(ports.grid.region, task.taskId),
  );
  if (later !== undefined) return { later };
  // Units that were parked are in no parcel: what else was packed without them goes on.
  const isOfParcel = exception.units.length === 0 || command.action === 'resource';
  if (isOfParcel && UNBOOKS.has(command.action) && !(await unbook(work, exception))) return { later: CARRIER_RETRY_MS };
  const { exceptionId } = exception;
  const decided = { type: 'settle', exceptionId, ...command, decisionsKnown: known(order) } as const;
  return { tell: [{ command: decided, policyVersion }] };
}

/**
 * Actions that take a package from the carrier which has booked it: asked first, since what was picked up is another question. What is
 * booked meanwhile, or was and nobody told, the task stock takes back.
 */
const UNBOOKS: ReadonlySet<string> = new Set(['cancel', 'refund', 'reroute', 'upgrade', 'resource']);

/** False: a parcel has just been picked up, and will be told so; what to do about it is another question then. */
async function unbook({ order, ports }: Work, { packageId, kind }: OrderException): Promise<boolean> {
  const isWhole = kind === 'paymentFailure' || (kind === 'cancelRequest' && packageId === undefined);
  const booked = order.detail.packages.filter(
    (one) => one.state === 'BOOKED' && (isWhole || one.packageId === packageId),
  );
  for (const { trackingId, bookingId, carrier: name } of booked) {
    const carrier = ports.carriers.get(name);
    if (trackingId === undefined || carrier === undefined) continue;
    const key = effectKey(ports.grid.region, `${order.orderId}/${bookingId}`);
    try {
      if ((await cancelParcel(carrier, trackingId, key)) === 'tooLate') return false;
    } catch (error) {
      // It is away: what was decided is done, and the order takes the booking back once it answers.
      if (!(error instanceof CarrierError && error.retriable)) throw error;
    }
  }
  return true;
}
