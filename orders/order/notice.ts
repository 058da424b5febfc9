// What a customer is told: the payload of a task notify, with all that a text to him needs.
import type { Draft, NewTask } from './draft.ts';
import { unitsIn } from './settling.ts';
import type { EventOf, OrderEvent, OrderException, OrderPackage, OrderState, Units } from './types.ts';
import { refundOfTask } from './worth.ts';

export type NoticeLine = Units & { readonly sku: string };

/** Fields without a value are left out. */
export type NoticePayload = {
  /** shipped, delivered, notSent, what was decided, or what whoever decided calls it. */
  readonly about: string;
  readonly exceptionId?: string;
  /** What it is about: sent, given up, or promised anew. Without it, the whole order. */
  readonly lines?: readonly NoticeLine[];
  /** What is paid back for it, minor units. */
  readonly amountMinor?: number;
  readonly currency?: string;
  /** The new promise, ms since the epoch. Without it, nobody knows when. */
  readonly promisedAt?: number;
};

interface Told {
  readonly about: string;
  readonly exceptionId?: string;
  readonly lines: readonly NoticeLine[];
  readonly amountMinor?: number;
  readonly promisedAt?: number | undefined;
}

export function noticeOf(
  { order }: Pick<OrderState, 'order'>,
  { about, exceptionId, lines, amountMinor = 0, promisedAt }: Told,
): NoticePayload {
  const { currency } = order ?? {};
  return {
    about,
    ...(exceptionId === undefined ? {} : { exceptionId }),
    ...(lines.length === 0 ? {} : { lines }),
    ...(amountMinor === 0 ? {} : { amountMinor }),
    ...(amountMinor === 0 || currency === undefined ? {} : { currency }),
    ...(promisedAt === undefined ? {} : { promisedAt }),
  };
}

/** What is in a package. */
export function packedLines({ lines }: OrderPackage): NoticeLine[] {
  return lines.filter(({ qty }) => qty > 0).map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
}

export function linesOfOrder({ lines }: Pick<OrderState, 'lines'>, units: readonly Units[]): NoticeLine[] {
  return units.map(({ lineId, qty }) => ({ lineId, sku: lines.get(lineId)?.sku ?? '', qty }));
}

/** Nothing was given up, and nothing is paid back: there is nothing to tell yet. */
const GIVEN_UP: ReadonlySet<string> = new Set(['cancel', 'refund']);

/** What is told of a decision, once all that it does is drafted. Undefined: nothing. */
export function noticeOfDecision(
  state: OrderState,
  draft: Draft,
  { exceptionId, packageId, kind, units }: OrderException,
  notify: string,
): NewTask | undefined {
  const about = state.packages.get(packageId ?? '');
  const cancelled = draft.events.filter((event) => event.type === 'linesCancelled');
  const amountMinor = draft.events
    .flatMap(({ opens = [] }) => opens)
    .reduce((total, task) => total + refundOfTask(task), 0);
  if (GIVEN_UP.has(notify) && cancelled.length === 0 && amountMinor === 0) return undefined;
  const isBackorder = kind === 'backorder' && units.length === 0;
  const waiting = [...state.lines.values()].map(({ lineId, backordered: qty }) => ({ lineId, qty }));
  const concerned = isBackorder ? waiting.filter(({ qty }) => qty > 0) : unitsOf(about, units);
  const lines = cancelled.length > 0 ? summed(cancelled, state) : namedBy(about, concerned, state);
  const promised = draft.events.find((event) => event.type === 'repromised');
  const payload = noticeOf(state, {
    // Who is paid nothing back is not told of a refund.
    about: notify === 'refund' && amountMinor === 0 ? 'cancel' : notify,
    exceptionId,
    lines,
    amountMinor,
    promisedAt: promised?.promisedAt,
  });
  return { kind: 'notify', key: packageId ?? '', payload };
}

function unitsOf(about: OrderPackage | undefined, units: readonly Units[]): readonly Units[] {
  return units.length > 0 || about === undefined ? units : unitsIn(about);
}

/** As a package has them. */
export function namedBy(about: OrderPackage | undefined, units: readonly Units[], state: OrderState): NoticeLine[] {
  const skus = new Map(about?.lines.map(({ lineId, sku }) => [lineId, sku]));
  return linesOfOrder(state, units).map((line) => ({ ...line, sku: skus.get(line.lineId) ?? line.sku }));
}

/** By line and what was to be sent for it. */
function summed(events: readonly OrderEvent[], state: OrderState): NoticeLine[] {
  const sums = new Map<string, NoticeLine>();
  for (const { lines, packageId, exceptionId } of events as readonly EventOf<'linesCancelled'>[]) {
    const from = packageId ?? state.exceptions.get(exceptionId ?? '')?.packageId ?? '';
    for (const line of namedBy(state.packages.get(from), lines, state)) {
      const key = `${line.lineId} ${line.sku}`;
      sums.set(key, { ...line, qty: line.qty + (sums.get(key)?.qty ?? 0) });
    }
  }
  return [...sums.values()];
}
