// The calls of one link that wait for their answers: each is told exactly once. Reads no clock.
import { type MeshAnswer, MeshFailure } from './port.ts';

interface Pending {
  readonly done: MeshAnswer;
  readonly until: number;
}

/** Numbers stay small integers to the engine. */
const NUMBER_MAX = 0x7fff_ffff;

export class PendingCalls {
  readonly #calls = new Map<number, Pending>();
  #last = 0;
  #earliest = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#calls.size;
  }

  /** No call is due before this time, monotonic ms; infinite when none waits. */
  get earliest(): number {
    return this.#earliest;
  }

  /** Returns the call's number. @param until monotonic ms */
  add(done: MeshAnswer, until: number): number {
    // After two thousand million calls a number comes again; one that still waits is passed over.
    do this.#last = this.#last === NUMBER_MAX ? 1 : this.#last + 1;
    while (this.#calls.has(this.#last));
    this.#calls.set(this.#last, { done, until });
    if (until < this.#earliest) this.#earliest = until;
    return this.#last;
  }

  /** False when no such call waits: it was given up before its answer came. */
  settle(call: number, answer: Uint8Array | MeshFailure): boolean {
    const pending = this.#calls.get(call);
    if (pending === undefined) return false;
    this.#calls.delete(call);
    tell(pending.done, answer);
    return true;
  }

  /** Gives up the calls that are due at `now`, and returns how many. */
  expire(now: number, why: () => string): number {
    const due: number[] = [];
    let earliest = Number.POSITIVE_INFINITY;
    for (const [call, { until }] of this.#calls) {
      if (until <= now) due.push(call);
      else if (until < earliest) earliest = until;
    }
    this.#earliest = earliest;
    // Whoever is told may call again, or end the link: what is no longer there is not told twice.
    let count = 0;
    for (const call of due) if (this.settle(call, new MeshFailure(why()))) count += 1;
    return count;
  }

  /** Gives up all, and returns how many. */
  failAll(failure: MeshFailure): number {
    const all = [...this.#calls.values()];
    this.#calls.clear();
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const { done } of all) tell(done, failure);
    return all.length;
  }
}

/** Hands over an answer. What `done` throws ends the process, but not before the others were told. */
export function tell(done: MeshAnswer, answer: Uint8Array | MeshFailure): void {
  try {
    done(answer);
  } catch (error) {
    throwLater(error);
  }
}

/** Lets an error that is nobody's to handle end the process, once what must happen in this turn has happened. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
