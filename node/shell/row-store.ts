// Packed rows of bytes outside of the heap, so that the garbage collector marks none of a million of them. They are appended to pages, one
// behind the other; once a fourth of all that was appended is dead, the page with the least that lives is moved on and given back. A row is
// known by a handle, which stays the same as long as the row is there. What rows mean is the caller's business.

/** Places are counted in units of so many bytes. */
const UNIT = 8;
const PAGE_BYTES = 131_072;
const PAGE_UNITS = PAGE_BYTES / UNIT;
/** A longer row has a page of its own, as long as it is. */
const ROW_BYTES_MAX = PAGE_BYTES / 8;
/** As many pages as a place of 31 bits can say: 16 GiB. */
const PAGES_MAX = 2 ** 31 / PAGE_UNITS;
/** Before a row: its handle and its length. */
const HEADER_BYTES = 8;
/** So much may be dead at any rate, and this share of all that was appended. */
const DEAD_BYTES_MIN = 4 * PAGE_BYTES;
const DEAD_SHARE_MAX = 0.25;
/** The tables of handles grow by pages of 2^12. */
const HANDLE_BITS = 12;
const HANDLES_PER_PAGE = 1 << HANDLE_BITS;
const HANDLE_MASK = HANDLES_PER_PAGE - 1;

const NONE = -1;

interface Page {
  bytes: Buffer;
  /** Bytes that were appended, and those of them whose row is still there. */
  end: number;
  live: number;
}

export class RowStore {
  /** By number; undefined: the number is free. */
  #pages: (Page | undefined)[] = [];
  #freePages: number[] = [];
  /** The page that is appended to. */
  #open = NONE;
  /** A page that was given back last, to be used next. */
  #spare: Buffer | undefined;
  /** By handle: where the row is, units; of a free handle the next free one, as −2 − handle, and NONE at the end. */
  #places: Int32Array[] = [];
  /** By handle. */
  #notes: Float64Array[] = [];
  #handles = 0;
  #freeHandle = NONE;
  #size = 0;
  #appended = 0;
  #live = 0;

