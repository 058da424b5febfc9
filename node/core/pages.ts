// Pages of doubles for the tables of an actor: plain arrays that V8 keeps unboxed, each of exactly the length that is asked
// for. Left to grow by itself an array keeps half as much again, and 16 numbers more, free: most of what a small actor weighs.

let template: readonly number[] = [];

/** A page of so many numbers, each of them to be written before it is read. */
export function freePage(length: number): number[] {
  // A fraction, so that V8 keeps doubles from the first on.
  if (template.length < length) template = Array.from({ length }, () => 0.5);
  return template.slice(0, length);
}

/** A longer page that begins with the first `used` numbers of this one. */
export function longerPage(page: readonly number[], used: number, length: number): number[] {
  const longer = freePage(length);
  for (let i = 0; i < used; i++) longer[i] = page[i] as number;
  return longer;
}

/** By how many rows a page of so many grows at least, from none on: many SKUs have one reservation, or a few. */
const STEPS = [1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3];
/** And one of more. */
const STEP = 4;

/**
 * For how many rows a page of so many is to have room next: 1, 3, 5, 8, 11, 15, 19, 23, 28 and so on, a fifth more. Growing is a copy,
 * and a row at a time would cost small actors a fifth of their speed; a third more, and a half empty page is what they weigh.
 */
export function moreRows(rows: number, most: number): number {
  const more = rows + Math.max(STEPS[rows] ?? STEP, Math.ceil(rows / 5));
  // One that is nearly as long as can be is not worth another copy.
  return more + (more >> 4) >= most ? most : more;
}
