// The bounds of the file drop, each with its reason.

/** An X12 interchange is read whole, since nothing of it counts before its end is seen. */
export const X12_BYTES_MAX = 32 * 1024 * 1024;

/** Orders of one CSV file: their ids are remembered while it is read, to see one that comes twice. */
export const CSV_ORDERS_MAX = 1_000_000;

/** Characters of one CSV row: every field at its longest fits several times over. */
export const CSV_ROW_LENGTH_MAX = 64 * 1024;

/** Segments of one transaction set: an order of as many lines as there may be has some thousands. */
export const SEGMENTS_PER_SET_MAX = 20_000;

/** Elements of one segment: no segment of the standard has as many. */
export const ELEMENTS_MAX = 64;

/** Characters of one element: free text is at most 264 long in the sets read here. */
export const ELEMENT_LENGTH_MAX = 512;

/** Errors that one segment's set tells of; the rest are counted. */
export const ERRORS_PER_ORDER_MAX = 100;

/** Orders handed to capture at once: enough to share commits of the grid. */
export const CAPTURES_IN_FLIGHT_MAX = 64;

/** How long a file has to rest before it is taken for whole, ms. */
export const SETTLE_MS_DEFAULT = 2_000;

/** Between two looks into the folder, ms. Network shares announce nothing, so it is looked. */
export const SCAN_MS_DEFAULT = 1_000;

/** Before a capture that failed for now is tried again, ms; doubled each time up to the second. */
export const CAPTURE_BACKOFF_MS = 200;
export const CAPTURE_BACKOFF_MAX_MS = 30_000;

/** Numbers of interchanges that are kept, so that the next is greater: any two hosts that write at once find each other's. */
export const CONTROL_NUMBERS_KEPT = 1_000;

/** ISA13 has nine digits. */
export const CONTROL_NUMBER_MAX = 999_999_999;

/** Shipments, or positions, of one file that is written. */
export const RECORDS_OUT_MAX = 10_000;

/** Batches that were written and are remembered, so that none is written twice. */
export const BATCHES_REMEMBERED = 10_000;

/** Notes of counts beyond which those that others went over are dropped. */
export const COUNTS_COMPACTED_FROM = 10_000;
