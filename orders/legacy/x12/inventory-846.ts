// Inventory advice (846), both ways: what a ship node has of a SKU. In, it is a count of onHand; out, what can be sold.
import { NODE_LENGTH_MAX, QTY_MAX, SKU_LENGTH_MAX } from '../../../protocol/limits.ts';
import type { RowError } from '../errors.ts';
import { Fields, shown } from '../orders.ts';
import { dateOf, type TransactionSet, writeInterchange } from './envelope.ts';
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
  | { readonly node: string; readonly sku: string; readonly onHand: number }
  | { readonly errors: readonly RowError[] }
);

/** May stand in an 846 and changes no count. */
const IGNORED = new Set(['REF', 'PER', 'PID', 'DTM', 'CUR', 'MSG', 'CTP']);
const SKU_QUALIFIERS = ['SK', 'VP', 'VN', 'BP', 'IN', 'UP', 'EN'];

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

/** Reads onHand (QTY 17) of each line. Never throws: what is wrong stands in the entries. */
export function read846(set: TransactionSet): AdviceEntry[] {
  const { segments, problems, row } = set;
  const warehouse = segments.find(({ tag, elements }) => tag === 'N1' && elements[0] === 'WH');
  const whole = new Fields();
  for (const problem of problems)
    whole.fail(row, 'ST', `the set is broken (${problem})`, 'Have the sender write it again.');
  if (warehouse === undefined) whole.fail(row, 'N1', 'there is no N1*WH, the ship node', 'Say which node is counted.');
  const node = warehouse?.elements[3] ?? '';
  if (warehouse !== undefined) whole.name(warehouse.row, 'N104', node, NODE_LENGTH_MAX);
  for (const segment of segments) {
    if (['BIA', 'N1', 'LIN', 'QTY', 'CTT'].includes(segment.tag) || IGNORED.has(segment.tag)) continue;
    whole.fail(
      segment.row,
      segment.tag,
      'this segment is not understood here, and may change a count',
      'Leave it out.',
    );
  }
  const starts = [...segments.entries()].filter(([, { tag }]) => tag === 'LIN').map(([n]) => n);
  const total = segments.find(({ tag }) => tag === 'CTT');
  if (total !== undefined && Number(total.elements[0]) !== starts.length) {
    whole.fail(
      total.row,
      'CTT01',
      `says that there are ${shown(total.elements[0] ?? '')} lines, and there are ${starts.length}`,
      'Have the sender write the set again.',
    );
  }
  if (whole.errors.length > 0) return [{ row, errors: whole.errors }];
  return starts.map((from, n) => lineOf(segments.slice(from, starts[n + 1] ?? segments.length), node));
}

function lineOf([lin, ...rest]: readonly Segment[], node: string): AdviceEntry {
  const fields = new Fields();
  const row = lin?.row ?? 0;
  const elements = lin?.elements ?? [];
  let sku = '';
  for (let at = 1; at + 1 < elements.length && sku === ''; at += 2) {
    if (SKU_QUALIFIERS.includes(elements[at] ?? ''))
      sku = fields.name(row, elementName('LIN', at + 2), elements[at + 1] ?? '', SKU_LENGTH_MAX);
  }
  if (sku === '' && fields.errors.length === 0)
    fields.fail(row, 'LIN03', 'there is no number of a product', `Give one as ${SKU_QUALIFIERS.join(', ')}.`);
  const counts = rest.filter(({ tag, elements: [kind] }) => tag === 'QTY' && kind === '17');
  const [count] = counts;
  if (count === undefined || counts.length > 1)
    fields.fail(row, 'QTY', `${counts.length} counts of what is on hand (QTY*17)`, 'Give one.');
  const onHand = count === undefined ? 0 : fields.whole(count.row, 'QTY02', count.elements[1] ?? '', 0, QTY_MAX);
  if (count !== undefined && count.elements[2] !== 'EA')
    fields.fail(count.row, 'QTY03', `cannot be ${shown(count.elements[2] ?? '')}`, 'Count in eaches (EA).');
  return fields.errors.length > 0 ? { row, errors: fields.errors } : { row, node, sku, onHand };
}
