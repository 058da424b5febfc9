// A parcel that left, as other systems are told of it.

/** One parcel that left. */
export interface ShipmentOut {
  readonly shipmentId: string;
  readonly orderId: string;
  /** As the buyer calls it, where that is not its orderId. */
  readonly purchaseOrder?: string;
  readonly release?: string;
  readonly carrier: string;
  readonly service: string;
  readonly trackingId: string;
  /** ms since the epoch. */
  readonly shippedAt: number;
  readonly grams: number;
  /** The ship node it left. */
  readonly node: string;
  readonly destination: {
    readonly recipient?: string;
    readonly city?: string;
    readonly postalCode: string;
    readonly country?: string;
  };
  readonly lines: readonly { readonly lineId: string; readonly sku: string; readonly qty: number }[];
}
