// The bounds of feeds, each with its reason.

/** A document of a feed, bytes: a year of hourly weather at three stations is 3 MB, forty years of weekly prices 40 KB. */
export const DOCUMENT_BYTES_MAX = 32 * 1024 * 1024;

/** Records of one document. */
export const RECORDS_MAX = 1_000_000;

/** Between two looks at a file or a server, ms. */
export const FILE_POLL_MS_DEFAULT = 5_000;
export const HTTP_POLL_MS_DEFAULT = 60_000;

/** A server that fails is asked less often, down to once in so many polls. */
export const HTTP_BACKOFF_POLLS_MAX = 16;

/** A server that does not answer is given up after so long, ms. */
export const HTTP_TIMEOUT_MS = 15_000;

/** Prices of a week are published after it: two weeks and a day without a new one is a feed that stands still. */
export const FUEL_STALE_AFTER_MS = 15 * 86_400_000;

/** Weather of three hours ago says little of now. */
export const WEATHER_STALE_AFTER_MS = 3 * 3_600_000;

/** A station says nothing of places farther away. */
export const STATION_REACH_KM = 100;

/** Capacity is planned once a day, and a day may be missed. */
export const CAPACITY_STALE_AFTER_MS = 36 * 3_600_000;
