// The worker's lease on its lane: renewed in the background, valid until a deadline counted from before the
// request that renewed it was sent. Past the deadline nothing is admitted or acknowledged, whatever the store
// says later; ownership itself is decided by the fence at each append, never here.
import type { Lane } from '../journal/port.ts';
import type { Runtime } from './runtime.ts';

export class Lease {
  readonly #lane: Lane;
  readonly #runtime: Runtime;
  readonly #ttlMs: number;
  readonly #lost: () => Promise<boolean>;
  readonly #renewed: () => Promise<void>;
  /** On the monotonic clock. */
  #validUntil: number;
  #cancel: (() => void) | undefined;

  /**
   * @param acquiredAt monotonic time before the lane was asked for
   * @param lost called when the store says that it is not ours; resolves with true once it is again
   * @param renewed called after each renewal: the moment to see that the store still holds what was acknowledged
   */
  constructor(
    lane: Lane,
    runtime: Runtime,
    ttlMs: number,
    acquiredAt: number,
    lost: () => Promise<boolean>,
    renewed: () => Promise<void>,
  ) {
    this.#lane = lane;
    this.#runtime = runtime;
    this.#ttlMs = ttlMs;
    this.#lost = lost;
    this.#renewed = renewed;
    this.#validUntil = acquiredAt + ttlMs;
    this.#arm();
  }

  readonly valid = (): boolean => this.#runtime.monotonic() < this.#validUntil;

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(ms = this.#ttlMs / 4): void {
    this.#cancel = this.#runtime.after(ms, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const sentAt = this.#runtime.monotonic();
    let isOursAgain = false;
    try {
      if (await this.#lane.renew()) {
        this.#validUntil = Math.max(this.#validUntil, sentAt + this.#ttlMs);
        await this.#renewed();
      } else {
        isOursAgain = await this.#lost();
        if (!isOursAgain) {
          this.stop();
          return;
        }
      }
    } catch {
      // The store does not answer: the deadline stands, and the next attempt may succeed.
    }
    if (this.#cancel !== undefined) this.#arm(isOursAgain ? 0 : undefined);
  }
}
