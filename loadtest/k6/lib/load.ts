// An open model: requests come when they are due, whatever became of those before. Each virtual user has one connection and its
// share of the rate, over one long iteration, since k6 closes what an iteration opened when it ends.
import exec from 'k6/execution';
import type { WireRequest } from '../../../protocol/wire.ts';
import { acknowledged, latency, lateness, refused, unexpected, WINDOWS } from './metrics.ts';
import { type Answered, Session } from './session.ts';
import { RUN } from './settings.ts';

/** Between two looks at what is due, ms. */
const TICK_MS = 5;
/** Beyond so many in flight on a connection the next wait, and count from when they were due. */
const IN_FLIGHT_MAX = 4_096;
/** What is not answered so long after the last request was due never will be, ms. */
const PATIENCE_MS = 10_000;
/** How far the dues of one connection lie apart at most, ms: a rate that begins at nothing is looked at again so soon. */
const GAP_MS_MAX = 1_000;

export interface Load {
  readonly durationMs: number;
  /** Requests a second of all connections together, so many ms after the start. */
  rate(ms: number): number;
  /** One arrival: what a buyer does first. What follows is sent from the answer. */
  arrive(buyer: Buyer): void;
  /** Codes of refusals that are no fault. */
  readonly expected: readonly string[];
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

/** ms since the test began; finer than Date.now(). */
export function now(): number {
  return exec.instance.currentTestRunDuration;
}

/** Runs the virtual user's share of the load; its connection ends with it. */
export function run(load: Load, vus: number): void {
  const vu = exec.vu.idInTest;
  const startedAt = now();
  const endsAt = startedAt + load.durationMs;
  const windowMs = load.durationMs / WINDOWS;
  const late: (() => void)[] = [];
  let sent = 0;
  let pending = 0;
  let isClosed = false;
  // Spread over the first gap, so that connections do not send at one moment.
  let dueAt = startedAt + gapAt(0) * ((vu - 1) / vus);

  function gapAt(ms: number): number {
    const rate = load.rate(ms) / vus;
    return rate > 0 ? Math.min(1_000 / rate, GAP_MS_MAX) : GAP_MS_MAX;
  }

  function send(request: WireRequest, answered: Answered | undefined, wasDueAt: number): void {
    if (isClosed) return;
    if (session.inFlight >= IN_FLIGHT_MAX) {
      late.push(() => send(request, answered, wasDueAt));
      return;
    }
    const window = String(Math.min(WINDOWS - 1, Math.floor((wasDueAt - startedAt) / windowMs)));
    lateness.add(now() - wasDueAt);
    pending += 1;
    session.send(request, (outcome) => {
      pending -= 1;
      const code = outcome.ok ? 'OK' : outcome.code;
      latency.add(now() - wasDueAt, { op: request.op, code, window });
      if (outcome.ok) acknowledged.add(1, { op: request.op, window });
      else refused.add(1, { op: request.op, code, window });
      unexpected.add(!outcome.ok && !load.expected.includes(outcome.code));
      answered?.(outcome);
    });
  }

  function buyerDueAt(due: number): Buyer {
    return {
      requestId: () => {
        sent += 1;
        return `${RUN}-${vu}-${sent}`;
      },
      send: (request, answered) => send(request, answered, due),
      sendNow: (request, answered) => send(request, answered, now()),
      after: (ms, act) => {
        setTimeout(act, ms);
      },
    };
  }

  function tick(): void {
    if (isClosed) return;
    const at = now();
    for (const send of late.splice(0)) send();
    while (dueAt <= at && dueAt < endsAt) {
      const due = dueAt;
      dueAt += gapAt(due - startedAt);
      if (load.rate(due - startedAt) <= 0) continue;
      load.arrive(buyerDueAt(due));
    }
    if (at < endsAt || (pending + late.length > 0 && at < endsAt + PATIENCE_MS)) setTimeout(tick, TICK_MS);
    else end();
  }

  function end(): void {
    for (let n = pending + late.length; n > 0; n--) unexpected.add(true);
    pending = 0;
    late.length = 0;
    isClosed = true;
    session.close();
  }

  const session = new Session({
    opened: tick,
    closed: (why) => {
      if (isClosed) return;
      console.error(`connection ${vu} ended with ${pending} requests unanswered: ${why}`);
      // One for the connection itself, which may never have been there.
      for (let n = pending + 1; n > 0; n--) unexpected.add(true);
      isClosed = true;
    },
  });
}
