// What was changed in other regions through this worker, or shown here after its region was asked, and has not been heard
// back yet: until it has, those who ask are not shown what was before it. A bounded number of skus, the latest.
import type { Outcome, Version } from '../../protocol/index.ts';

export class OwnWrites {
  readonly #max: number;
  readonly #versions = new Map<string, Version>();

  constructor(max: number) {
    this.#max = max;
  }

  /** A request for the sku was carried out there, or answered with what it has. */
  note(region: string, sku: string, outcome: Outcome): void {
    if (!outcome.ok || !('version' in outcome)) return;
    const { version } = outcome;
    const key = keyOf(region, sku);
    const known = this.#versions.get(key);
    if (known !== undefined && !isEarlier(known, version)) return;
    this.#versions.delete(key);
    this.#versions.set(key, version);
    if (this.#versions.size <= this.#max) return;
    for (const oldest of this.#versions.keys()) {
      this.#versions.delete(oldest);
      return;
    }
  }

  /** Whether what was heard, a version or nothing, is from before that. */
  isBefore(region: string, sku: string, heard: Version | undefined): boolean {
    if (this.#versions.size === 0) return false;
    const key = keyOf(region, sku);
    const written = this.#versions.get(key);
    if (written === undefined) return false;
    if (heard === undefined || isEarlier(heard, written)) return true;
    this.#versions.delete(key);
    return false;
  }
}

function keyOf(region: string, sku: string): string {
  return `${region}/${sku}`;
}

function isEarlier(a: Version, b: Version): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq);
}
