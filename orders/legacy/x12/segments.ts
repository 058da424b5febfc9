// X12 as segments and elements: the separators from the ISA, every segment ended, nothing between them but what fills lines. What segments
// mean stands elsewhere. Strict: of what a sender cannot have meant nothing is guessed.
import { FileRefused } from '../errors.ts';
import { ELEMENT_LENGTH_MAX, ELEMENTS_MAX } from '../limits.ts';

export interface Segment {
  /** Such as PO1. */
  readonly tag: string;
  /** Elements 01, 02 …; those left out at the end are not there. */
  readonly elements: readonly string[];
  /** In the file, from 1. */
  readonly row: number;
}

export interface Separators {
  readonly element: string;
  readonly component: string;
  readonly repetition: string;
  readonly terminator: string;
}

export const SEPARATORS: Separators = { element: '*', component: '>', repetition: '^', terminator: '~' };

/** The ISA is the one segment of fixed length, so that the separators can be read from it. */
const ISA_LENGTH = 106;
const ISA_WIDTHS = [2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1];

/** @throws FileRefused naming the segment */
export function readSegments(text: string): Segment[] {
  const segments: Segment[] = [];
  let separators = SEPARATORS;
  let at = skipFilling(text, text.startsWith('\uFEFF') ? 1 : 0);
  while (at < text.length) {
    const row = segments.length + 1;
    // Each interchange has separators of its own.
    const isHeader =
      text.startsWith('ISA', at) && (row === 1 || text[at + 3] !== separators.element || isAfterTrailer(segments));
    if (row === 1 && !isHeader) refuse(1, 'ISA', 'the file does not begin with an ISA segment');
    if (isHeader) separators = readSeparators(text.slice(at, at + ISA_LENGTH), row);
    const end = text.indexOf(separators.terminator, isHeader ? at + ISA_LENGTH - 1 : at);
    if (end < 0) refuse(row, '', `the file ends within a segment: ${JSON.stringify(text.slice(at, at + 20))}`);
    segments.push(segmentOf(text.slice(at, end), separators, row));
    at = skipFilling(text, end + 1);
  }
  if (segments.length === 0) refuse(0, '', 'the file is empty');
  return segments;
}

function isAfterTrailer(segments: readonly Segment[]): boolean {
  return segments.at(-1)?.tag === 'IEA';
}

function segmentOf(text: string, { element }: Separators, row: number): Segment {
  const [tag = '', ...elements] = text.split(element);
  if (!/^[A-Z][A-Z0-9]{1,2}$/.test(tag)) refuse(row, '', `no segment begins with ${JSON.stringify(tag.slice(0, 20))}`);
  if (elements.length > ELEMENTS_MAX) refuse(row, tag, `${elements.length} elements, at most ${ELEMENTS_MAX} can be`);
  const long = elements.findIndex((one) => one.length > ELEMENT_LENGTH_MAX);
  if (long >= 0) refuse(row, elementName(tag, long + 1), `longer than ${ELEMENT_LENGTH_MAX} characters`);
  // The last of the ISA is a separator itself, and those of older systems are control characters.
  const texts = tag === 'ISA' ? elements.slice(0, -1) : elements;
  const control = texts.findIndex((one) => /\p{Cc}/u.test(one));
  if (control >= 0) refuse(row, elementName(tag, control + 1), 'has a control character in it');
  let last = elements.length;
  // The ISA's are of fixed width, and the others' last ones may be left out or be empty.
  while (tag !== 'ISA' && last > 0 && elements[last - 1] === '') last -= 1;
  return { tag, elements: elements.slice(0, last), row };
}

function readSeparators(header: string, row: number): Separators {
  if (header.length < ISA_LENGTH)
    refuse(row, 'ISA', `the ISA segment has ${header.length} of its ${ISA_LENGTH} characters`);
  const separators = {
    element: header.charAt(3),
    repetition: header.charAt(82),
    component: header.charAt(104),
    terminator: header.charAt(105),
  };
  const widths = header
    .slice(4, ISA_LENGTH - 1)
    .split(separators.element)
    .map((one) => one.length);
  if (widths.join() !== ISA_WIDTHS.join()) {
    refuse(
      row,
      'ISA',
      `the elements of the ISA segment are ${widths.join(', ')} characters long instead of ${ISA_WIDTHS.join(', ')}`,
    );
  }
  // Of interchanges before 00402 the eleventh element is a standard's letter, and nothing repeats.
  const { repetition, ...others } = separators;
  const distinct = new Set(Object.values(others));
  if (distinct.size < 3 || distinct.has(repetition)) refuse(row, 'ISA', 'two of the separators are the same');
  for (const one of distinct)
    if (/[A-Za-z0-9 ]/.test(one)) refuse(row, 'ISA', `${JSON.stringify(one)} cannot separate anything`);
  return separators;
}

/** PO1 and 2: PO102. */
export function elementName(tag: string, position: number): string {
  return `${tag}${String(position).padStart(2, '0')}`;
}

/** Line ends, blanks, and what older systems end a file or fill a record with. No segment begins so. */
function skipFilling(text: string, from: number): number {
  let at = from;
  while (at < text.length && '\r\n\t \0\x1a'.includes(text.charAt(at))) at += 1;
  return at;
}

function refuse(row: number, field: string, reason: string): never {
  throw new FileRefused({ row, field, reason, next: 'Have the sender write it again: nothing of the file was taken.' });
}

/** What cannot be said in X12, since it has no escapes. */
export class Unwritable extends Error {
  override readonly name = 'Unwritable';
}

/** @throws Unwritable naming the element */
export function writeSegment(tag: string, elements: readonly string[]): string {
  for (const [n, value] of elements.entries()) {
    const fixed = tag === 'ISA' && (n === 10 || n === 15);
    if (!fixed && !isWritable(value)) {
      throw new Unwritable(
        `${elementName(tag, n + 1)} cannot hold ${JSON.stringify(value.slice(0, 40))}: X12 as written here has printable ASCII without * > ^ ~`,
      );
    }
    if (value.length > ELEMENT_LENGTH_MAX)
      throw new Unwritable(`${elementName(tag, n + 1)} is longer than ${ELEMENT_LENGTH_MAX}`);
  }
  let last = elements.length;
  while (last > 0 && elements[last - 1] === '') last -= 1;
  return [tag, ...elements.slice(0, last)].join(SEPARATORS.element) + SEPARATORS.terminator;
}

export function isWritable(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value) && !/[*>^~]/.test(value);
}

/** For people to read: letters lose their marks, and what X12 cannot say is a question mark or a space. */
export function freeText(text: string, lengthMax: number): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[*>^~\p{Cc}]/gu, ' ')
    .replace(/[^\x20-\x7e]/g, '?');
  return plain.slice(0, lengthMax).trim();
}
