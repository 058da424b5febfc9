// The calls of one client: which wait for their turn, which wait for an answer, which wait to be tried again, and when
// each is due. No socket, no clock, no chance of its own: session.ts brings them. SPEC.md has the table in words.
import type { Failure } from '../errors.ts';
import type { Outcome } from '../types.ts';
import type { WireRequest } from '../wire.ts';
import type { Backoff } from './backoff.ts';
import { backoffMs } from './backoff.ts';
import { Deadlines } from './deadlines.ts';
import type { ClientErrorCode, ErrorDetails, RequestOutcome } from './errors.ts';
import { errorOfFailure, HoldfastError, outcomeOf } from './errors.ts';

export interface CallLimits {
  /** Weight of the calls in flight at once. */
  readonly inFlightMax: number;
  /** Calls waiting for their turn, a connection or a retry. */
  readonly queuedMax: number;
  readonly retryBackoff: Backoff;
}

type CallState = 'queued' | 'inFlight' | 'backingOff' | 'settled';

/** What a caller asks, and where the answer goes. */
export interface Submission {
  readonly request: WireRequest;
  readonly requestIds: readonly string[];
  /** Replies it counts for; see weightOf. */
  readonly weight: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: HoldfastError) => void;
}

/** A call from its submission to its end. */
export interface Call extends Submission {
  /** Called once, just before it is resolved or rejected. */
  onSettled: (() => void) | undefined;
  state: CallState;
  /** Attempts answered with a retriable refusal. */
  retries: number;
  /** An attempt was sent whose effect is not known. */
  uncertain: boolean;
  wireId: number;
  /** Where it stands among the deadlines. */
  dueKey: number;
  lastFailure: Failure | undefined;
}

export class CallTable {
  readonly #limits: CallLimits;
  /** In the order to be sent. */
  #queue = new Set<Call>();
  /** By the id of its latest attempt, in the order sent. */
  readonly #inFlight = new Map<number, Call>();
  readonly #backingOff = new Set<Call>();
  readonly #due = new Deadlines<Call>();
  #inFlightWeight = 0;
  #nextWireId = 1;
  #inFlightMax: number;

