// The bounds of carriers, each with its reason.

/** Yours; long enough for `orderId/kind#n`. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 128;

/** Names of shipments and parcels, in keys and paths. */
export const ID_LENGTH_MAX = 128;

/** Rates asked for at once: no carrier has more services. */
export const SERVICES_MAX = 64;

/** A parcel of more is freight, which is booked elsewhere. */
export const GRAMS_MAX = 100_000;
