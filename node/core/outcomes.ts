// The codes under which the idempotency memory keeps an outcome. Part of stored formats: add, never renumber.

/** Beside each code what the figures x, y, z of its DedupEntry are. Where none is named, it is 0. */
export const OUTCOME = {
  /** y: expiresAt, z: availableToSell. The reservation's no is the entry's seq. */
  reserved: 1,
  /** x: no of the reservation, y: expiresAt, z: availableToSell */
  adopted: 2,
  /** y: expiresAt */
  extended: 3,
  /** x: qty */
  committed: 4,
  released: 5,
  /** x: qty, y: remaining, z: onHand of all nodes */
  shipped: 6,
  /** x: onHand of the node, y: shortfall, z: availableToSell */
  adjusted: 7,
  /** z: availableToSell */
  configured: 8,
  /** z: availableToSell */
  pooled: 9,
  /** x: given to that region in all, y: rights left, z: availableToSell */
  transferred: 10,
  /** x: asked, y: available, z: bound (see RefusedEvent) */
  INSUFFICIENT_STOCK: 16,
  /** x: asked, y: available, z: the limit */
  LIMIT_EXCEEDED: 17,
  /** z: index into STATES */
  RESERVATION_ENDED: 18,
} as const;
