// Bounds how much work is under way at once, and remembers the first defect of any of it. No queue: whoever reads
// the input waits at the gate.

export class Gate {
  readonly #max: number;
  #inside = 0;
  #waiting: (() => void)[] = [];
  #drainWaiting: (() => void)[] = [];
  #failure: { readonly cause: unknown } | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get inside(): number {
    return this.#inside;
  }

  /** Resolves when there is room; the caller is then inside and must leave. Throws once fail() was called. */
  async enter(): Promise<void> {
    while (this.#inside >= this.#max && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#throwFailure();
    this.#inside += 1;
  }

  leave(): void {
    this.#inside -= 1;
    this.#waiting.shift()?.();
    if (this.#inside === 0) this.#wakeDrained();
  }

  /** Ends the whole: enter and drained throw `cause` from now on. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    for (const wake of this.#waiting.splice(0)) wake();
    this.#wakeDrained();
  }

  /** Resolves when nobody is inside. */
  async drained(): Promise<void> {
    if (this.#inside > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#drainWaiting.push(resolve));
    }
    this.#throwFailure();
  }

  #wakeDrained(): void {
    for (const wake of this.#drainWaiting.splice(0)) wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
