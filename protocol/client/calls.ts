// The calls of one client: which wait for their turn, which wait for an answer, which wait to be tried again, and when
// each is due. No socket, no clock, no chance of its own: session.ts brings them. SPEC.md has the table in words.
import type { Outcome } from '../types.ts';
import type { Backoff } from './backoff.ts';
import { backoffMs } from './backoff.ts';
import type { Call } from './call.ts';
import type { ClientErrorCode, ErrorDetails, RequestOutcome } from './errors.ts';
import { errorOfFailure, HoldfastError, outcomeOf } from './errors.ts';
import { Fifo } from './fifo.ts';
import { InFlightWindow } from './window.ts';

export interface CallLimits {
  /** Weight of the calls in flight at once, at most: the window (window.ts) is often smaller. */
  readonly inFlightMax: number;
  /** Calls waiting for their turn, a connection or a retry. */
  readonly queuedMax: number;
  readonly retryBackoff: Backoff;
}

/**
 * Looks for what is due are at least this far apart, ms: each looks at every call. A timer for each call instead would
 * cost more than the call, as nearly all are answered long before.
 */
const LOOK_INTERVAL_MS = 8;

/** While calls that settle stock and others both wait, one of so many that are sent is of the others: neither waits for ever. */
const OTHERS_EVERY = 8;

export class CallTable {
  readonly #limits: CallLimits;
  /** In the order to be sent: those that the window holds back, */
  readonly #paced = new Fifo<Call>();
  /** and those that it does not, which go first. */
  readonly #unpaced = new Fifo<Call>();
  /** By the id of its latest attempt, in the order sent. */
  readonly #inFlight = new Map<number, Call>();
  readonly #backingOff = new Fifo<Call>();
  readonly #window: InFlightWindow;
  #inFlightWeight = 0;
  #pacedWeight = 0;
  /** Sent one after the other while one that is paced could have been. */
  #unpacedInARow = 0;
  #nextWireId = 1;
  /** Those sent before this filled the window, or waited for it. */
  #fullBefore = 0;
  /** No call is due before this; may be early, as calls that end do not move it. */
  #earliestDueMs = Number.POSITIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** @param busy as of Platform.busyMeter */
  constructor(limits: CallLimits, busy?: () => number) {
    this.#limits = limits;
    this.#window = new InFlightWindow(limits.inFlightMax, busy);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Calls that nobody has sent, or that wait to be sent again. */
  get queued(): number {
    return this.#paced.size + this.#unpaced.size + this.#backingOff.size;
  }

  /** Lowers the limit to the grid's own, learned from hello. */
  limitInFlight(max: number | undefined): void {
    if (max !== undefined && max >= 1) this.#window.limit(max);
  }

  /** Takes a call in; throws OVERLOADED when too many wait already. */
  add(call: Call): void {
    if (this.queued >= this.#limits.queuedMax) {
      const why = `${this.queued} calls wait already (queuedMax); wait for some of them, or slow down`;
      const { requestIds } = call;
      const details = { retriable: true, requestId: requestIds[0], requestIds, outcome: 'not-sent' } as const;
      throw new HoldfastError('OVERLOADED', why, details);
    }
    this.#queueOf(call).append(call);
    if (call.dueMs < this.#earliestDueMs) this.#earliestDueMs = call.dueMs;
  }

  #queueOf(call: Call): Fifo<Call> {
    return call.isPaced ? this.#paced : this.#unpaced;
  }

  /**
   * The calls that may be sent now, at most `max`; each is in flight under a fresh `wireId` from here on. A fresh id
   * for each attempt, so that a late or repeated answer to an earlier one is never taken for this one's.
   */
  takeSendable(max: number, nowMs: number): Call[] {
    if (this.#inFlight.size === 0) this.#window.resumed(nowMs);
    const taken: Call[] = [];
    for (let call = this.#next; call !== undefined && taken.length < max; call = this.#next) {
      if (call.isPaced) this.#unpacedInARow = 0;
      else if (this.#paced.first !== undefined) this.#unpacedInARow += 1;
      this.#queueOf(call).remove(call);
      call.state = 'inFlight';
      call.wireId = this.#nextWireId++;
      call.sentMs = nowMs;
      this.#inFlight.set(call.wireId, call);
      this.#inFlightWeight += call.weight;
      if (call.isPaced) this.#pacedWeight += call.weight;
      taken.push(call);
    }
    this.#noteFull();
    return taken;
  }

  /** Whether takeSendable would give any. */
  get sendable(): boolean {
    return this.#next !== undefined;
  }

  /** The call to be sent next; undefined while none may be. */
  get #next(): Call | undefined {
    const { first: paced } = this.#paced;
    const { first: unpaced } = this.#unpaced;
    const isOthersTurn = unpaced === undefined || this.#unpacedInARow >= OTHERS_EVERY - 1;
    const call = isOthersTurn && paced !== undefined && this.#fits(paced) ? paced : unpaced;
    if (call === undefined) return undefined;
    return this.#inFlight.size === 0 || this.#inFlightWeight + call.weight <= this.#window.most ? call : undefined;
  }

  /** Whether the window has room for it. A batch above the window goes alone rather than never. */
  #fits(paced: Call): boolean {
    return this.#pacedWeight === 0 || this.#pacedWeight + paced.weight <= this.#window.size;
  }

  #noteFull(): void {
    const { first } = this.#paced;
    if (first !== undefined && !this.#fits(first)) this.#fullBefore = this.#nextWireId;
  }

  /** Takes an answer; false when no call waits for it (answered before, timed out, or not ours). */
  answer(wireId: number | string | undefined, outcome: Outcome, nowMs: number, random: number): boolean {
    const call = typeof wireId === 'number' ? this.#inFlight.get(wireId) : undefined;
    if (call === undefined) return false;
    if (call.isPaced) this.#pace(call, outcome, nowMs);
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
    call.dueMs = retryAtMs;
    this.#backingOff.append(call);
    if (retryAtMs < this.#earliestDueMs) this.#earliestDueMs = retryAtMs;
    return true;
  }

  #pace(call: Call, outcome: Outcome, nowMs: number): void {
    this.#noteFull();
    if (isTooMany(outcome)) this.#window.refused(nowMs, call.sentMs);
    // What a worker could not serve for another reason says nothing of how much it takes.
    else if (outcome.ok || !outcome.retriable)
      this.#window.answered(nowMs, call.sentMs, call.wireId < this.#fullBefore ? call.weight : 0);
  }

  /** The connection is gone: what was in flight is sent again, first and in its old order, to a worker that may be another. */
  requeueInFlight(): void {
    const again = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#inFlightWeight = 0;
    this.#pacedWeight = 0;
    this.#window.restart();
    for (const call of again) {
      call.uncertain = true;
      call.state = 'queued';
    }
    this.#prepend(again);
  }

  #prepend(calls: readonly Call[]): void {
    this.#paced.prepend(calls.filter((call) => call.isPaced));
    this.#unpaced.prepend(calls.filter((call) => !call.isPaced));
  }

