// Interchanges: ISA … IEA around groups, GS … GE around transaction sets, ST … SE. What breaks an interchange refuses the file, since
// the rest of it may be missing; what breaks one set refuses that set, and its sender is told by a 997.

import { FileRefused } from '../errors.ts';
import { SEGMENTS_PER_SET_MAX } from '../limits.ts';
import { elementName, isWritable, readSegments, SEPARATORS, type Segment, writeSegment } from './segments.ts';

/** Who sends or receives: the kind of the id (ZZ: agreed between the two) and the id. */
export interface Party {
  readonly qualifier: string;
  readonly id: string;
}

export interface Interchange {
  readonly sender: Party;
  readonly receiver: Party;
  /** ISA13, nine digits. */
  readonly control: string;
  /** ISA15 is T: sent to try things out. */
  readonly test: boolean;
  readonly groups: readonly Group[];
  /** Of ISA, in the file. */
  readonly row: number;
}

export interface Group {
  /** PO, SH, IB, FA … */
  readonly functionalId: string;
  readonly sender: string;
  readonly receiver: string;
  readonly control: string;
  readonly version: string;
  /** As GS04 and GS05 have it: CCYYMMDD, HHMM. */
  readonly writtenAt: { readonly date: string; readonly time: string };
  /** How many sets GE says there are. */
  readonly included: number;
  readonly sets: readonly TransactionSet[];
  /** AK905: 4 the control numbers differ, 5 the number of sets is another. */
  readonly problems: readonly string[];
}

export interface TransactionSet {
  /** 850 … */
  readonly id: string;
  readonly control: string;
  /** Of ST, in the file. */
  readonly row: number;
  /** Without ST and SE. */
  readonly segments: readonly Segment[];
  /** AK502: 2 no trailer, 3 the control numbers differ, 4 the number of segments is another. */
  readonly problems: readonly string[];
}

/** @throws FileRefused where an envelope is broken, or the text is no X12 */
export function readInterchanges(text: string): Interchange[] {
  const segments = new Cursor(readSegments(text));
  const interchanges: Interchange[] = [];
  while (segments.peek() !== undefined) interchanges.push(readInterchange(segments));
  return interchanges;
}

function readInterchange(segments: Cursor): Interchange {
  const { elements, row } = segments.take('ISA');
  const groups: Group[] = [];
  while (segments.peek()?.tag === 'GS') groups.push(readGroup(segments));
  const trailer = segments.take('IEA');
  const control = elements[12] ?? '';
  if (trailer.elements[1] !== control) {
    refuse(trailer.row, 'IEA02', `ends interchange ${trailer.elements[1] ?? ''}, and ${control} began`);
  }
  if (Number(trailer.elements[0]) !== groups.length) {
    refuse(
      trailer.row,
      'IEA01',
      `says that there are ${trailer.elements[0] ?? ''} groups, and there are ${groups.length}`,
    );
  }
  for (const position of [5, 6, 7, 8]) {
    // They stand in the answer, which has separators of its own.
    if (isWritable(elements[position - 1] ?? '')) continue;
    refuse(
      row,
      elementName('ISA', position),
      'has characters that an answer cannot hold: printable ASCII without * > ^ ~',
    );
  }
  const usage = elements[14] ?? '';
  if (usage !== 'P' && usage !== 'T') {
    refuse(row, 'ISA15', `cannot be ${JSON.stringify(usage)}: P is for production, T for tests`);
  }
  return {
    sender: { qualifier: elements[4] ?? '', id: (elements[5] ?? '').trimEnd() },
    receiver: { qualifier: elements[6] ?? '', id: (elements[7] ?? '').trimEnd() },
    control,
    test: usage === 'T',
    groups,
    row,
  };
}

function readGroup(segments: Cursor): Group {
  const { elements, row } = segments.take('GS');
  const [functionalId = '', sender = '', receiver = '', date = '', time = '', control = '', , version = ''] = elements;
  if (!/^[1-9]\d{0,8}$/.test(control)) refuse(row, 'GS06', 'a group has a control number of one to nine digits');
  const sets: TransactionSet[] = [];
  while (segments.peek()?.tag === 'ST') sets.push(readSet(segments));
  const trailer = segments.take('GE');
  const problems = [
    ...(trailer.elements[1] === control ? [] : ['4']),
    ...(Number(trailer.elements[0]) === sets.length ? [] : ['5']),
  ];
  const [count = ''] = trailer.elements;
  return {
    functionalId,
    sender,
    receiver,
    control,
    version,
    writtenAt: { date, time },
    included: /^\d{1,6}$/.test(count) ? Number(count) : sets.length,
    sets,
    problems,
  };
}

