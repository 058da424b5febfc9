// What happened, in order: hashed as it goes, so that two runs can be compared byte for byte, and kept only on demand.

export class Trace {
  readonly lines: string[] = [];
  readonly #keep: boolean;
  readonly #now: () => number;
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;
  count = 0;

  constructor(now: () => number, keep: boolean) {
    this.#now = now;
    this.#keep = keep;
  }

  add(text: string): void {
    const line = `${this.#now().toFixed(3)} ${text}`;
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ (code + high), 0x85ebca6b) ^ (low >>> 13);
    }
    this.#high = high;
    this.#low = low;
    this.count += 1;
    if (this.#keep) this.lines.push(line);
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }
}