  /** Takes in calls that another table gave up: first, in their order, those to be tried again later at once. */
  adopt(calls: readonly Call[]): void {
    for (const call of calls) {
      call.dueMs = call.deadlineMs;
      if (call.dueMs < this.#earliestDueMs) this.#earliestDueMs = call.dueMs;
    }
    this.#prepend(calls);
  }

  /** Lets all calls go, unsettled: those in flight first, as they may have had their effect. */
  giveUp(): Call[] {
    this.requeueInFlight();
    const calls = [...this.#unpaced, ...this.#paced, ...this.#backingOff];
    for (const call of calls) {
      (call.state === 'backingOff' ? this.#backingOff : this.#queueOf(call)).remove(call);
      call.state = 'queued';
    }
    return calls;
  }

  /** Ends what is past its deadline and queues what is due for a retry. */
  tick(nowMs: number): void {
    if (nowMs < this.nextWakeMs()) return;
    this.#lookedAtMs = nowMs;
    // Those that are due get another time or an end, so that what is found below is what comes next.
    for (const call of this.#all()) if (call.dueMs <= nowMs) this.#due(call, nowMs);
    this.#earliestDueMs = Number.POSITIVE_INFINITY;
    for (const call of this.#all()) if (call.dueMs < this.#earliestDueMs) this.#earliestDueMs = call.dueMs;
  }

  #due(call: Call, nowMs: number): void {
    if (nowMs >= call.deadlineMs) {
      this.end(call, 'DEADLINE_EXCEEDED', `no answer within ${call.timeoutMs} ms`, { retriable: true });
      return;
    }
    this.#backingOff.remove(call);
    call.state = 'queued';
    call.dueMs = call.deadlineMs;
    this.#queueOf(call).append(call);
  }

  /** When to call tick next, ms. */
  nextWakeMs(): number {
    return Math.max(this.#earliestDueMs, this.#lookedAtMs + LOOK_INTERVAL_MS);
  }

  /** Ends a call without an answer; nothing happens when it has ended already. */
  end(call: Call, code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    if (call.state === 'settled') return;
    const { lastFailure, requestIds } = call;
    const outcome = call.uncertain || call.state === 'inFlight' ? 'unknown' : lastFailure ? 'refused' : 'not-sent';
    this.#remove(call);
    const last = lastFailure === undefined ? '' : `; last answer: ${lastFailure.code} ${lastFailure.message}`;
    const message = `${why}${last}${advice(outcome, requestIds)}`;
    call.reject(new HoldfastError(code, message, { ...details, requestId: requestIds[0], requestIds, outcome }));
  }

  /** Ends a call that was taken but could not be written. */
  endUnsent(call: Call, code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    this.#leaveFlight(call);
    call.state = 'queued';
    this.#queueOf(call).append(call);
    this.end(call, code, why, details);
  }

  /** Ends all calls, as close() does. */
  endAll(code: ClientErrorCode, why: string, details: ErrorDetails = {}): void {
    for (const call of this.#all()) this.end(call, code, why, details);
  }

  #all(): Call[] {
    return [...this.#inFlight.values(), ...this.#unpaced, ...this.#paced, ...this.#backingOff];
  }

  #remove(call: Call): void {
    if (call.state === 'inFlight') this.#leaveFlight(call);
    else if (call.state === 'queued') this.#queueOf(call).remove(call);
    else this.#backingOff.remove(call);
    call.state = 'settled';
    call.onSettled?.();
  }

  #leaveFlight(call: Call): void {
    this.#inFlight.delete(call.wireId);
    this.#inFlightWeight -= call.weight;
    if (call.isPaced) this.#pacedWeight -= call.weight;
  }
}

/** The grid has refused it, or an item of it, for want of capacity. */
function isTooMany(outcome: Outcome): boolean {
  if (!outcome.ok) return outcome.code === 'OVERLOADED';
  return 'items' in outcome && outcome.items.some((item) => !item.ok && item.code === 'OVERLOADED');
}

function advice(outcome: RequestOutcome, requestIds: readonly string[]): string {
  if (outcome === 'not-sent') return '; the request was never sent: nothing changed';
  if (outcome === 'refused' || requestIds.length === 0) return '';
  if (requestIds.length > 1) return '; the outcome is unknown: repeat the batch with the same requestIds to learn it';
  return `; the outcome is unknown: call again with requestId ${requestIds[0]} to learn it`;
}
