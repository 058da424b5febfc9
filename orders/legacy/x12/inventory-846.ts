// Inventory advice (846), both ways: what a ship node has of a SKU. In, it is a count of onHand; out, what can be sold.
import { NODE_LENGTH_MAX, SKU_LENGTH_MAX } from '../../../protocol/limits.ts';
import type { RowError } from '../errors.ts';
import { Fields, shown } from '../orders.ts';
import { timeOf } from './dates.ts';
import { dateOf, type Group, type TransactionSet, writeInterchange } from './envelope.ts';
import { productNumberOf, SKU_QUALIFIERS, unitsOf } from './numbers.ts';
import type { SegmentNote } from './order-850.ts';
import { elementName, type Segment } from './segments.ts';
import type { Sending } from './ship-notice-856.ts';

export interface PositionAdvice {
  readonly node: string;
  readonly sku: string;
  readonly onHand: number;
  readonly availableToSell: number;
}

/** One position of an advice that came, or what is wrong with it. */
export type AdviceEntry = { readonly row: number } & (
  | {
      readonly node: string;
      readonly sku: string;
      readonly onHand: number;
      /** ms since the epoch. */
      readonly countedAt: number;
    }
  | { readonly errors: readonly RowError[] }
);

/** May stand in an 846 and changes no count. */
const IGNORED = new Set(['REF', 'PER', 'PID', 'DTM', 'CUR', 'MSG', 'CTP', 'N2', 'N3', 'N4']);
/** BIA01: an original, a change or a replacement, or how things stand. Each says what there is, and none what there is more. */
const PURPOSES = new Set(['00', '04', '05', '08']);
/** Clocks of senders stand in all time zones. */
const AHEAD_MAX_MS = 24 * 3_600_000;

/** One set for each node. @throws Unwritable where a name has characters that X12 cannot hold */
export function write846(positions: readonly PositionAdvice[], sending: Sending): string {
  const nodes = [...new Set(positions.map(({ node }) => node))];
  const { date, time } = dateOf(sending.at);
  return writeInterchange({
    ...sending,
    functionalId: 'IB',
    sets: nodes.map((node) => {
      const own = positions.filter((one) => one.node === node);
      return {
        id: '846',
        segments: [
          ['BIA', '00', 'DD', `${sending.control}-${node}`, date, time],
          ['N1', 'WH', '', '92', node],
          ...own.flatMap(({ sku, onHand, availableToSell }, n): [string, ...string[]][] => [
            ['LIN', String(n + 1), 'SK', sku],
            ['QTY', '17', String(onHand), 'EA'],
            ['QTY', '33', String(availableToSell), 'EA'],
          ]),
          ['CTT', String(own.length)],
        ],
      };
    }),
  });
}

export interface Terms846 {
  /** Of the group, for counts that say only their day. */
  readonly writtenAt: Group['writtenAt'];
  /** When the file was taken, ms since the epoch. */
  readonly now: number;
}

export interface Read846 {
  readonly entries: readonly AdviceEntry[];
  readonly notes: readonly SegmentNote[];
}

/** Reads onHand (QTY 17) of each line. Never throws: what is wrong stands in the entries. */
export function read846(set: TransactionSet, terms: Terms846): Read846 {
  const entries = entriesOf(set, terms);
  const errors = entries.flatMap((entry) => ('errors' in entry ? entry.errors : []));
  // What is wrong with the envelope is told without them.
  const inside = errors.filter(({ field }) => field !== 'ST');
  return { entries, notes: inside.map((error) => noteOf(set, error)) };
}

function entriesOf(set: TransactionSet, terms: Terms846): AdviceEntry[] {
  const { segments, row } = set;
  const lines = segments.flatMap(({ tag }, n) => (tag === 'LIN' ? [n] : []));
  const whole = new Fields();
  const countedAt = checkWhole(set, lines.length, terms, whole);
  const header = segments.slice(0, lines[0] ?? segments.length);
  const node = nodeOf(header, segments.slice(header.length), whole);
  if (whole.errors.length > 0) return [{ row, errors: whole.errors }];
  const entries = lines.flatMap((from, n) =>
    placesOf(segments.slice(from, lines[n + 1] ?? segments.length), node).map((place) => lineOf(place, countedAt)),
  );
  return withoutRepeated(entries);
}

