// What a package is called outside its order: by carriers, in files, by the transit model. Another name for each package of any order of any
// region, since an orderId counts within the region that captured the order.

export interface PackageRef {
  /** That captured the order: the package may be sent from another. */
  readonly region: string;
  readonly orderId: string;
  readonly packageId: string;
}

/** `us-east/order-1/p1`. Neither a region nor a packageId has a slash in it; an orderId may. */
export function shipmentIdOf({ region, orderId, packageId }: PackageRef): string {
  return `${region}/${orderId}/${packageId}`;
}

/**
 * Which package of this region may be meant, the likeliest first. Parcels that were booked before shipments were named by their region are
 * called `order-1/p1`.
 */
export function packagesOfShipmentId(shipmentId: string, region: string): readonly PackageRef[] {
  const at = shipmentId.lastIndexOf('/');
  const packageId = shipmentId.slice(at + 1);
  const before = { region, orderId: shipmentId.slice(0, Math.max(0, at)), packageId };
  const prefix = `${region}/`;
  const named = before.orderId.startsWith(prefix) ? [{ ...before, orderId: before.orderId.slice(prefix.length) }] : [];
  return [...named, before].filter(({ orderId }) => orderId !== '');
}
