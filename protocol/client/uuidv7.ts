// Makes requestIds: UUIDv7 (RFC 9562, 5.7), whose leading 48 bits are the time of making in ms. The grid reads
// that time to tell a request older than its memory from a new one. Own code because a browser has no built-in for
// it and the whole of it is twenty lines.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const RANDOM_BYTES = 10;
/** Random bytes drawn at once: a draw per id costs more than all the rest of making it. */
const pool = new Uint8Array(RANDOM_BYTES * 256);
let used = pool.length;

/** A new id for a request made at `nowMs` (wall clock, ms since the epoch). */
export function uuidv7(nowMs: number): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const at = used;
  used += RANDOM_BYTES;
  const byte = (index: number): number => pool[at + index] as number;
  const hex = (value: number): string => HEX[value] as string;
  const time = Math.floor(nowMs).toString(16).padStart(12, '0');
  return (
    `${time.slice(0, 8)}-${time.slice(8, 12)}-${hex(0x70 | (byte(0) & 0x0f))}${hex(byte(1))}-` +
    `${hex(0x80 | (byte(2) & 0x3f))}${hex(byte(3))}-` +
    hex(byte(4)) +
    hex(byte(5)) +
    hex(byte(6)) +
    hex(byte(7)) +
    hex(byte(8)) +
    hex(byte(9))
  );
}
