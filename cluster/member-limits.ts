// The bounds of membership and placement, with their reasons.

/** Members of a region. The register's value is read by each of them some times a second: past this it is megabytes. */
export const MEMBERS_MAX = 1_024;

/** Partitions of a region: 64 for each of the most members. More makes every ring and table slower and none fairer. */
export const PARTITIONS_MAX = 65_536;

/** Characters of the register's value, a bound before parsing: the most members with the longest texts, all escaped. */
export const MEMBER_VIEW_CHARS_MAX = 5 * 1_024 * 1_024;

/** Characters of a member's texts: names as everywhere in the contract, addresses as long as a URL needs to be. */
export const MEMBER_NAME_CHARS_MAX = 64;
export const MEMBER_HOST_CHARS_MAX = 255;
export const MEMBER_ADDRESS_CHARS_MAX = 512;

/** Moves that one worker has under way at a time: each pauses a partition, and its rows share the mesh with requests. */
export const MOVES_MAX = 2;

/** How often a worker looks for a new view, ms: a fraction of the two seconds in which a death must be over. */
export const POLL_MS = 250;

/** The pause before an update is tried again, ms: first and longest. It doubles. */
export const UPDATE_BACKOFF_MS: readonly [first: number, longest: number] = [10, 250];

/**
 * How often an update is tried. Of those who compete one wins each round, so this lets that many workers of a region
 * that starts all at once succeed, and an outage of the store of some 15 seconds pass.
 */
export const UPDATE_ATTEMPTS_MAX = 64;
