// Where the rows of a large table stand, by 32 bits of their fingerprint: an open-addressing hash of two integers a row
// in typed arrays, so that to know that a key is new costs one look into memory. Extendible hashing (Fagin et al., 1979)
// over small segments: it grows one segment at a time and never has a rehash pause. A row that was dropped need not be
// removed: its table says that it is gone, and it goes when its segment is next rebuilt.

/** Slots of the first segment, and those from which a segment is split instead of made larger. */
const SLOTS_MIN = 32;
const SLOTS_MAX = 512;
/** A segment is rebuilt when this share of its slots is in use. */
const LOAD_MAX = 0.7;
/** Or, with a quarter of the slots, when no more than this share is, once a row was removed. */
const LOAD_MIN = 0.1;
/** The directory has at most so many entries a segment; a segment beyond that has tags made to collide, and doubles. */
const DIRECTORY_SLACK = 16;
/** Tags choose their segment by at most so many low bits, and the first slot to look at by the others. */
const DEPTH_MAX = 20;
const START_BITS = 32 - DEPTH_MAX;

/** A segment is [slots in use, depth, then a tag and a row for each slot]; a row of 0 marks a free slot. */
const USED = 0;
const DEPTH = 1;
const HEAD = 2;

const NO_ROW = -1;

/** Whether the row still counts. */
export type IsHeld = (row: number) => boolean;

export class FingerprintIndex {
  private directory: Int32Array[] = [newSegment(SLOTS_MIN, 0)];
  private mask = 0;
  private segments = 1;
  /** Slots of all segments: what the index weighs, at 8 bytes each. */
  slots = SLOTS_MIN;
  private readonly isHeld: IsHeld;
  // Where next() goes on.
  private segment: Int32Array = this.directory[0] as Int32Array;
  private at = 0;
  private tag = 0;

  constructor(isHeld: IsHeld) {
    this.isHeld = isHeld;
  }

  /** A row with this tag, or −1; rows with the same tag follow by next(). */
  first(tag: number): number {
    const segment = this.directory[tag & this.mask] as Int32Array;
    this.segment = segment;
    this.tag = tag;
    this.at = HEAD + startOf(tag, segment);
    return this.next();
  }

  /** The next row with the tag of first(), or −1. Not after an add. */
  next(): number {
    const { segment, tag } = this;
    let { at } = this;
    for (;;) {
      const row = segment[at + 1] as number;
      if (row === 0) return NO_ROW;
      const found = segment[at] === tag;
      at = after(at, segment);
      if (found) {
        this.at = at;
        return row - 1;
      }
    }
  }

  /** @param row 0 to 2^31 − 2 */
  add(tag: number, row: number): void {
    let segment = this.directory[tag & this.mask] as Int32Array;
    if ((segment[USED] as number) >= LOAD_MAX * ((segment.length - HEAD) >> 1)) segment = this.makeRoom(segment, tag);
    put(segment, tag, row + 1);
  }

  /** Takes a row out again; those that it stood in the way of move up. Does nothing when it is not there. */
  remove(tag: number, row: number): void {
    const segment = this.directory[tag & this.mask] as Int32Array;
    let at = HEAD + startOf(tag, segment);
    while (segment[at + 1] !== row + 1 || segment[at] !== tag) {
      if (segment[at + 1] === 0) return;
      at = after(at, segment);
    }
    closeUp(segment, at);
    const used = (segment[USED] as number) - 1;
    segment[USED] = used;
    const slots = (segment.length - HEAD) >> 1;
    if (slots === SLOTS_MIN || used > LOAD_MIN * slots) return;
    const fewer = Math.max(SLOTS_MIN, slots >> 2);
    this.slots += fewer - slots;
    const depth = segment[DEPTH] as number;
    this.replaceBy(newSegment(fewer, depth), segment, tag, depth);
  }

