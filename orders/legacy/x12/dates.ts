// When an 850 wants its goods: which of its dates is the promise, which refuse it, and which are only kept, since nothing here waits for a day.
import type { RowError } from '../errors.ts';
import { Fields } from '../orders.ts';
import type { Segment } from './segments.ts';

const DELIVERY_REQUESTED = '002';
const DELIVER_NOT_AFTER = '063';

/** After these an order is not to be sent any more. */
const LAST: Readonly<Record<string, string>> = {
  '001': 'cancelled after',
  '061': 'cancelled if not delivered by',
  '063': 'not delivered after',
};

/** What is kept of a date that is not kept to, and how it is called. */
const KEPT: Readonly<Record<string, { readonly attribute: string; readonly what: string; readonly end: End }>> = {
  '001': { attribute: 'cancelAfter', what: 'to be cancelled after', end: 'last' },
  '010': { attribute: 'shipRequested', what: 'asked to be shipped on', end: 'first' },
  '037': { attribute: 'shipNotBefore', what: 'not to be shipped before', end: 'first' },
  '038': { attribute: 'shipNotAfter', what: 'not to be shipped after', end: 'last' },
  '061': { attribute: 'cancelUnlessDeliveredBy', what: 'to be cancelled if not delivered by', end: 'last' },
  '064': { attribute: 'deliverNotBefore', what: 'not to be delivered before', end: 'first' },
};
/** Whether the day named is the first on which something may happen, or the last. */
type End = 'first' | 'last';

/** Dates of what was, which say nothing of what is to be: of the purchase order, of the contract, of its writing. */
const OF_RECORD: ReadonlySet<string> = new Set(['003', '004', '008', '009', '092', '097', '102']);

export interface DatesRead {
  readonly promisedAt?: number;
  /** For the order to keep. */
  readonly attributes: Readonly<Record<string, string>>;
  /** What is not kept to. */
  readonly remarks: readonly RowError[];
}

/** A segment in which something is wrong; `position` of the element. */
type Refuse = (segment: Segment, position: number, reason: string, next: string) => void;

interface Dated {
  readonly segment: Segment;
  readonly qualifier: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly isOfLine: boolean;
}

/** @param now ms since the epoch: what is past then is past */
export function readDates(segments: readonly Segment[], now: number, refuse: Refuse): DatesRead {
  const dates = datesOf(segments, refuse);
  const remarks: RowError[] = [];
  const remark = ({ segment }: Dated, reason: string): void => {
    remarks.push({ row: segment.row, field: 'DTM02', reason, next: 'Have a person see to it.' });
  };
  const attributes: Record<string, string> = {};
  for (const dated of dates) {
    const { segment, qualifier, at, isOfLine } = dated;
    const last = LAST[qualifier];
    if (last !== undefined && at < now) {
      refuse(segment, 2, `is over, and the order is to be ${last} it`, 'Have the buyer order anew.');
    }
    const kept = KEPT[qualifier];
    if (kept !== undefined) {
      const day = new Date(at).toISOString();
      if (!isOfLine) attributes[kept.attribute] ??= day;
      // What may happen from a past day on may happen now.
      if (kept.end === 'last' || at > now) {
        remark(dated, `${kept.what} ${day}: that is noted with the order, and not kept to`);
      }
    } else if (![DELIVERY_REQUESTED, DELIVER_NOT_AFTER].includes(qualifier) && !OF_RECORD.has(qualifier)) {
      remark(dated, `a date of kind ${qualifier}, which is not looked at`);
    }
  }
  const promised = promiseOf(dates);
  for (const dated of dates) {
    const { qualifier, at, isOfLine } = dated;
    if (qualifier === DELIVERY_REQUESTED && isOfLine && at !== promised?.at) {
      remark(dated, 'a date of one line, and an order has one: that of the order, or the earliest of its lines');
    }
    if (qualifier === DELIVERY_REQUESTED && !isOfLine && at !== promised?.at) {
      remark(dated, 'later than another of its dates, which is taken for the promise');
    }
  }
  return { ...(promised === undefined ? {} : { promisedAt: promised.at }), attributes, remarks };
}

function datesOf(segments: readonly Segment[], refuse: Refuse): Dated[] {
  const firstLine = segments.findIndex(({ tag }) => tag === 'PO1');
  return segments.flatMap((segment, n) => {
    if (segment.tag !== 'DTM') return [];
    const [qualifier = ''] = segment.elements;
    // A period, or nothing: what has to be a date is refused below.
    const isNeeded = qualifier in KEPT || [DELIVERY_REQUESTED, DELIVER_NOT_AFTER].includes(qualifier);
    const end = KEPT[qualifier]?.end ?? 'last';
    const read = timeOf(segment, 2, end);
    if (read === undefined) {
      const next = 'Give a day as CCYYMMDD, and HHMM after it where it matters.';
      if (isNeeded) refuse(segment, 2, `cannot be ${JSON.stringify(segment.elements[1] ?? '')}`, next);
      return [];
    }
    return [{ segment, qualifier, at: read, isOfLine: firstLine >= 0 && n > firstLine }];
  });
}

/** Of the order before those of lines; the day asked for, or the last one where that is earlier or alone. */
function promiseOf(dates: readonly Dated[]): Dated | undefined {
  const wanted = dates.filter(({ qualifier }) => [DELIVERY_REQUESTED, DELIVER_NOT_AFTER].includes(qualifier));
  const ofOrder = wanted.filter(({ isOfLine }) => !isOfLine);
  return [...(ofOrder.length > 0 ? ofOrder : wanted)].sort((a, b) => a.at - b.at)[0];
}

/**
 * CCYYMMDD at `position`, and after it HHMM in UTC where that is there; else the beginning or the end of the day in UTC.
 * @returns ms since the epoch; undefined: there is none
 */
export function timeOf({ elements }: Segment, position: number, end: End): number | undefined {
  const date = elements[position - 1] ?? '';
  const time = elements[position] ?? '';
  const match = /^(\d{4})(\d\d)(\d\d)$/.exec(date);
  if (match === null) return undefined;
  const day = match.slice(1).join('-');
  const hours = /^(\d\d)(\d\d)(\d\d)?/.exec(time);
  if (time !== '' && hours === null) return undefined;
  const fields = new Fields();
  const [, hour, minute, second = '00'] = hours ?? [];
  const clock = hours === null ? (end === 'first' ? '00:00:00' : '23:59:59') : `${hour}:${minute}:${second}`;
  const at = fields.time(0, '', `${day}T${clock}Z`);
  return fields.errors.length === 0 ? at : undefined;
}
