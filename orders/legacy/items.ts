// A claimed file as what is to be done with it, one after the other, whatever its format.
import { readFile, stat } from 'node:fs/promises';
import type { OrderDocument } from '../../protocol/orders.ts';
import { readCsvOrders } from './csv.ts';
import { FileRefused, type RowError } from './errors.ts';
import { X12_BYTES_MAX } from './limits.ts';
import type { Locate } from './orders.ts';
import { type Acknowledged, type SetResult, write997 } from './x12/ack-997.ts';
import { type Interchange, readInterchanges, type TransactionSet } from './x12/envelope.ts';
import { read846 } from './x12/inventory-846.ts';
import { read850 } from './x12/order-850.ts';

export type Item = { readonly row: number; readonly orderId: string } & (
  | { readonly order: OrderDocument }
  | { readonly advice: Advice }
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

/** @throws FileRefused where it cannot be read at all */
export async function openOrderFile(path: string, format: Format, locate: Locate): Promise<OrderFile> {
  if (format === 'csv') return { items: () => readCsvOrders(path, locate), acknowledgements: () => [] };
  return readX12(await textOf(path), locate);
}

/** @throws FileRefused */
export function readX12(text: string, locate: Locate): OrderFile {
  const items: Item[] = [];
  const answers: ((control: number, at: number) => string)[] = [];
  for (const interchange of readInterchanges(text)) {
    const acknowledged: Acknowledged[] = [];
    for (const group of interchange.groups) {
      // An acknowledgement is not acknowledged, or two systems would never end.
      if (group.functionalId === 'FA') continue;
      acknowledged.push({ group, results: group.sets.map((set) => read(set, group.problems, items, locate)) });
    }
    if (acknowledged.length > 0) answers.push(answerTo(interchange, acknowledged));
  }
  return {
    items: async function* () {
      yield* items;
    },
    acknowledgements: () => answers,
  };
}

function answerTo(interchange: Interchange, acknowledged: readonly Acknowledged[]) {
  return (control: number, at: number): string => write997(interchange, acknowledged, control, at);
}

/** A group whose own envelope is wrong may lack sets: all of it is refused. */
function read(set: TransactionSet, ofGroup: readonly string[], items: Item[], locate: Locate): SetResult {
  const { id, control, row } = set;
  const problems = set.problems;
  const refuse = (reason: string, next: string): void => {
    items.push({ row, orderId: '', errors: [{ row, field: 'ST', reason, next }] });
  };
  if (ofGroup.length > 0) {
    refuse('GE does not close the group of this set', 'Have the sender write the group again.');
    return { id, control, problems, notes: [] };
  }
  if (id === '850') {
    const { entry, notes } = read850(set, locate);
    items.push(entry);
    return { id, control, problems, notes };
  }
  if (id === '846') {
    const entries = read846(set);
    for (const entry of entries) {
      items.push(
        'errors' in entry ? { ...entry, orderId: '' } : { row: entry.row, orderId: '', advice: adviceOf(entry) },
      );
    }
    const wrong = entries.filter((entry) => 'errors' in entry);
    return { id, control, problems, notes: wrong.map(() => ({ tag: 'LIN', position: 1, code: '8' as const })) };
  }
  refuse(`a set ${id} is not taken here`, 'Send 850 (orders) or 846 (counts).');
  return { id, control, problems, notes: undefined };
}

function adviceOf({ node, sku, onHand }: Advice): Advice {
  return { node, sku, onHand };
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