  private makeRoom(full: Int32Array, tag: number): Int32Array {
    let held = 0;
    for (let at = HEAD; at < full.length; at += 2) {
      const row = full[at + 1] as number;
      if (row !== 0 && this.isHeld(row - 1)) held += 1;
    }
    const slots = (full.length - HEAD) >> 1;
    const depth = full[DEPTH] as number;
    // Rebuilding unless half is free keeps the cleaning of a nearly full segment from being repeated each time.
    if (held > 0.5 * slots) {
      if (slots >= SLOTS_MAX && this.mayDeepen(depth)) {
        this.split(full, tag, depth);
        return this.directory[tag & this.mask] as Int32Array;
      }
      const more = moreSlots(slots);
      this.slots += more - slots;
      return this.replaceBy(newSegment(more, depth), full, tag, depth);
    }
    return this.replaceBy(newSegment(slots, depth), full, tag, depth);
  }

  /** Whether a segment of this depth may be split; doubles the directory where that needs it. */
  private mayDeepen(depth: number): boolean {
    if (depth >= DEPTH_MAX) return false;
    const { directory } = this;
    if (2 ** depth < directory.length) return true;
    if (directory.length >= DIRECTORY_SLACK * this.segments) return false;
    this.directory = directory.concat(directory);
    this.mask = this.directory.length - 1;
    return true;
  }

  private split(full: Int32Array, tag: number, depth: number): void {
    const slots = (full.length - HEAD) >> 1;
    const bit = 2 ** depth;
    const low = newSegment(slots, depth + 1);
    const high = newSegment(slots, depth + 1);
    for (let at = HEAD; at < full.length; at += 2) {
      const row = full[at + 1] as number;
      if (row === 0 || !this.isHeld(row - 1)) continue;
      const itsTag = full[at] as number;
      put(itsTag & bit ? high : low, itsTag, row);
    }
    this.segments += 1;
    this.slots += slots;
    for (let i = tag & (bit - 1); i < this.directory.length; i += bit) this.directory[i] = i & bit ? high : low;
  }

  private replaceBy(segment: Int32Array, full: Int32Array, tag: number, depth: number): Int32Array {
    for (let at = HEAD; at < full.length; at += 2) {
      const row = full[at + 1] as number;
      if (row !== 0 && this.isHeld(row - 1)) put(segment, full[at] as number, row);
    }
    const bit = 2 ** depth;
    for (let i = tag & (bit - 1); i < this.directory.length; i += bit) this.directory[i] = segment;
    return segment;
  }
}

function newSegment(slots: number, depth: number): Int32Array {
  const segment = new Int32Array(HEAD + 2 * slots);
  segment[DEPTH] = depth;
  return segment;
}

/** As many slots again by a third or a half: 32, 48, 64, 96 and so on. Doubled, small tables would pay for twice what they use. */
function moreSlots(slots: number): number {
  const isPowerOfTwo = (slots & (slots - 1)) === 0;
  return isPowerOfTwo ? slots + (slots >> 1) : (slots / 3) * 4;
}

/** Where the search for a tag starts, counted from the first slot: the high bits, spread over any number of slots (Lemire, 2019). */
function startOf(tag: number, segment: Int32Array): number {
  return (((tag >>> DEPTH_MAX) * ((segment.length - HEAD) >> 1)) >>> START_BITS) << 1;
}

/** The slot behind this one. */
function after(at: number, segment: Int32Array): number {
  return at + 2 === segment.length ? HEAD : at + 2;
}

/** Frees a slot (Knuth, The Art of Computer Programming, vol. 3, algorithm 6.4 R): what a search would have met there first moves in. */
function closeUp(segment: Int32Array, freed: number): void {
  const length = segment.length - HEAD;
  let free = freed;
  for (let at = after(free, segment); segment[at + 1] !== 0; at = after(at, segment)) {
    const start = HEAD + startOf(segment[at] as number, segment);
    // Counted in the direction of the search, round the end: it may go no further back than where its search starts.
    if ((at - start + length) % length < (at - free + length) % length) continue;
    segment[free] = segment[at] as number;
    segment[free + 1] = segment[at + 1] as number;
    free = at;
  }
  segment[free + 1] = 0;
}

function put(segment: Int32Array, tag: number, row: number): void {
  let at = HEAD + startOf(tag, segment);
  while (segment[at + 1] !== 0) at = after(at, segment);
  segment[at] = tag;
  segment[at + 1] = row;
  segment[USED] = (segment[USED] as number) + 1;
}