/** What concerns all of its lines. @returns when it was counted */
function checkWhole(
  { segments, problems, row }: TransactionSet,
  lines: number,
  terms: Terms846,
  whole: Fields,
): number {
  for (const problem of problems)
    whole.fail(row, 'ST', `the set is broken (${problem})`, 'Have the sender write it again.');
  for (const segment of segments) {
    if (['BIA', 'N1', 'LIN', 'QTY', 'CTT'].includes(segment.tag) || IGNORED.has(segment.tag)) continue;
    const reason = 'this segment is not understood here, and may change a count';
    whole.fail(segment.row, segment.tag, reason, 'Leave it out.');
  }
  const total = segments.find(({ tag }) => tag === 'CTT');
  if (total !== undefined && Number(total.elements[0]) !== lines) {
    const reason = `says that there are ${shown(total.elements[0] ?? '')} lines, and there are ${lines}`;
    whole.fail(total.row, 'CTT01', reason, 'Have the sender write the set again.');
  }
  const bia = segments.find(({ tag }) => tag === 'BIA');
  if (bia === undefined) {
    whole.fail(row, 'BIA', 'there is no BIA', 'Have the sender write the set again.');
    return 0;
  }
  const [purpose = ''] = bia.elements;
  if (!PURPOSES.has(purpose)) {
    const next = `Send counts as ${[...PURPOSES].join(', ')}: what was counted is replaced by a newer count alone.`;
    whole.fail(bia.row, 'BIA01', `cannot be ${shown(purpose)}`, next);
  }
  return countedAtOf(bia, terms, whole);
}

/**
 * BIA04 and BIA05. A count that says its day alone is of that day's end, or of when its group was written where that is before: so of two of one
 * day the later is told by its envelope.
 */
function countedAtOf(bia: Segment, { writtenAt, now }: Terms846, whole: Fields): number {
  const read = timeOf(bia, 4, 'last');
  if (read === undefined) {
    const next = 'Say when it was counted: CCYYMMDD, and HHMM in BIA05.';
    whole.fail(bia.row, 'BIA04', `cannot be ${shown(bia.elements.slice(3).join(' '))}`, next);
    return 0;
  }
  const written = timeOf({ tag: 'GS', row: bia.row, elements: [writtenAt.date, writtenAt.time] }, 1, 'last');
  const at = (bia.elements[4] ?? '') === '' ? Math.min(read, written ?? read) : read;
  if (at > now + AHEAD_MAX_MS) {
    // It would make every count until then an old one.
    const next = 'Have the clock of the sender set right.';
    whole.fail(bia.row, 'BIA04', `${new Date(at).toISOString()} is still to come`, next);
  }
  return at;
}

const isShipNode = ({ tag, elements }: Segment): boolean => tag === 'N1' && elements[0] === 'WH';

/** The ship node of all lines; undefined where each names its own. */
function nodeOf(header: readonly Segment[], body: readonly Segment[], whole: Fields): Segment | undefined {
  const [first, second] = header.filter(isShipNode);
  const inBody = body.find(isShipNode);
  const another = second ?? (first === undefined ? undefined : inBody);
  if (another !== undefined) {
    const reason = 'a second ship node, and which lines are counted there cannot be told';
    const next = 'Send a set for each ship node, or name it within each line, after LIN, and not before.';
    whole.fail(another.row, 'N1', reason, next);
  }
  if (first === undefined && inBody === undefined) {
    const at = (header[0] ?? body[0])?.row ?? 1;
    whole.fail(at - 1, 'N1', 'there is no N1*WH, the ship node', 'Say which node is counted.');
  }
  return first;
}

/** What one line says of one ship node. */
interface Place {
  readonly lin: Segment;
  readonly node: Segment | undefined;
  readonly counts: readonly Segment[];
}