const ENVELOPE = new Set(['ISA', 'GS', 'ST', 'SE', 'GE', 'IEA']);

function readSet(segments: Cursor): TransactionSet {
  const { elements, row } = segments.take('ST');
  const [id = '', control = ''] = elements;
  if (!/^\d{3}$/.test(id)) refuse(row, 'ST01', 'a transaction set has a number of three digits');
  if (!/^[A-Za-z0-9]{4,9}$/.test(control))
    refuse(row, 'ST02', 'a transaction set has a control number of four to nine characters');
  const inside: Segment[] = [];
  for (let next = segments.peek(); next !== undefined && !ENVELOPE.has(next.tag); next = segments.peek()) {
    if (inside.length >= SEGMENTS_PER_SET_MAX)
      refuse(next.row, '', `a set of more than ${SEGMENTS_PER_SET_MAX} segments`);
    inside.push(segments.take(next.tag));
  }
  if (segments.peek()?.tag !== 'SE') return { id, control, row, segments: inside, problems: ['2'] };
  const trailer = segments.take('SE');
  const problems = [
    ...(trailer.elements[1] === control ? [] : ['3']),
    ...(Number(trailer.elements[0]) === inside.length + 2 ? [] : ['4']),
  ];
  return { id, control, row, segments: inside, problems };
}

class Cursor {
  readonly #segments: readonly Segment[];
  #at = 0;

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
  }

  peek(): Segment | undefined {
    return this.#segments[this.#at];
  }

  /** @throws FileRefused unless the next segment is one of these */
  take(tag: string): Segment {
    const next = this.#segments[this.#at];
    if (next?.tag !== tag) {
      refuse(
        next?.row ?? this.#segments.length,
        '',
        `${tag} is missing${next === undefined ? ' at the end of the file' : `, ${next.tag} stands there`}`,
      );
    }
    this.#at += 1;
    return next;
  }
}

function refuse(row: number, field: string, reason: string): never {
  throw new FileRefused({ row, field, reason, next: 'Have the sender write it again: nothing of the file was taken.' });
}

// ---- writing ----

export interface SetToWrite {
  readonly id: string;
  readonly segments: readonly (readonly [tag: string, ...elements: string[]])[];
}

export interface InterchangeToWrite {
  readonly sender: Party;
  readonly receiver: Party;
  /** 1 to 999,999,999: of the interchange and of its one group. */
  readonly control: number;
  /** ms since the epoch; written in UTC. */
  readonly at: number;
  readonly test: boolean;
  readonly functionalId: string;
  readonly sets: readonly SetToWrite[];
}

const VERSION = '004010';

/** One group. Each segment is on a line of its own. @throws Unwritable naming the element */
export function writeInterchange({
  sender,
  receiver,
  control,
  at,
  test,
  functionalId,
  sets,
}: InterchangeToWrite): string {
  const { date, time } = dateOf(at);
  const nine = String(control).padStart(9, '0');
  const lines = [
    writeSegment('ISA', [
      '00',
      ' '.repeat(10),
      '00',
      ' '.repeat(10),
      sender.qualifier.padEnd(2),
      sender.id.padEnd(15),
      receiver.qualifier.padEnd(2),
      receiver.id.padEnd(15),
      date.slice(2),
      time,
      'U',
      VERSION.slice(1),
      nine,
      '0',
      test ? 'T' : 'P',
      SEPARATORS.component,
    ]),
    writeSegment('GS', [functionalId, sender.id, receiver.id, date, time, String(control), 'X', VERSION]),
  ];
  for (const [n, { id, segments }] of sets.entries()) {
    const number = String(n + 1).padStart(4, '0');
    lines.push(writeSegment('ST', [id, number]));
    for (const [tag, ...elements] of segments) lines.push(writeSegment(tag, elements));
    lines.push(writeSegment('SE', [String(segments.length + 2), number]));
  }
  lines.push(writeSegment('GE', [String(sets.length), String(control)]), writeSegment('IEA', ['1', nine]));
  return `${lines.join('\n')}\n`;
}

/** In UTC. */
export function dateOf(at: number): { readonly date: string; readonly time: string } {
  const iso = new Date(at).toISOString();
  return { date: iso.slice(0, 10).replaceAll('-', ''), time: iso.slice(11, 16).replace(':', '') };
}
