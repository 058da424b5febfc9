// Small numbers for the names of services, nodes and areas, so that groups have numeric keys.

export class Names {
  readonly #codes = new Map<string, number>();
  readonly #names: string[] = [''];
  readonly #max: number;

  constructor(max: number, names: readonly string[] = []) {
    this.#max = max;
    for (const name of names) this.learn(name);
  }

  /** 0 for what was never learned: a group without a past, which is what its parents say. */
  codeOf(name: string): number {
    return this.#codes.get(name) ?? 0;
  }

  /** Gives it a code; beyond the bound all new names share 0. */
  learn(name: string): number {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    if (this.#names.length > this.#max) return 0;
    this.#codes.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  nameOf(code: number): string {
    return this.#names[code] ?? '';
  }

  all(): readonly string[] {
    return this.#names.slice(1);
  }
}
