// The shadow prices that orders are sourced by, made anew every few minutes. Where that fails the last ones stay, and their age says so.
import type { PricingInput } from '../pricing.ts';
import type { ShadowPrices } from '../situation.ts';
import type { SolverThread } from './thread.ts';

export interface PriceKeeperOptions {
  readonly thread: Pick<SolverThread, 'prices'>;
  /** Demand, stock and capacity of now; undefined where there is nothing to price. */
  readonly read: () => Promise<PricingInput | undefined>;
  readonly everyMs: number;
  /** Prices that are older count no more: then the rules' own do. */
  readonly ageMaxMs: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface PriceStatus {
  /** Of what they were made from; undefined before the first. */
  readonly ageMs: number | undefined;
  readonly made: number;
  readonly failed: number;
  /** Of the last try, where it failed. */
  readonly error: string | undefined;
}

export class PriceKeeper {
  readonly #options: PriceKeeperOptions;
  #prices: ShadowPrices | undefined;
  #counts = { made: 0, failed: 0 };
  #error: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(options: PriceKeeperOptions) {
    this.#options = options;
  }

  /** Undefined before the first, and when the last are too old. Never waits. */
  prices(): ShadowPrices | undefined {
    const { now, ageMaxMs } = this.#options;
    return this.#prices !== undefined && now() - this.#prices.asOf <= ageMaxMs ? this.#prices : undefined;
  }

  status(): PriceStatus {
    const asOf = this.#prices?.asOf;
    return {
      ageMs: asOf === undefined ? undefined : this.#options.now() - asOf,
      ...this.#counts,
      error: this.#error,
    };
  }

  /** Makes them now; a call while they are made waits for those. Never throws. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#make().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.refresh(), this.#options.everyMs).unref();
    void this.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #make(): Promise<void> {
    const { thread, read } = this.#options;
    try {
      const input = await read();
      if (input !== undefined) {
        this.#prices = await thread.prices(input);
        this.#counts.made += 1;
      }
      this.#error = undefined;
    } catch (error) {
      this.#counts.failed += 1;
      this.#error = error instanceof Error ? error.message : String(error);
    }
  }
}
