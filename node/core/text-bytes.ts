// Short texts of an actor's rows as bytes: an object for each would weigh twice as much, and be traced by the garbage collector. A
// text stands where it was put until it is given up, and its place is then used for others of about its length. What the texts
// mean, and which row has which, is the caller's business.
import { codeUnitAt } from '../../protocol/code-units.ts';
import { ByteWriter } from './bytes.ts';

/** Places are counted in units of so many bytes: a free one holds the number of the next free one of its length. */
const UNIT = 4;
const PAGE_BYTES = 8_192;
const PAGE_UNITS = PAGE_BYTES / UNIT;
/** So many pages grow, so that few texts take little; the others begin at their full length. */
const GROWING_PAGES = 2;

/** What is being put in. */
const scratch = new ByteWriter(PAGE_BYTES);

export class TextBytes {
  private readonly pages: Buffer[] = [];
  /** Where the next text goes when no place is free, units. */
  private end = 0;
  /** By units: the first free place of that length + 1, or 0. */
  private free: number[] | undefined;
  /** The place whose first text was read last, and that text: what decides asks for it, and then what evolves. */
  private readPlace = -1;
  private readText = '';
  private readonly firstBytes: number;

  /** @param firstBytes how long the first page begins, at least */
  constructor(firstBytes = 256) {
    this.firstBytes = Math.min(firstBytes, PAGE_BYTES);
  }

  /**
   * Keeps those texts that there are, one behind the other.
   * @returns their place, from 0 on
   * @throws RangeError when they are longer than a page
   */
  add(first: string | undefined, second: string | undefined, third: string | undefined): number {
    scratch.reset();
    if (first !== undefined) scratch.string(first);
    if (second !== undefined) scratch.string(second);
    if (third !== undefined) scratch.string(third);
    const { buffer, length } = scratch;
    const place = this.take(unitsOf(length));
    const page = this.pageOf(place);
    const at = offsetOf(place);
    for (let i = 0; i < length; i++) page[at + i] = buffer[i] as number;
    return place;
  }

  /** The text that stands `index` behind the first of the place. */
  get(place: number, index: number): string {
    if (index > 0) return this.read(place, index);
    if (place !== this.readPlace) {
      this.readText = this.read(place, 0);
      this.readPlace = place;
    }
    return this.readText;
  }

  private read(place: number, index: number): string {
    const page = this.pageOf(place);
    let at = offsetOf(place);
    for (let skipped = 0; skipped < index; skipped++) at += lengthAt(page, at);
    const header = headerAt(page, at);
    const end = at + lengthAt(page, at);
    return page.toString((header & 1) === 0 ? 'latin1' : 'utf16le', at + headerLength(header), end);
  }

  /** Whether this is the first text of the place. */
  isFirst(place: number, text: string): boolean {
    const page = this.pageOf(place);
    let at = offsetOf(place);
    const header = headerAt(page, at);
    const { length } = text;
    if (header >> 1 !== length) return false;
    at += headerLength(header);
    if ((header & 1) === 0) {
      for (let i = 0; i < length; i++) if (page[at + i] !== codeUnitAt(text, i)) return false;
      return true;
    }
    for (let i = 0; i < length; i++, at += 2) {
      if ((page[at] as number) + (page[at + 1] as number) * 256 !== codeUnitAt(text, i)) return false;
    }
    return true;
  }

  /** Gives a place up that has so many texts. */
  remove(place: number, count: number): void {
    this.readPlace = -1;
    const page = this.pageOf(place);
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += lengthAt(page, offsetOf(place) + bytes);
    this.give(place, unitsOf(bytes));
  }

  private take(units: number): number {
    const { free } = this;
    const before = free === undefined || units >= free.length ? 0 : (free[units] as number);
    if (before > 0) {
      (free as number[])[units] = this.pageOf(before - 1).readUInt32LE(offsetOf(before - 1));
      return before - 1;
    }
    return this.takeAtEnd(units);
  }

  private takeAtEnd(units: number): number {
    if (units > PAGE_UNITS) throw new RangeError(`texts of ${units * UNIT} bytes, at most ${PAGE_BYTES}`);
    const left = PAGE_UNITS - (this.end % PAGE_UNITS);
    if (units > left) {
      // None stands in two pages; the rest of this one is for shorter ones.
      this.makePage(this.end + left);
      this.give(this.end, left);
      this.end += left;
    }
    const place = this.end;
    this.end += units;
    this.makePage(this.end);
    return place;
  }

  /** Makes sure that there are bytes up to this place, which is in the newest page or at its end. */
  private makePage(end: number): void {
    const { pages } = this;
    const index = Math.ceil(end / PAGE_UNITS) - 1;
    const bytes = (end - index * PAGE_UNITS) * UNIT;
    const page = pages[index];
    if (page === undefined) {
      const length = index < GROWING_PAGES ? Math.max(this.firstBytes, bytes) : PAGE_BYTES;
      pages.push(Buffer.allocUnsafeSlow(length));
    } else if (bytes > page.length) {
      const more = page.length + (page.length >> 1);
      const longer = Buffer.allocUnsafeSlow(Math.min(PAGE_BYTES, Math.max(bytes, more - (more % UNIT))));
      page.copy(longer);
      pages[index] = longer;
    }
  }

  private give(place: number, units: number): void {
    this.free ??= [];
    while (this.free.length <= units) this.free.push(0);
    this.pageOf(place).writeUInt32LE(this.free[units] as number, offsetOf(place));
    this.free[units] = place + 1;
  }

  private pageOf(place: number): Buffer {
    return this.pages[Math.floor(place / PAGE_UNITS)] as Buffer;
  }
}

function unitsOf(bytes: number): number {
  return Math.ceil(bytes / UNIT);
}

/** Where a place begins in its page. */
function offsetOf(place: number): number {
  return (place % PAGE_UNITS) * UNIT;
}

// A text is what ByteWriter.string writes: length × 2 + width as a varint, of two bytes at most here, then one byte a character
// or two.

function headerAt(page: Buffer, at: number): number {
  const first = page[at] as number;
  return first < 0x80 ? first : (first & 0x7f) + (page[at + 1] as number) * 128;
}

function headerLength(header: number): number {
  return header < 0x80 ? 1 : 2;
}

/** Bytes of the text that begins here. */
function lengthAt(page: Buffer, at: number): number {
  const header = headerAt(page, at);
  return headerLength(header) + (header >> 1) * ((header & 1) + 1);
}