  /** Rows. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all pages. */
  get bytes(): number {
    let bytes = this.#spare?.length ?? 0;
    for (const page of this.#pages) bytes += page?.bytes.length ?? 0;
    return bytes;
  }

  /**
   * Keeps a copy of the row.
   * @param note a number that is kept beside it
   * @returns its handle, from 0 on
   * @throws RangeError when there is no room for it
   */
  add(row: Uint8Array, note: number): number {
    const { length } = row;
    const place = this.#append(HEADER_BYTES + length);
    const handle = this.#takeHandle();
    const { bytes } = this.#pageOf(place);
    const at = offsetOf(place);
    writeUint32(bytes, at, handle);
    writeUint32(bytes, at + 4, length);
    bytes.set(row, at + HEADER_BYTES);
    this.#put(handle, place);
    (this.#notes[handle >>> HANDLE_BITS] as Float64Array)[handle & HANDLE_MASK] = note;
    this.#size += 1;
    return handle;
  }

  /** A view of the row, valid until the next add or remove. */
  read(handle: number): Uint8Array {
    const place = this.#placeOf(handle);
    const { bytes } = this.#pageOf(place);
    const at = offsetOf(place);
    return bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + readUint32(bytes, at + 4));
  }

  noteOf(handle: number): number {
    this.#placeOf(handle);
    return (this.#notes[handle >>> HANDLE_BITS] as Float64Array)[handle & HANDLE_MASK] as number;
  }

  lengthOf(handle: number): number {
    const place = this.#placeOf(handle);
    return readUint32(this.#pageOf(place).bytes, offsetOf(place) + 4);
  }

  remove(handle: number): void {
    const place = this.#placeOf(handle);
    const number = Math.floor(place / PAGE_UNITS);
    const page = this.#pageOf(place);
    const bytes = rounded(HEADER_BYTES + readUint32(page.bytes, offsetOf(place) + 4));
    this.#put(handle, -2 - this.#freeHandle);
    this.#freeHandle = handle;
    this.#size -= 1;
    page.live -= bytes;
    this.#live -= bytes;
    if (page.live === 0 && number !== this.#open) this.#giveBack(number);
    if (this.#appended - this.#live > Math.max(DEAD_BYTES_MIN, this.#appended * DEAD_SHARE_MAX)) this.#compact();
  }

  clear(): void {
    this.#pages = [];
    this.#freePages = [];
    this.#open = NONE;
    this.#spare = undefined;
    this.#places = [];
    this.#notes = [];
    this.#handles = 0;
    this.#freeHandle = NONE;
    this.#size = 0;
    this.#appended = 0;
    this.#live = 0;
  }

  /** Where so many bytes stand next. */
  #append(bytes: number): number {
    const taken = rounded(bytes);
    let number = this.#open;
    if (taken > ROW_BYTES_MAX) number = this.#addPage(Buffer.allocUnsafeSlow(taken));
    else if (number === NONE || (this.#pages[number] as Page).end + taken > PAGE_BYTES) number = this.#openPage();
    const page = this.#pages[number] as Page;
    const place = number * PAGE_UNITS + page.end / UNIT;
    page.end += taken;
    page.live += taken;
    this.#appended += taken;
    this.#live += taken;
    return place;
  }

  #openPage(): number {
    const before = this.#open;
    const bytes = this.#spare ?? Buffer.allocUnsafeSlow(PAGE_BYTES);
    this.#open = this.#addPage(bytes);
    this.#spare = undefined;
    if (before !== NONE && (this.#pages[before] as Page).live === 0) this.#giveBack(before);
    return this.#open;
  }

  #addPage(bytes: Buffer): number {
    const number = this.#freePages.pop() ?? this.#pages.length;
    if (number >= PAGES_MAX) throw new RangeError(`more than ${PAGES_MAX} pages of rows`);
    this.#pages[number] = { bytes, end: 0, live: 0 };
    return number;
  }

  #giveBack(number: number): void {
    const { bytes, end } = this.#pages[number] as Page;
    this.#appended -= end;
    this.#pages[number] = undefined;
    this.#freePages.push(number);
    if (bytes.length === PAGE_BYTES) this.#spare = bytes;
  }

  /** Moves on what lives in the page that has least of it. */
  #compact(): void {
    let least = NONE;
    let share = 1;
    for (let number = 0; number < this.#pages.length; number++) {
      const page = this.#pages[number];
      if (page === undefined || number === this.#open || page.live / page.end >= share) continue;
      least = number;
      share = page.live / page.end;
    }
    if (least === NONE) return;
    const { bytes, end } = this.#pages[least] as Page;
    for (let at = 0; at < end; ) {
      const handle = readUint32(bytes, at);
      const taken = rounded(HEADER_BYTES + readUint32(bytes, at + 4));
      if (this.#get(handle) === least * PAGE_UNITS + at / UNIT) {
        const place = this.#append(taken);
        bytes.copy(this.#pageOf(place).bytes, offsetOf(place), at, at + taken);
        this.#put(handle, place);
        this.#live -= taken;
      }
      at += taken;
    }
    this.#giveBack(least);
  }

  #takeHandle(): number {
    const free = this.#freeHandle;
    if (free !== NONE) {
      this.#freeHandle = -2 - this.#get(free);
      return free;
    }
    const handle = this.#handles;
    if (handle === this.#places.length * HANDLES_PER_PAGE) {
      this.#places.push(new Int32Array(HANDLES_PER_PAGE));
      this.#notes.push(new Float64Array(HANDLES_PER_PAGE));
    }
    this.#handles += 1;
    return handle;
  }

  #get(handle: number): number {
    return (this.#places[handle >>> HANDLE_BITS] as Int32Array)[handle & HANDLE_MASK] as number;
  }

  #put(handle: number, place: number): void {
    (this.#places[handle >>> HANDLE_BITS] as Int32Array)[handle & HANDLE_MASK] = place;
  }

  #placeOf(handle: number): number {
    const place = handle >= 0 && handle < this.#handles ? this.#get(handle) : NONE;
    if (place < 0) throw new Error(`no row has the handle ${handle}`);
    return place;
  }

  #pageOf(place: number): Page {
    return this.#pages[Math.floor(place / PAGE_UNITS)] as Page;
  }
}

function rounded(bytes: number): number {
  return Math.ceil(bytes / UNIT) * UNIT;
}

/** Where a place begins in its page. */
function offsetOf(place: number): number {
  return (place % PAGE_UNITS) * UNIT;
}

function writeUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function readUint32(bytes: Buffer, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return low + (bytes[at + 3] as number) * 0x1000000;
}