  constructor(limits: CallLimits) {
    this.#limits = limits;
    this.#inFlightMax = limits.inFlightMax;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Calls that nobody has sent, or that wait to be sent again. */
  get queued(): number {
    return this.#queue.size + this.#backingOff.size;
  }

  /** Lowers the limit to the grid's own, learned from hello. */
  limitInFlight(max: number | undefined): void {
    if (max !== undefined && max >= 1) this.#inFlightMax = Math.min(this.#limits.inFlightMax, max);
  }

  /** Takes a call in; throws OVERLOADED when too many wait already. */
  add(submission: Submission): Call {
    const { requestIds } = submission;
    if (this.queued >= this.#limits.queuedMax) {
      throw new HoldfastError(
        'OVERLOADED',
        `${this.queued} calls wait already (queuedMax); wait for some of them, or slow down`,
        { retriable: true, requestId: requestIds[0], requestIds, outcome: 'not-sent' },
      );
    }
    const call: Call = {
      ...submission,
      onSettled: undefined,
      state: 'queued',
      retries: 0,
      uncertain: false,
      wireId: 0,
      dueKey: 0,
      lastFailure: undefined,
    };
    this.#queue.add(call);
    call.dueKey = this.#due.add(call.deadlineMs, call);
    return call;
  }

  /**
   * The calls that may be sent now, at most `max`; each is in flight under a fresh `wireId` from here on. A fresh id
   * for each attempt, so that a late or repeated answer to an earlier one is never taken for this one's.
   */
  takeSendable(max: number): Call[] {
    const taken: Call[] = [];
    for (const call of this.#queue) {
      // A batch above the limit goes alone rather than never.
      const fits = this.#inFlightWeight + call.weight <= this.#inFlightMax || this.#inFlight.size === 0;
      if (!fits || taken.length >= max) break;
      this.#queue.delete(call);
      call.state = 'inFlight';
      call.wireId = this.#nextWireId++;
      this.#inFlight.set(call.wireId, call);
      this.#inFlightWeight += call.weight;
      taken.push(call);
    }
    return taken;
  }

  /** Ends a call that was taken but could not be written. */
  endUnsent(call: Call, code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    this.#leaveFlight(call);
    call.state = 'queued';
    this.end(call, code, why, details);
  }

  get sendable(): boolean {
    if (this.#queue.size === 0) return false;
    return this.#inFlight.size === 0 || this.#inFlightWeight < this.#inFlightMax;
  }

  /** Takes an answer; false when no call waits for it (answered before, timed out, or not ours). */
  answer(wireId: number | string | undefined, outcome: Outcome, nowMs: number, random: number): boolean {
    const call = typeof wireId === 'number' ? this.#inFlight.get(wireId) : undefined;
    if (call === undefined) return false;
    if (outcome.ok) {
      this.#remove(call);
      call.resolve(outcome);
      return true;
    }
    const known: RequestOutcome = outcomeOf(outcome.code, call.uncertain);
    if (known === 'unknown') call.uncertain = true;
    call.lastFailure = outcome;
    const retryAtMs = nowMs + (outcome.retryAfterMs || 0) + backoffMs(this.#limits.retryBackoff, call.retries, random);
    // A retry that could not be answered in time is not worth the grid's work: the caller learns the reason now.
    if (!outcome.retriable || retryAtMs >= call.deadlineMs) {
      this.#remove(call);
      call.reject(errorOfFailure(outcome, call.requestIds, known));
      return true;
    }
    this.#leaveFlight(call);
    call.retries += 1;
    call.state = 'backingOff';
    this.#backingOff.add(call);
    this.#reschedule(call, retryAtMs);
    return true;
  }

  /** The connection is gone: what was in flight is sent again, first and in its old order. */
  requeueInFlight(): void {
    if (this.#inFlight.size === 0) return;
    const again = [...this.#inFlight.values()];
    for (const call of again) {
      call.uncertain = true;
      call.state = 'queued';
    }
    this.#inFlight.clear();
    this.#inFlightWeight = 0;
    this.#queue = new Set([...again, ...this.#queue]);
  }

  /** Ends what is past its deadline and queues what is due for a retry. */
  tick(nowMs: number): void {
    for (const call of this.#due.take(nowMs)) {
      if (call.state === 'backingOff' && nowMs < call.deadlineMs) {
        this.#backingOff.delete(call);
        call.state = 'queued';
        this.#queue.add(call);
        call.dueKey = this.#due.add(call.deadlineMs, call);
      } else {
        this.end(call, 'DEADLINE_EXCEEDED', `no answer within ${call.timeoutMs} ms`, { retriable: true });
      }
    }
  }

  /** When to call tick next, ms. */
  nextWakeMs(): number {
    return this.#due.nextAt();
  }

  /** Ends a call without an answer; nothing happens when it has ended already. */
  end(call: Call, code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    if (call.state === 'settled') return;
    const outcome = call.uncertain || call.state === 'inFlight' ? 'unknown' : call.lastFailure ? 'refused' : 'not-sent';
    this.#remove(call);
    const last =
      call.lastFailure === undefined ? '' : `; last answer: ${call.lastFailure.code} ${call.lastFailure.message}`;
    call.reject(
      new HoldfastError(code, `${why}${last}${advice(outcome, call.requestIds)}`, {
        ...details,
        requestId: call.requestIds[0],
        requestIds: call.requestIds,
        outcome,
      }),
    );
  }

  /** Ends all calls, as close() does. */
  endAll(code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    for (const call of [...this.#inFlight.values(), ...this.#queue, ...this.#backingOff]) {
      this.end(call, code, why, details);
    }
  }

  #remove(call: Call): void {
    this.#due.remove(call.dueKey, call);
    if (call.state === 'inFlight') this.#leaveFlight(call);
    else if (call.state === 'queued') this.#queue.delete(call);
    else this.#backingOff.delete(call);
    call.state = 'settled';
    call.onSettled?.();
  }

  #leaveFlight(call: Call): void {
    this.#inFlight.delete(call.wireId);
    this.#inFlightWeight -= call.weight;
  }

  #reschedule(call: Call, atMs: number): void {
    this.#due.remove(call.dueKey, call);
    call.dueKey = this.#due.add(Math.min(atMs, call.deadlineMs), call);
  }
}

function advice(outcome: RequestOutcome, requestIds: readonly string[]): string {
  if (outcome === 'not-sent') return '; the request was never sent: nothing changed';
  if (outcome === 'refused' || requestIds.length === 0) return '';
  if (requestIds.length > 1) return '; the outcome is unknown: repeat the batch with the same requestIds to learn it';
  return `; the outcome is unknown: call again with requestId ${requestIds[0]} to learn it`;
}
