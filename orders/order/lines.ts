// The lines of an order as it was captured, bundles as their components, so that nothing behind knows of bundles.
import type { OrderDocument } from '../../protocol/index.ts';
import type { OrderLine } from './types.ts';

/** A bundle's components share its value and weight evenly by units. */
export function linesOf({ lines }: OrderDocument): OrderLine[] {
  return lines.flatMap(({ components, substitutes = [], ...line }) => {
    const { grams = 0, value = 0 } = line;
    if (components === undefined) return [waiting({ ...line, grams, value, substitutes })];
    const units = components.reduce((sum, { qty }) => sum + qty, 0);
    return components.map(({ sku, qty }, index) =>
      waiting({
        lineId: `${line.lineId}.${index + 1}`,
        sku,
        qty: qty * line.qty,
        grams: Math.ceil(grams / units),
        value: Math.floor(value / units),
        substitutes: [],
      }),
    );
  });
}

function waiting(line: Pick<OrderLine, 'lineId' | 'sku' | 'qty' | 'grams' | 'value' | 'substitutes'>): OrderLine {
  return { ...line, open: line.qty, backordered: 0, parked: 0, cancelled: 0 };
}
