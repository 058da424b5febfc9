// Bounds of what processes share, with their reasons.

/** Bytes of entries that one read returns: some 25,000 entries, which are taken in within a second. */
export const READ_BYTES_MAX = 4 * 1024 * 1024;
/** Entries that a log in memory keeps for its readers, who come every second. */
export const MEMORY_ENTRIES_MAX = 200_000;
/** Entries are kept for so long after a snapshot has them, ms: a process that hangs for longer has missed some. */
export const ENTRIES_KEPT_MS = 2 * 3_600_000;
/** Looked for new entries so often, ms: what others did counts here after so long. */
export const POLL_MS = 1_000;
/** A snapshot so often, ms: what a process that starts reads besides is of about so long. */
export const SAVE_EVERY_MS = 10 * 60_000;
/** Entries that one read of a stream returns. */
export const STREAM_READ_MAX = 10_000;
/** Entries that Redis keeps, some 300 bytes each: what processes append between two snapshots, many times over. */
export const STREAM_ENTRIES_MAX = 1_000_000;
/** What Redis does not answer within is given up, ms: orders go on. */
export const REDIS_TIMEOUT_MS = 2_000;
