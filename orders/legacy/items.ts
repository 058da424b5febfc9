// A claimed file as what is to be done with it, one after the other, whatever its format.
import { readFile, stat } from 'node:fs/promises';
import type { OrderDocument } from '../../protocol/orders.ts';
import { readCsvOrders } from './csv.ts';
import { FileRefused, type RowError } from './errors.ts';
import { X12_BYTES_MAX } from './limits.ts';
import type { Locate } from './orders.ts';
import { type Acknowledged, type SetResult, write997 } from './x12/ack-997.ts';
import { type Group, type Interchange, readInterchanges, type TransactionSet } from './x12/envelope.ts';
import { read846 } from './x12/inventory-846.ts';
import { read850 } from './x12/order-850.ts';
import { partnerOf, senderOf } from './x12/partners.ts';

export type Item = { readonly row: number; readonly orderId: string } & (
  | { readonly order: OrderDocument; readonly remarks?: readonly RowError[] }
  | { readonly advice: Advice; readonly countedAt: number }
  | { readonly errors: readonly RowError[] }
);

/** A count of what a ship node has on hand. */
export interface Advice {
  readonly node: string;
  readonly sku: string;
  readonly onHand: number;
}

export interface OrderFile {
  /** The same each time it is read. @throws FileRefused */
  items(): AsyncIterable<Item>;
  /** What is to be answered, a text for each interchange; nothing for formats that answer nothing. */
  acknowledgements(): readonly ((control: number, at: number) => string)[];
}

export const FORMATS = ['csv', 'x12'] as const;
export type Format = (typeof FORMATS)[number];

export const EXTENSIONS: Readonly<Record<Format, readonly string[]>> = {
  csv: ['.csv'],
  x12: ['.x12', '.edi', '.850', '.846', '.txt'],
};

/** How the files of a folder are to be taken. */
export interface Terms {
  readonly locate: Locate;
  /** Senders of X12 as `ZZ.PARTNER`. None: anybody's. One: purchase orders keep their numbers, as no others can have the same. */
  readonly partners: readonly string[];
  /** Whether interchanges that are marked as tests are taken like others. */
  readonly takesTests: boolean;
  /** When the file was taken, ms since the epoch. */
  readonly now: number;
}

/** @throws FileRefused where it cannot be read at all */
export async function openOrderFile(path: string, format: Format, terms: Terms): Promise<OrderFile> {
  if (format === 'csv') return { items: () => readCsvOrders(path, terms.locate), acknowledgements: () => [] };
  return readX12(await textOf(path), terms);
}

/** @throws FileRefused */
export function readX12(text: string, terms: Terms): OrderFile {
  const items: Item[] = [];
  const answers: ((control: number, at: number) => string)[] = [];
  for (const interchange of readInterchanges(text)) {
    if (terms.partners.length > 0 && !terms.partners.includes(partnerOf(interchange))) {
      // To somebody who is not known nothing is answered, either.
      items.push(strangerTo(interchange));
      continue;
    }
    const acknowledged: Acknowledged[] = [];
    for (const group of interchange.groups) {
      // An acknowledgement is not acknowledged, or two systems would never end.
      if (group.functionalId === 'FA') continue;
      const results = group.sets.map((set) => {
        const { read, ...result } = readSet(set, group, interchange, terms);
        items.push(...(interchange.test && !terms.takesTests ? asTest(read, interchange, set) : read));
        return result;
      });
      acknowledged.push({ group, results });
    }
    if (acknowledged.length > 0) answers.push(answerTo(interchange, acknowledged));
  }
  const newest = newestCounts(items);
  return {
    items: async function* () {
      yield* newest;
    },
    acknowledgements: () => answers,
  };
}

function answerTo(interchange: Interchange, acknowledged: readonly Acknowledged[]) {
  return (control: number, at: number): string => write997(interchange, acknowledged, control, at);
}

function wrong(row: number, field: string, reason: string, next: string): Item {
  return { row, orderId: '', errors: [{ row, field, reason, next }] };
}

function strangerTo(interchange: Interchange): Item {
  const reason = `${partnerOf(interchange)} is no partner whose files are taken here: nothing of its interchange was taken, and it was not answered`;
  return wrong(interchange.row, 'ISA06', reason, 'Give it with --partner, or have it send elsewhere.');
}

/** What is wrong in it, and that the rest is not taken: one word for a set, also of many counts. */
function asTest(read: readonly Item[], interchange: Interchange, { row }: TransactionSet): Item[] {
  const errors = read.filter((item) => 'errors' in item);
  if (errors.length === read.length) return errors;
  const orderId = read.find((item) => 'order' in item)?.orderId ?? '';
  const reason = `a test (ISA15 of row ${interchange.row} is T): it was read and acknowledged, and is not taken`;
  const next = 'Have it sent with P, or give --take-tests where everything is a test.';
  return [...errors, { row, orderId, errors: [{ row, field: 'ISA15', reason, next }] }];
}

type Read = SetResult & { readonly read: readonly Item[] };

/** A group whose own envelope is wrong may lack sets: all of it is refused. */
function readSet(set: TransactionSet, group: Group, interchange: Interchange, terms: Terms): Read {
  const { id, control, row, problems } = set;
  const result = { id, control, problems };
  if (group.problems.length > 0) {
    const reason = 'GE does not close the group of this set';
    return { ...result, notes: [], read: [wrong(row, 'ST', reason, 'Have the sender write the group again.')] };
  }
  const { locate, now } = terms;
  if (id === '850') {
    const sender = terms.partners.length === 1 ? undefined : senderOf(interchange, group);
    const { entry, notes } = read850(set, { locate, sender, now });
    return { ...result, notes, read: [entry] };
  }
  if (id === '846') {
    const { entries, notes } = read846(set, { writtenAt: group.writtenAt, now });
    const read = entries.map((entry): Item => {
      if ('errors' in entry) return { ...entry, orderId: '' };
      const { row: at, countedAt, ...advice } = entry;
      return { row: at, orderId: '', advice, countedAt };
    });
    return { ...result, notes, read, isTakenInPart: read.some((item) => 'advice' in item) };
  }
  const reason = `a set ${id} is not taken here`;
  return { ...result, notes: undefined, read: [wrong(row, 'ST', reason, 'Send 850 (orders) or 846 (counts).')] };
}

/** Several counts of one position in a file: the newest is taken; of those of the same time the last. */
function newestCounts(items: readonly Item[]): Item[] {
  const newest = new Map<string, Item & { readonly countedAt: number }>();
  for (const item of items) {
    if (!('advice' in item)) continue;
    const before = newest.get(positionOf(item.advice));
    if (before === undefined || before.countedAt <= item.countedAt) newest.set(positionOf(item.advice), item);
  }
  return items.map((item) => {
    const taken = 'advice' in item ? newest.get(positionOf(item.advice)) : undefined;
    if (taken === undefined || taken === item) return item;
    const reason = `row ${taken.row} of this file has a newer count of the same`;
    return wrong(item.row, 'LIN', reason, 'Nothing: the newer one is taken.');
  });
}

/** Neither a node nor a SKU has a space in it. */
export function positionOf({ node, sku }: Advice): string {
  return `${node} ${sku}`;
}

async function textOf(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > X12_BYTES_MAX) {
    const reason = `the file is longer than ${X12_BYTES_MAX} bytes`;
    throw new FileRefused({ row: 0, field: '', reason, next: 'Split it into several interchanges.' });
  }
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // What older systems write.
    return bytes.toString('latin1');
  }
}
