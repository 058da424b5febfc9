// The journey of an order as people read it: a row for each event, with what it is about and when it happened by business time. Pure: asks
// nobody.
import { type Decision, explainBriefly } from '../../../orders/exceptions/decision.ts';
import type { OrderEvent as Event, EventOf, EventType, Units } from '../../../orders/order/types.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import { counted, table } from '../output.ts';
import { money, percent } from '../shadow-text.ts';

export interface JourneyView {
  readonly events: readonly Event[];
  readonly detail: OrderDetail;
  /** SKUs that no ship node ever had, as the grid says. */
  readonly unknown: ReadonlySet<string>;
  /** Where `unknown` was asked. */
  readonly regions: readonly string[];
  /** Also what the grid and processes did to get there. */
  readonly all: boolean;
}

/** What happened is told by another row. */
const PLUMBING: ReadonlySet<EventType> = new Set(['taskDone', 'taskDeferred']);
/** Lines, packages or terms that a row names; the rest is counted. */
const NAMED_MAX = 4;
/** Business time that is off by less is not told besides the grid's. */
const SAME_MS = 60_000;

/** Of several lines. */
export function journeyText(view: JourneyView): string {
  const waitsOn = waitingOn();
  const shown = view.events.filter((event) => {
    const isNews = !waitsOn(event) && !isPlumbing(event);
    return view.all || isNews;
  });
  const hidden = view.events.length - shown.length;
  const times = shown.map(businessTimeOf);
  const isOff = (at: number, time: number): boolean => Math.abs(time - at) > SAME_MS;
  const own = shown.map(({ at }, n) => (times[n] !== undefined && isOff(at, times[n]) ? timeText(times[n]) : ''));
  const hasOwn = own.some((cell) => cell !== '');
  const about = aboutIn(view);
  const rows = shown.map((event, n) => [
    event.seq,
    timeText(event.at),
    ...(hasOwn ? [own[n] as string] : []),
    event.type,
    event.cause,
    event.policyVersion ?? '',
    about(event),
  ]);
  const header = ['', 'when (UTC)', ...(hasOwn ? ['business time'] : []), 'what', 'cause', 'policy', 'about'];
  // Nothing is heard of before it happens, unless business runs faster than the grid's clock.
  const isFaster = shown.some(({ at }, n) => times[n] !== undefined && times[n] > at + SAME_MS);
  return [
    table(header, rows),
    ...(isFaster
      ? [
          '',
          'Business ran faster than the clock (--speed): promises and what is under "business time" compare with each',
          'other; "when" and "due" are the clock of the grid.',
        ]
      : []),
    ...(hidden === 0
      ? []
      : ['', `${counted(hidden, 'event')} left out (reservations, tasks, decisions to wait on); --all shows them`]),
  ].join('\n');
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** Whether a decision is to go on waiting about what was waited for already. Asked of each event, in their order. */
function waitingOn(): (event: Event) => boolean {
  const waiting = new Set<string>();
  return (event) => {
    if (event.type !== 'exceptionDecided') return false;
    const { exceptionId, action, outcome } = event;
    const isWaiting = action === 'wait' && outcome === 'OPEN';
    const goesOn = isWaiting && waiting.has(exceptionId);
    if (isWaiting) waiting.add(exceptionId);
    else waiting.delete(exceptionId);
    return goesOn;
  };
}

function isPlumbing({ type }: Event): boolean {
  return PLUMBING.has(type) || type.startsWith('reservations');
}

/** When it happened, as whoever saw it said. */
function businessTimeOf(event: Event): number | undefined {
  switch (event.type) {
    case 'shipped':
      return event.shippedAt;
    case 'scanned':
      return event.scannedAt;
    case 'delivered':
      return event.deliveredAt;
    case 'exceptionDecided':
      return decisionOf(event)?.decidedAt;
    default:
      return undefined;
  }
}

/** Undefined: no policy decided it. */
function decisionOf({ detail }: EventOf<'exceptionDecided'>): Decision | undefined {
  return (detail as { readonly decision?: Decision } | undefined)?.decision;
}

function aboutIn({ detail, unknown, regions }: JourneyView): (event: Event) => string {
  const skus = new Map(detail.lines.map(({ lineId, sku }) => [lineId, sku]));
  const nodes = new Map(detail.packages.map(({ packageId, node }) => [packageId, node]));
  const units: UnitsText = (lines) =>
    listed(lines.map(({ lineId, qty, sku = skus.get(lineId) ?? `line ${lineId}` }) => `${qty} × ${sku}`));
  const from = (packageId: string): string => `${packageId} at ${nodes.get(packageId) ?? 'no node'}`;
  const lacking = ({ lineId, qty }: Units): string => {
    const sku = skus.get(lineId) ?? `line ${lineId}`;
    const never = unknown.has(sku) ? ` (no node of ${regions.join(' or ')} has ever had it)` : '';
    return `${qty} × ${sku} at no node${never}`;
  };
  return (event) => {
    switch (event.type) {
      case 'captured':
        return joined(
          units(event.order.lines),
          event.order.promisedAt !== undefined && `promised for ${timeText(event.order.promisedAt)}`,
        );
      case 'expanded':
        return `${units(event.lines)} by ${event.bundles}`;
      case 'sourced':
        return sourcedText(event, units);
      case 'allocated':
        return listed(event.packages.map(({ packageId, node, lines }) => `${packageId}: ${units(lines)} from ${node}`));
      case 'backordered':
        return listed(event.lines.map(lacking));
      case 'packagesWithdrawn':
        return withdrawnText(event);
      case 'shortPicked':
        return `${units(event.missing)} missing in ${from(event.packageId)}, ${event.reasonCode}`;
      case 'rejected':
        return `${from(event.packageId)}, ${event.reasonCode}`;
      case 'booked':
        return joined(
          `${event.packageId} with ${event.carrier} ${event.service}`,
          event.costMinor !== undefined && money(event.costMinor),
          event.expectedAt !== undefined && `expected ${timeText(event.expectedAt)}`,
        );
      case 'rerouted':
        return `${event.packageId} with ${event.carrier} ${event.service}`;
      case 'scanned':
        return joined(
          `${event.packageId} ${event.code}`,
          event.claimedAt !== undefined &&
            `at ${timeText(event.claimedAt)} by its carrier, which had not come: taken as heard`,
          event.expectedAt !== undefined && `expected ${timeText(event.expectedAt)}`,
          event.shippedAt !== undefined && 'told late: it had left by then',
        );
      case 'delivered':
        return joined(
          event.packageId,
          event.lines !== undefined && 'which was lost',
          event.sentAgain !== undefined && `${event.sentAgain.join(', ')} had been sent instead, and comes besides`,
        );
      case 'unbooked':
      case 'packageCancelled':
        return `${event.packageId}, ${event.reason}`;
      case 'exceptionOpened':
        return openedText(event, units);
      case 'exceptionDecided':
        return decidedText(event);
      case 'repromised':
        return event.promisedAt === undefined ? 'nobody knows when' : `now for ${timeText(event.promisedAt)}`;
      case 'resourced': {
        const of = event.packageId === undefined ? (event.exceptionId ?? '') : from(event.packageId);
        return `${units(event.lines)} ${of === '' ? '' : `of ${of}, `}${event.to === 'open' ? 'to be sourced again' : 'to wait for stock'}`;
      }
      case 'substituted':
        return `${event.qty === undefined ? '' : `${event.qty} of `}line ${event.lineId} as ${event.sku}`;
      case 'linesCancelled':
        return joined(units(event.lines), event.packageId, event.reason);
      case 'refunded':
        return money(event.amountMinor);
      case 'destinationChanged':
        return event.destination.postalCode;
      case 'held':
        return `${event.holdType}, ${event.reason}`;
      case 'unheld':
        return event.holdType;
      case 'requested':
        return event.what;
      case 'taskDone':
        return event.note ?? '';
      case 'taskDeferred':
        return `${event.taskId} until ${timeText(event.dueAt)}, ${event.reason}`;
      case 'taskFailed':
        return `${event.taskId} after ${counted(event.attempts, 'attempt')}: ${event.error}`;
      case 'taskRevived':
        return event.taskId;
      default:
        return 'packageId' in event ? event.packageId : '';
    }
  };
}

/** What is in a package. Of what a short pick left fewer, how many; one that ended without them has what it was to have. */
export function contentsText(lines: OrderDetail['packages'][number]['lines']): string {
  return lines
    .map(({ sku, qty, allocated }) => `${qty === 0 || qty === allocated ? '' : `${qty} of `}${allocated} × ${sku}`)
    .join(', ');
}

type UnitsText = (lines: readonly (Units & { readonly sku?: string })[]) => string;

/** As orders/fulfilment/processors/source.ts has it. */
interface Explanation {
  readonly total?: number;
  readonly others?: readonly { readonly total: number; readonly packages: readonly string[] }[];
  readonly substituted?: readonly { readonly sku: string; readonly instead: string }[];
  readonly heldBack?: readonly { readonly sku: string; readonly qty: number }[];
  readonly leftOut?: readonly string[];
  readonly full?: readonly string[];
  readonly notBy?: string;
}

function sourcedText({ attempt, packages, unfilled, explanation }: EventOf<'sourced'>, units: UnitsText): string {
  const {
    total,
    others = [],
    substituted = [],
    heldBack = [],
    leftOut = [],
    full = [],
    notBy,
  } = (explanation ?? {}) as Explanation;
  const [next] = others;
  const cost = total === undefined ? undefined : money(total);
  const instead = next === undefined ? '' : ` instead of ${money(next.total)} with ${listed(next.packages)}`;
  return joined(
    `attempt ${attempt}`,
    listed(packages.map(({ node, service }) => `${node} by ${service}`)),
    cost !== undefined && packages.length > 0 && `${cost}${instead}`,
    ...substituted.map((one) => `${one.instead} instead of ${one.sku}`),
    unfilled.length > 0 && `${units(unfilled)} at no node`,
    heldBack.length > 0 && `held back for their bundle: ${listed(heldBack.map(({ qty, sku }) => `${qty} × ${sku}`))}`,
    ...leftOut.slice(0, NAMED_MAX),
    ...full.slice(0, NAMED_MAX),
    notBy !== undefined && `nothing of it goes by ${notBy}`,
  );
}

/** As orders/live/reoptimise.ts has it. */
interface Together {
  readonly orders?: number;
  readonly savesTogether?: number;
  readonly proved?: boolean;
  readonly gap?: number;
}

function withdrawnText({ packageIds, packages, reason, savesMinor, detail }: EventOf<'packagesWithdrawn'>): string {
  const { orders, savesTogether, proved, gap } = (detail ?? {}) as Together;
  return joined(
    `${listed(packageIds)}, ${reason}`,
    `now ${listed(packages.map(({ node, service }) => `${node} by ${service}`))}`,
    savesMinor < 0 ? `costs ${money(-savesMinor)} more` : `saves ${money(savesMinor)}`,
    orders !== undefined &&
      savesTogether !== undefined &&
      `${counted(orders, 'order')} changed together save ${money(savesTogether)}`,
    proved === false && gap !== undefined && `within ${percent(gap)} of the best`,
  );
}

function openedText(
  { exceptionId, kind, packageId, units: parked = [], evidence }: EventOf<'exceptionOpened'>,
  units: UnitsText,
): string {
  const { missProbability, leftOut = [], full = [], notBy } = evidence;
  const busy = kind === 'backorder' ? [leftOut, full].flat().filter((one) => typeof one === 'string') : [];
  return joined(
    `${exceptionId} ${kind}${packageId === undefined ? '' : ` of ${packageId}`}`,
    parked.length > 0 && units(parked),
    typeof missProbability === 'number' && `late with ${percent(missProbability)}`,
    ...busy.slice(0, NAMED_MAX),
    typeof notBy === 'string' && `nothing of it goes by ${notBy}`,
  );
}

function decidedText(event: EventOf<'exceptionDecided'>): string {
  const { exceptionId, action, rule } = event;
  const decision = decisionOf(event);
  return joined(
    `${exceptionId} ${action}${rule === undefined ? '' : ` by ${rule}`}`,
    decision !== undefined && explainBriefly(decision),
  );
}

function listed(parts: readonly string[]): string {
  const more = parts.length - NAMED_MAX;
  return more > 0 ? `${parts.slice(0, NAMED_MAX).join(', ')} and ${more} more` : parts.join(', ');
}

function joined(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== '').join('; ');
}
