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
