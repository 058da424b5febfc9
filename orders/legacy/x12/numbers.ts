// Numbers of products and of units in segments, as 850 and 846 have them.
import { QTY_MAX } from '../../../protocol/limits.ts';
import type { Fields } from '../orders.ts';
import type { Segment } from './segments.ts';

/** Whose number of a product is taken for the SKU, the best first: the SKU as such, the vendor's, the buyer's, then those of bar codes. */
export const SKU_QUALIFIERS: readonly string[] = ['SK', 'VP', 'VN', 'BP', 'IN', 'UP', 'EN'];

export interface ProductNumber {
  readonly sku: string;
  /** Of the number, as an element. */
  readonly position: number;
}

/** From pairs of whose number it is, and the number; `from` is the position of the first. */
export function productNumberOf({ elements }: Segment, from: number): ProductNumber | undefined {
  const numbers = new Map<string, ProductNumber>();
  for (let at = from - 1; at + 1 < elements.length; at += 2) {
    const qualifier = elements[at] ?? '';
    if (!numbers.has(qualifier)) numbers.set(qualifier, { sku: elements[at + 1] ?? '', position: at + 2 });
  }
  return SKU_QUALIFIERS.map((qualifier) => numbers.get(qualifier)).find((one) => one !== undefined);
}

/** Numbers of X12 may end in a point and noughts: `2.000` are two. */
export function unitsOf(fields: Fields, row: number, field: string, value: string, min: 0 | 1): number {
  return fields.whole(row, field, value.replace(/^(\d+)\.0*$/, '$1'), min, QTY_MAX);
}
