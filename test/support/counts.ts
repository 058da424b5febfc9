// Moments of a test that are told by what has happened, so that slow machines test the same.

/** How often each thing has happened, and waiting until it has happened so often. */
export class Counts {
  readonly #waiting: { readonly what: string; readonly count: number; readonly resolve: () => void }[] = [];
  readonly #counts = new Map<string, number>();

  reached(what: string, count: number): void {
    this.#counts.set(what, count);
    for (const waiting of this.#waiting) if (waiting.what === what && waiting.count <= count) waiting.resolve();
  }

  until(what: string, count: number): Promise<void> {
    if ((this.#counts.get(what) ?? 0) >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ what, count, resolve });
    });
  }
}
