// An open model: requests come when they are due, whatever became of those before. Each virtual user has one connection and its
// share of the rate, over one long iteration, since k6 closes what an iteration opened when it ends.
import exec, { type instance } from 'k6/execution';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Outcome } from '../../../protocol/types.ts';
import type { WireRequest } from '../../../protocol/wire.ts';
import { acknowledged, latency, lateness, refused, retries, unaccounted, unexpected, WINDOWS } from './metrics.ts';
import { type Answered, Session } from './session.ts';
import { RUN } from './settings.ts';

/** Between two looks at what is due: no sooner, since k6's timers are not finer, and no later, ms. */
const TICK_MS_MIN = 1;
const TICK_MS_MAX = 20;
/** Beyond so many in flight on a connection, half of what the grid takes, the next wait, and count from when they were due. */
const IN_FLIGHT_MAX = 4_096;
/** What is not answered so long after the last request was due never will be, ms. */
const PATIENCE_MS = 10_000;
/** How far the dues of one connection lie apart at most, ms: a rate that begins low is looked at again so soon. */
const GAP_MS_MAX = 1_000;
/** A request that the grid may take later is sent again so often, */
const RETRIES_MAX = 5;
/** and no sooner than this, ms. */
const RETRY_AFTER_MS_MIN = 20;

export interface Load {
  readonly durationMs: number;
  /** How many virtual users share the rate; they are the first ones. */
  readonly connections: number;
  /** Requests a second of all connections together, so many ms after the start; above 0. */
  rate(ms: number): number;
  /** One arrival: what a buyer does first. What follows is sent from the answer. */
  arrive(buyer: Buyer): void;
  /** Codes of refusals that are no fault. */
  readonly expected: readonly ErrorCode[];
}

export interface Buyer {
  /** Another one each time. */
  requestId(): string;
  /** Sends what the arrival is; its latency counts from when that was due. */
  send(request: WireRequest, answered?: Answered): void;
  /** Sends what follows from an answer, and is due only now. */
  sendNow(request: WireRequest, answered?: Answered): void;
  after(ms: number, act: () => void): void;
}

/** One request, from when it is due until its last answer. */
interface Due {
  readonly request: WireRequest;
  readonly at: number;
  readonly window: string;
  readonly answered: Answered | undefined;
  retries: number;
}

let clock: typeof instance | undefined;

/** ms since the test began; finer than Date.now(). */
export function now(): number {
  // Asked for once: each time costs as much as the rest of a request.
  clock ??= exec.instance;
  return clock.currentTestRunDuration;
}

/** Measures one answer that is final. */
export function record(request: WireRequest, outcome: Outcome, latencyMs: number, window: string): void {
  const { op } = request;
  latency.add(latencyMs, { op, code: outcome.ok ? 'OK' : outcome.code, window });
  if (outcome.ok) acknowledged.add(1, { op, window });
  else refused.add(1, { op, code: outcome.code, window });
  if (op === 'commit' && outcome.ok && 'qty' in outcome) unaccounted.add(outcome.qty);
}

/** Runs the virtual user's share of the load; its connection ends with it. */
export function run(load: Load): void {
  new Share(load);
}

class Share {
  readonly #load: Load;
  readonly #session: Session;
  readonly #startedAt = now();
  readonly #endsAt: number;
  readonly #held: Due[] = [];
  #nextAt: number;
  /** Requests that are due and have no final answer. */
  #open = 0;
  #thinking = 0;
  #requestIds = 0;
  #isOver = false;

  constructor(load: Load) {
    this.#load = load;
    this.#endsAt = this.#startedAt + load.durationMs;
    // Spread over the first gap, so that connections do not send at one moment.
    this.#nextAt = this.#startedAt + (this.#gapAt(0) * (exec.vu.idInTest - 1)) / load.connections;
    this.#session = new Session({ opened: () => this.#tick(), closed: (...how) => this.#lost(...how) });
  }

  #gapAt(ms: number): number {
    return Math.min((1_000 * this.#load.connections) / this.#load.rate(ms), GAP_MS_MAX);
  }

  #tick(): void {
    if (this.#isOver) return;
    const at = now();
    for (const due of this.#held.splice(0)) this.#send(due);
    while (this.#nextAt <= at && this.#nextAt < this.#endsAt) {
      const dueAt = this.#nextAt;
      this.#nextAt += this.#gapAt(dueAt - this.#startedAt);
      this.#load.arrive(this.#buyer(dueAt));
    }
    const isAnswered = at >= this.#endsAt && this.#open + this.#thinking === 0;
    if (isAnswered || at >= this.#endsAt + PATIENCE_MS) return this.#end();
    const waitMs = this.#nextAt < this.#endsAt ? this.#nextAt - at : TICK_MS_MAX;
    setTimeout(() => this.#tick(), Math.min(Math.max(waitMs, TICK_MS_MIN), TICK_MS_MAX));
  }

  #buyer(dueAt: number): Buyer {
    return {
      requestId: () => {
        this.#requestIds += 1;
        return `${RUN.id}-${exec.vu.idInTest}-${this.#requestIds}`;
      },
      send: (request, answered) => this.#due(request, answered, dueAt),
      sendNow: (request, answered) => this.#due(request, answered, now()),
      after: (ms, act) => {
        this.#thinking += 1;
        setTimeout(() => {
          this.#thinking -= 1;
          act();
        }, ms);
      },
    };
  }

  #due(request: WireRequest, answered: Answered | undefined, at: number): void {
    if (this.#isOver) return;
    const share = (at - this.#startedAt) / this.#load.durationMs;
    const window = String(Math.min(WINDOWS - 1, Math.floor(WINDOWS * share)));
    this.#open += 1;
    this.#send({ request, at, window, answered, retries: 0 });
  }

  #send(due: Due): void {
    if (this.#isOver) return;
    if (this.#session.inFlight >= IN_FLIGHT_MAX) {
      this.#held.push(due);
      return;
    }
    if (due.retries === 0) lateness.add(now() - due.at);
    this.#session.send(due.request, (outcome) => this.#answer(due, outcome));
  }

  #answer(due: Due, outcome: Outcome): void {
    if (this.#isOver) return;
    const { request, at, window, answered } = due;
    if (!outcome.ok && outcome.retriable && due.retries < RETRIES_MAX) {
      due.retries += 1;
      retries.add(1, { op: request.op, code: outcome.code });
      // Apart from each other, or all that were refused together come back together.
      const waitMs = Math.max(outcome.retryAfterMs, RETRY_AFTER_MS_MIN) * due.retries * (0.5 + Math.random());
      setTimeout(() => this.#send(due), waitMs);
      return;
    }
    this.#open -= 1;
    record(request, outcome, now() - at, window);
    unexpected.add(!outcome.ok && !this.#load.expected.includes(outcome.code));
    answered?.(outcome);
  }

  #end(): void {
    this.#isOver = true;
    for (let n = this.#open; n > 0; n--) unexpected.add(true);
    this.#session.close();
  }

  #lost(why: string, isLost: (act: () => void) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    isLost(() => {
      console.error(`connection ${exec.vu.idInTest} ended with ${this.#open} requests unanswered: ${why}`);
      // One more for what would have been due: nobody is left to send it.
      for (let n = this.#open; n >= 0; n--) unexpected.add(true);
    });
  }
}
