// One call from its submission to its end: what is asked, where the answer goes, and how far it has come.
import type { Failure } from '../errors.ts';
import type { Outcome } from '../types.ts';
import type { WireRequest } from '../wire.ts';
import type { HoldfastError } from './errors.ts';
import type { Linked } from './fifo.ts';
import { isPaced } from './requests.ts';

/** What a caller asks. */
export interface Submission {
  readonly request: WireRequest;
  /** Of the request, or of the items of a batch; none for reads. */
  readonly requestIds: readonly string[];
  /** Replies it counts for; see weightOf. */
  readonly weight: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
}

/** Whoever is to see a call to its end. */
export interface CallHolder {
  /** Ends it, as its caller wants. */
  abort(call: Call, cause: unknown): void;
}

/**
 * queued: waits for its turn or for a connection. inFlight: sent, waits for the answer. backingOff: refused for now,
 * waits to be queued again. settled: resolved or rejected, for good.
 */
export type CallState = 'queued' | 'inFlight' | 'backingOff' | 'settled';

export class Call implements Submission, Linked<Call> {
  readonly request: WireRequest;
  readonly requestIds: readonly string[];
  readonly weight: number;
  readonly isPaced: boolean;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: HoldfastError) => void;
  /** Called once, just before it is resolved or rejected. */
  onSettled: (() => void) | undefined = undefined;
  state: CallState = 'queued';
  /** Where it waits; elsewhere once its connection was given up. */
  holder: CallHolder | undefined = undefined;
  /** Attempts answered with a retriable refusal. */
  retries = 0;
  /** An attempt was sent whose effect is not known. */
  uncertain = false;
  /** Of its latest attempt. */
  wireId = 0;
  sentMs = 0;
  /** When something must happen to it: the next attempt while backing off, else the deadline. */
  dueMs: number;
  lastFailure: Failure | undefined = undefined;
  previous: Call | undefined = undefined;
  next: Call | undefined = undefined;

  constructor(submission: Submission, resolve: (outcome: Outcome) => void, reject: (error: HoldfastError) => void) {
    this.request = submission.request;
    this.requestIds = submission.requestIds;
    this.weight = submission.weight;
    this.isPaced = isPaced(submission.request);
    this.timeoutMs = submission.timeoutMs;
    this.deadlineMs = submission.deadlineMs;
    this.dueMs = submission.deadlineMs;
    this.resolve = resolve;
    this.reject = reject;
  }
}
