// Reads the time that a UUIDv7 carries. No other kind of id is understood.

const DASH = 45;
const SEVEN = 55;

/** Milliseconds since the epoch at which the id was made (RFC 9562, section 5.7); undefined when it is no UUIDv7. */
export function uuidV7Time(id: string): number | undefined {
  if (id.length !== 36 || id.charCodeAt(14) !== SEVEN || id.charCodeAt(8) !== DASH) return undefined;
  if (id.charCodeAt(13) !== DASH || id.charCodeAt(18) !== DASH || id.charCodeAt(23) !== DASH) return undefined;
  const variant = hexDigit(id.charCodeAt(19));
  if (variant < 8 || variant > 11) return undefined;
  let time = 0;
  for (let i = 0; i < 13; i++) {
    if (i === 8) continue;
    const digit = hexDigit(id.charCodeAt(i));
    if (digit < 0) return undefined;
    time = time * 16 + digit;
  }
  return time;
}

/** A time a little after those asked for lately, and the text that UUIDs of it begin with. */
let lately = { ms: 0, uuid: '00000000-0000' };
const LATELY_STEP_MS = 1_000;

/**
 * As uuidV7Time, but undefined also for an id that was made at `ms` or later. Nearly all were, and that a comparison of
 * texts shows: time stands first in a UUIDv7, and lower-case digits sort as they count. (Upper-case ones sort before
 * them, so an id in upper case is read to be sure.)
 */
export function uuidV7TimeBefore(id: string, ms: number): number | undefined {
  if (ms > lately.ms || ms < lately.ms - LATELY_STEP_MS) {
    const hex = (ms + LATELY_STEP_MS).toString(16).padStart(12, '0');
    lately = { ms: ms + LATELY_STEP_MS, uuid: `${hex.slice(0, 8)}-${hex.slice(8)}` };
  }
  if (id >= lately.uuid) return undefined;
  const time = uuidV7Time(id);
  return time !== undefined && time < ms ? time : undefined;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
