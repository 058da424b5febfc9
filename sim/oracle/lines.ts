// I15: the outcome of an order is the same on all its lines, in whatever region they are, and every tentative reservation ends. Judged by
// what the journals of orders and of stock say at the end, and by what shops were told. I17: the journey of each is one trace.
import type { InventoryState } from '../../node/core/index.ts';
import type { HostedOrder } from '../../node/shell/orders/hosted-order.ts';
import type { OrderEvent, OrderState } from '../../orders/order/index.ts';
import {
  type EndOrderRequest,
  formatReservationId,
  type Outcome,
  type ReserveOrderRequest,
} from '../../protocol/index.ts';
import type { Violation } from './history.ts';

/** A request of a shop and all answers that stay. */
export interface AskedLines {
  readonly request: ReserveOrderRequest | EndOrderRequest;
  readonly answers: Outcome[];
}

/** What the journals of one region make. */
export interface RegionEnd {
  readonly region: string;
  readonly stock: ReadonlyMap<string, InventoryState>;
  readonly orders: ReadonlyMap<string, HostedOrder>;
}

export interface LinesEnd {
  readonly attempts: number;
  readonly committed: number;
}

export function checkLines(
  ends: readonly RegionEnd[],
  asked: readonly AskedLines[],
  violations: Violation[],
): LinesEnd {
  const break15 = (text: string): void => void violations.push({ invariant: 'I15', text });
  /** By reservationId: how many units its order committed; 0: none. */
  const decided = new Map<string, number>();
  let attempts = 0;
  let committed = 0;
  for (const { region, orders } of ends) {
    for (const { orderId, core, texts } of orders.values()) {
      const { saga } = core as OrderState;
      const events = texts.map((text) => JSON.parse(text) as OrderEvent);
      checkJourney(`${orderId}@${region}`, events, violations);
      for (const attempt of saga.attempts) {
        const name = `attempt ${attempt.attempt} of ${orderId}@${region}`;
        attempts += 1;
        const isCommitted = attempt.state === 'COMMITTED';
        if (isCommitted) committed += 1;
        else if (attempt.state !== 'RELEASED' && attempt.state !== 'ABORTED')
          break15(`${name} is left ${attempt.state}`);
        for (const { answer, used } of attempt.claims) {
          if (answer?.isHeld === true) decided.set(answer.reservationId, isCommitted ? used : 0);
        }
      }
    }
  }
  for (const { region, stock } of ends) {
    for (const [sku, { reservations, lastAt }] of stock) {
      reservations.eachInOrder(lastAt, ({ no, epoch, order, state, parts }) => {
        if (order === undefined) return;
        const id = formatReservationId(region, sku, epoch, no);
        const units = decided.get(id) ?? 0;
        decided.delete(id);
        const qty = parts.reduce((sum, part) => sum + part.qty, 0);
        if (state === 'RESERVED') break15(`${id} of ${order} is still tentative`);
        else if (state === 'COMMITTED' && qty !== units)
          break15(`${id}: ${qty} committed, ${order} decided on ${units}`);
        else if (state !== 'COMMITTED' && units > 0) break15(`${id} is ${state}, ${order} committed ${units} of it`);
      });
    }
  }
  for (const [id, units] of decided) if (units > 0) break15(`${id} is nowhere, its order committed ${units} of it`);
  for (const one of asked) checkTold(one, ends, violations);
  return { attempts, committed };
}

/** I17: whoever reserved, asked or took up, each event says why, and all are of one trace. */
function checkJourney(name: string, events: readonly OrderEvent[], violations: Violation[]): void {
  const isWhole = events.every(({ cause, at }) => cause !== '' && at > 0);
  const traces = new Set(events.map(({ traceId }) => traceId));
  if (isWhole && traces.size === 1 && !traces.has('')) return;
  violations.push({
    invariant: 'I17',
    text: `${name}: events without cause or time, or of traces ${[...traces].join(', ')}`,
  });
}

function checkTold({ request, answers }: AskedLines, ends: readonly RegionEnd[], violations: Violation[]): void {
  const { op, orderId, requestId, region = '' } = request;
  const end = ends.find((one) => one.region === region);
  const order = [...(end?.orders.values() ?? [])].find((one) => one.orderId === orderId);
  const attempts = (order?.core as OrderState | undefined)?.saga.attempts ?? [];
  const told = new Set<string>();
  for (const answer of answers) {
    const name = `${op} ${requestId} of ${orderId}@${region}`;
    told.add(answer.ok ? JSON.stringify({ ...answer, replayed: undefined, pending: undefined }) : answer.code);
    if (answer.ok && 'attempt' in answer) {
      const attempt = attempts[answer.attempt - 1];
      const isCommitted = attempt?.state === 'COMMITTED';
      if (attempt === undefined) violations.push({ invariant: 'I5', text: `${name} was acknowledged and is nowhere` });
      else if (op === 'commitOrder' && !isCommitted)
        violations.push({ invariant: 'I15', text: `${name} was acknowledged, and the attempt is ${attempt.state}` });
      else if (op === 'releaseOrder' && isCommitted)
        violations.push({ invariant: 'I15', text: `${name} was acknowledged, and the attempt is COMMITTED` });
      for (const line of op === 'releaseOrder' ? [] : answer.lines) {
        if (line.ok || line.code !== 'RESERVATION_ENDED') continue;
        violations.push({ invariant: 'I15', text: `${name}: line ${line.lineId}: ${line.message}` });
      }
    } else if (op === 'commitOrder' && !answer.ok && attempts.length === 1 && attempts[0]?.state === 'COMMITTED') {
      violations.push({ invariant: 'I15', text: `${name} was refused (${answer.code}), and the attempt is COMMITTED` });
    }
  }
  if (told.size > 1) {
    const text = `${op} ${requestId} of ${orderId}@${region} was answered differently: ${[...told].join(' | ')}`;
    violations.push({ invariant: 'I11', text });
  }
}
