// What a package weighs.
import type { OrderLine, OrderPackage } from './types.ts';

/** As its ship node weighed it, grams; where nobody has, what the units weigh that are in it. */
export function gramsOf(
  { grams, lines: inside }: Pick<OrderPackage, 'grams' | 'lines'>,
  { lines }: { readonly lines: readonly Pick<OrderLine, 'lineId' | 'grams'>[] },
): number {
  // Systems that weigh nothing say 0.
  if (grams !== undefined && grams > 0) return grams;
  const each = new Map(lines.map((line) => [line.lineId, line.grams]));
  return inside.reduce((sum, { lineId, qty }) => sum + qty * (each.get(lineId) ?? 0), 0);
}
