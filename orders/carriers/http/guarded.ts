// What stands around each call to a carrier over HTTP: not too many at once (bulkhead), tried again with pauses (retry), not too
// many a second (token bucket), none for a while where all fail (circuit breaker). By cockatiel, but for the bucket.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhen,
  type IRetryBackoffContext,
  retry,
  wrap,
} from 'cockatiel';
import { CarrierError } from '../errors.ts';
import { TokenBucket } from '../token-bucket.ts';
import {
  ATTEMPTS_MAX,
  BACKOFF_MAX_MS,
  BACKOFF_MS,
  BURST_DEFAULT,
  CALLS_IN_FLIGHT_MAX,
  CALLS_PER_SECOND_DEFAULT,
  CALLS_WAITING_MAX,
  FAILURES_UNTIL_OPEN,
  OPEN_MS,
  OVERLOADED_RETRY_AFTER_MS,
  RETRY_AFTER_WAITED_MAX_MS,
} from './limits.ts';

export interface GuardOptions {
  readonly attempts?: number;
  readonly backoffMs?: number;
  readonly inFlight?: number;
  readonly waiting?: number;
  readonly perSecond?: number;
  readonly burst?: number;
  readonly failuresUntilOpen?: number;
  readonly openMs?: number;
  /** 0 to 1, for jitter. */
  readonly random?: () => number;
}

export interface GuardCounts {
  calls: number;
  attempts: number;
  retries: number;
  /** Of the breaker: how often it opened. */
  opened: number;
  rejected: number;
  rateLimited: number;
}

/** Whoever fails so is not well; whoever refuses is. */
const UNWELL: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'MALFORMED']);
/** Worth another try within the call. A full day's collection is not. */
const TRIED_AGAIN: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED', 'OVERLOADED']);

export class Guard {
  readonly counts: GuardCounts = { calls: 0, attempts: 0, retries: 0, opened: 0, rejected: 0, rateLimited: 0 };
  readonly #policy: { execute<T>(run: () => Promise<T>): Promise<T> };
  readonly #bucket: TokenBucket;
  readonly #openMs: number;
  #opensAgainAt = 0;
  /** Until then the carrier asked for quiet, by performance.now(). */
  #pausedUntil = 0;

  constructor(options: GuardOptions = {}) {
    const { attempts = ATTEMPTS_MAX, backoffMs = BACKOFF_MS, random = Math.random } = options;
    this.#openMs = options.openMs ?? OPEN_MS;
    this.#bucket = new TokenBucket(
      options.perSecond ?? CALLS_PER_SECOND_DEFAULT,
      options.burst ?? BURST_DEFAULT,
      performance.now(),
    );
    const retries = retry(
      handleWhen((error) => error instanceof CarrierError && isTriedAgain(error)),
      {
        maxAttempts: Math.max(0, attempts - 1),
        backoff: new DelegateBackoff((context: IRetryBackoffContext<unknown>) => {
          const asked = 'error' in context.result ? (context.result.error as CarrierError).retryAfterMs : 0;
          const drawn = random() * Math.min(BACKOFF_MAX_MS, backoffMs * 2 ** (context.attempt - 1));
          return asked + drawn;
        }),
      },
    );
    retries.onRetry(() => {
      this.counts.retries += 1;
    });
    const breaker = circuitBreaker(
      handleWhen((error) => error instanceof CarrierError && UNWELL.has(error.code)),
      {
        halfOpenAfter: this.#openMs,
        breaker: new ConsecutiveBreaker(options.failuresUntilOpen ?? FAILURES_UNTIL_OPEN),
      },
    );
    breaker.onBreak(() => {
      this.counts.opened += 1;
      this.#opensAgainAt = performance.now() + this.#openMs;
    });
    const slots = bulkhead(options.inFlight ?? CALLS_IN_FLIGHT_MAX, options.waiting ?? CALLS_WAITING_MAX);
    const outer = wrap(slots, retries);
    this.#policy = {
      execute: (run) =>
        outer.execute(async () => {
          await this.#admitted();
          return breaker.execute(run);
        }),
    };
  }

  /** @throws CarrierError, that of the last try */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.counts.calls += 1;
    try {
      return await this.#policy.execute(async () => {
        this.counts.attempts += 1;
        try {
          return await call();
        } catch (error) {
          if (error instanceof CarrierError && error.code === 'RATE_LIMITED') this.#pause(error.retryAfterMs);
          throw error;
        }
      });
    } catch (error) {
      throw this.#told(error);
    }
  }

  #pause(retryAfterMs: number): void {
    this.counts.rateLimited += 1;
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + retryAfterMs);
  }

  /** Waits for its turn, or says how long that would take. */
  async #admitted(): Promise<void> {
    for (;;) {
      const now = performance.now();
      const waitMs = now < this.#pausedUntil ? this.#pausedUntil - now : this.#bucket.take(now);
      if (waitMs === 0) return;
      if (waitMs > RETRY_AFTER_WAITED_MAX_MS) {
        throw new CarrierError('RATE_LIMITED', 'the carrier asked for a pause', { retryAfterMs: waitMs });
      }
      await sleep(waitMs);
    }
  }

  #told(error: unknown): unknown {
    if (error instanceof BulkheadRejectedError) {
      this.counts.rejected += 1;
      return new CarrierError('OVERLOADED', 'too many calls to the carrier are under way', {
        retryAfterMs: OVERLOADED_RETRY_AFTER_MS,
        cause: error,
      });
    }
    if (error instanceof BrokenCircuitError) {
      const retryAfterMs = Math.max(1, this.#opensAgainAt - performance.now());
      const message = 'calls to the carrier failed one after the other; none is tried for a while';
      return new CarrierError('UNAVAILABLE', message, { retryAfterMs, cause: error });
    }
    return error;
  }
}

function isTriedAgain({ code, retryAfterMs }: CarrierError): boolean {
  return TRIED_AGAIN.has(code) && retryAfterMs <= RETRY_AFTER_WAITED_MAX_MS;
}
