// What a bundle is to an order: one SKU to its customer, several to ship nodes.

/** The bundle that a line is a component of. */
export interface BundlePart {
  /** The line of the bundle, as it was ordered. */
  readonly lineId: string;
  readonly sku: string;
  /** Of the component, in one bundle. */
  readonly units: number;
}

/** What one unit of a bundle is made of. */
export type Components = readonly { readonly sku: string; readonly qty: number }[];

/** Of a line of components: what one unit is worth. */
type Valued = Components[number] & { readonly value: number };

/**
 * What becomes of one bundle: its components as lines, one after the other.
 * @param isExact they are worth what it is
 */
export function sharesOf(components: Components, value: number, isExact: boolean): Valued[] {
  const units = components.reduce((sum, component) => sum + component.qty, 0);
  const each = Math.floor(value / units);
  return withRest(components, each, isExact ? value - each * units : 0);
}

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
