// Which keys were asked for lately, near enough: a table of 32 bits a key in which a newer one may take the place of another, so that it
// never grows and the garbage collector has nothing to look at. It may have forgotten a key, and once in millions take one for another.
import { tagOf } from '../core/index.ts';

/** Low bits of an entry: when the key was asked for, in beats; the others are of its tag. */
const BEAT_BITS = 8;
const BEAT_MASK = (1 << BEAT_BITS) - 1;
/** A table of fewer would mistake nobody, but forget nearly everybody. */
const KEYS_MIN = 256;

export class RecentKeys {
  readonly #entries: Uint32Array;
  readonly #beatMs: number;
  #elapsedMs = 0;
  #beat = 1;

  /** @param keysMax for how many keys it is meant; @param ms what counts as lately: between this and twice as long */
  constructor(keysMax: number, ms: number) {
    this.#entries = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(keysMax, KEYS_MIN))));
    this.#beatMs = ms;
  }

  /** To be called as time passes; it stands still otherwise. */
  pass(elapsedMs: number): void {
    this.#elapsedMs += elapsedMs;
    const beats = Math.floor(this.#elapsedMs / this.#beatMs);
    if (beats === 0) return;
    this.#elapsedMs -= beats * this.#beatMs;
    this.#beat += beats;
    // Entries of as many beats ago as can be told apart would pass for new ones.
    if ((this.#beat & BEAT_MASK) < beats) this.clear();
  }

  /** Notes that the key is asked for. @returns whether it was before, lately */
  meet(key: string): boolean {
    const tag = tagOf(key);
    const entries = this.#entries;
    const at = tag & (entries.length - 1);
    const entry = entries[at] as number;
    entries[at] = (tag & ~BEAT_MASK) | (this.#beat & BEAT_MASK);
    if (entry === 0 || (entry & ~BEAT_MASK) !== (tag & ~BEAT_MASK)) return false;
    return ((this.#beat - entry) & BEAT_MASK) <= 1;
  }

  clear(): void {
    this.#entries.fill(0);
  }
}