/** The ship nodes that a line names itself, each with the counts after it; of a single one they may stand before, too. */
function placesOf(line: readonly Segment[], node: Segment | undefined): Place[] {
  const [lin] = line;
  if (lin === undefined) return [];
  const isCount = ({ tag, elements }: Segment): boolean => tag === 'QTY' && elements[0] === '17';
  const starts = line.flatMap((segment, n) => (isShipNode(segment) ? [n] : []));
  if (starts.length < 2) {
    return [{ lin, node: node ?? line[starts[0] ?? -1], counts: line.filter(isCount) }];
  }
  return starts.map((from, n) => ({
    lin,
    node: line[from],
    // Those before the first are of no one of them, and are told as too many.
    counts: line.slice(n === 0 ? 0 : from, starts[n + 1] ?? line.length).filter(isCount),
  }));
}

function lineOf({ lin, node, counts }: Place, countedAt: number): AdviceEntry {
  const fields = new Fields();
  const { row } = lin;
  const number = productNumberOf(lin, 2);
  if (number === undefined) {
    fields.fail(row, 'LIN03', 'there is no number of a product', `Give one as ${SKU_QUALIFIERS.join(', ')}.`);
  } else fields.name(row, elementName('LIN', number.position), number.sku, SKU_LENGTH_MAX);
  if (node === undefined) fields.fail(row, 'N1', 'there is no N1*WH, the ship node', 'Say which node is counted.');
  else fields.name(node.row, 'N104', node.elements[3] ?? '', NODE_LENGTH_MAX);
  const [count] = counts;
  if (count === undefined || counts.length > 1)
    fields.fail(row, 'QTY', `${counts.length} counts of what is on hand (QTY*17)`, 'Give one.');
  const onHand = count === undefined ? 0 : unitsOf(fields, count.row, 'QTY02', count.elements[1] ?? '', 0);
  if (count !== undefined && count.elements[2] !== 'EA')
    fields.fail(count.row, 'QTY03', `cannot be ${shown(count.elements[2] ?? '')}`, 'Count in eaches (EA).');
  if (fields.errors.length > 0) return { row, errors: fields.errors };
  return { row, node: node?.elements[3] ?? '', sku: number?.sku ?? '', onHand, countedAt };
}

/** Two counts of one SKU at one node may be of two lots, to be added, or one of them a mistake: neither is taken. */
function withoutRepeated(entries: readonly AdviceEntry[]): AdviceEntry[] {
  const rows = new Map<string, number[]>();
  const keyOf = (entry: AdviceEntry): string => ('errors' in entry ? '' : `${entry.node} ${entry.sku}`);
  for (const entry of entries) rows.set(keyOf(entry), [...(rows.get(keyOf(entry)) ?? []), entry.row]);
  return entries.map((entry) => {
    if ('errors' in entry) return entry;
    const { row, sku, node } = entry;
    const others = (rows.get(keyOf(entry)) ?? []).filter((one) => one !== row);
    if (others.length === 0) return entry;
    const reason = `${shown(sku)} at ${shown(node)} is counted ${others.length + 1} times (rows ${others.slice(0, 5).join(', ')} too)`;
    return { row, errors: [{ row, field: 'LIN', reason, next: 'Count it once, with all its lots added up.' }] };
  });
}

/** For the 997: the segment that an error is of, and its element where the error names one. */
function noteOf({ segments, row }: TransactionSet, error: RowError): SegmentNote {
  const segment = segments[error.row - row - 1];
  const position = error.row - row + 1;
  if (segment === undefined || !error.field.startsWith(segment.tag)) {
    return {
      tag: error.field.slice(0, 3),
      position: segment === undefined ? segments.length + 2 : position,
      code: '3',
    };
  }
  const element = Number(error.field.slice(segment.tag.length));
  if (element === 0) {
    const isKnown = ['N1', 'LIN'].includes(segment.tag);
    return { tag: segment.tag, position, code: isKnown ? '8' : '1' };
  }
  const value = segment.elements[element - 1] ?? '';
  return {
    tag: segment.tag,
    position,
    code: '8',
    element: { position: element, code: value === '' ? '1' : '7', value },
  };
}
