// The lines of an order as they are sourced: bundles as their components, so that units are counted by what is sent.
import { LINE_ID_LENGTH_MAX, ORDER_LINES_MAX, type OrderDocument, QTY_MAX } from '../../protocol/index.ts';
import { type Components, sharesOf } from './bundle.ts';
import type { OrderLine } from './types.ts';

/** @param isExact components are worth what their bundle is; false for journeys of before that was so */
export function linesOf({ lines }: OrderDocument, isExact: boolean): OrderLine[] {
  return lines.flatMap(({ components, substitutes = [], ...line }) => {
    const { grams = 0, value = 0 } = line;
    const whole = waiting({ ...line, grams, value, substitutes });
    return components === undefined ? [whole] : componentLines(whole, components, isExact);
  });
}

/** A bundle's components share its value and weight evenly by units. */
export function componentLines(
  { lineId, sku, qty, grams, value }: OrderLine,
  components: Components,
  isExact: boolean,
): OrderLine[] {
  const units = components.reduce((sum, component) => sum + component.qty, 0);
  return sharesOf(components, value, isExact).map((component, index) =>
    waiting({
      lineId: `${lineId}.${index + 1}`,
      sku: component.sku,
      qty: component.qty * qty,
      grams: Math.ceil(grams / units),
      value: component.value,
      substitutes: [],
      bundle: { lineId, sku, units: component.qty },
    }),
  );
}

/** Why an order cannot have these lines; undefined: it can. */
export function wrongLines(lines: readonly OrderLine[]): string | undefined {
  if (new Set(lines.map(({ lineId }) => lineId)).size < lines.length) {
    return 'a component of a bundle would have the lineId of another line';
  }
  if (lines.length > ORDER_LINES_MAX) {
    return `${lines.length} with the components of bundles, of ${ORDER_LINES_MAX} at most`;
  }
  const tooMany = lines.find(({ qty, lineId }) => qty > QTY_MAX || lineId.length > LINE_ID_LENGTH_MAX);
  return tooMany === undefined ? undefined : `${tooMany.lineId} has too many components`;
}

function waiting(line: Omit<OrderLine, 'open' | 'backordered' | 'parked' | 'cancelled'>): OrderLine {
  return { ...line, open: line.qty, backordered: 0, parked: 0, cancelled: 0 };
}
