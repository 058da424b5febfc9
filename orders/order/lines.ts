// The lines of an order as they are sourced: bundles as their components, so that units are counted by what is sent.
import { LINE_ID_LENGTH_MAX, ORDER_LINES_MAX, type OrderDocument, QTY_MAX } from '../../protocol/index.ts';
import type { Components } from './bundle.ts';
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
  const each = Math.floor(value / units);
  const rest = isExact ? value - each * units : 0;
  return withRest(components, each, rest).map((component, index) =>
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

type Valued = Components[number] & { readonly value: number };

/**
 * What even shares leave goes to components of which a bundle has one. Where it has several of each, a minor unit to so many units of the
 * first: units of a line are worth the same, so that a component of which some get one is two lines.
 */
function withRest(components: Components, each: number, rest: number): Valued[] {
  const singles = components.filter(({ qty }) => qty === 1).length;
  if (singles > 0) {
    let n = 0;
    return components.map((one) => {
      const more = one.qty === 1 ? Math.floor(rest / singles) + (n++ < rest % singles ? 1 : 0) : 0;
      return { ...one, value: each + more };
    });
  }
  let left = rest;
  return components.flatMap(({ sku, qty }) => {
    const dearer = Math.min(left, qty);
    left -= dearer;
    const both = [
      { sku, qty: dearer, value: each + 1 },
      { sku, qty: qty - dearer, value: each },
    ];
    return both.filter((one) => one.qty > 0);
  });
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
