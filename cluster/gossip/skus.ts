// The names of all skus, once for all regions: registers go by their number.

export class Skus {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** The number of a sku, given to it if it has none; −1 when there are as many as there may be. */
  intern(sku: string): number {
    const known = this.#ids.get(sku);
    if (known !== undefined) return known;
    if (this.#names.length >= this.#max) return -1;
    const id = this.#names.length;
    this.#ids.set(sku, id);
    this.#names.push(sku);
    return id;
  }

  /** −1: never seen. */
  find(sku: string): number {
    return this.#ids.get(sku) ?? -1;
  }

  name(id: number): string {
    return this.#names[id] as string;
  }
}
