// Units of an order: of a line, and as a package has them.

export type Units = { readonly lineId: string; readonly qty: number };

export interface PackageLine {
  readonly lineId: string;
  readonly sku: string;
  /** Units of the order that this package still stands for: fewer after a short pick, 0 once others replace it. */
  qty: number;
  /** Units that were allocated to it. */
  readonly allocated: number;
  /** Of these, sourced anew: nothing is paid back for them here. Undefined: none. */
  elsewhere?: number;
  readonly reservationId: string;
}
