// The one error the client throws: a refusal of the grid, or the client's own reason why there is no answer.
import type { ErrorCode, Failure } from '../errors.ts';

/** The codes of the wire contract, and two of the client's own: the caller aborted, the client was closed. */
export type ClientErrorCode = ErrorCode | 'ABORTED' | 'CLOSED';

/**
 * What became of the request, as far as the client can know:
 * - `refused`: the grid decided against it; nothing changed.
 * - `not-sent`: it never left this process; nothing changed.
 * - `unknown`: it was sent and no deciding answer came. Call again with the same requestId to learn the outcome:
 *   the grid repeats the answer if it has decided already and decides once if it has not.
 */
export type RequestOutcome = 'refused' | 'not-sent' | 'unknown';

export interface ErrorDetails {
  readonly retriable?: boolean;
  readonly retryAfterMs?: number;
  readonly state?: Failure['state'];
  readonly lines?: Failure['lines'];
  readonly requestId?: string | undefined;
  readonly requestIds?: readonly string[] | undefined;
  readonly replayed?: boolean;
  readonly outcome?: RequestOutcome;
  readonly cause?: unknown;
}

export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError';
  readonly code: ClientErrorCode;
  /** May the same call, with the same requestId, succeed later? The client itself has stopped trying. */
  readonly retriable: boolean;
  /** Milliseconds to wait before trying again; 0 where the grid named none. */
  readonly retryAfterMs: number;
  /** With RESERVATION_ENDED: the state the reservation ended in. */
  readonly state: Failure['state'];
  /** Of reserveOrder: the lines that could not be had. */
  readonly lines: Failure['lines'];
  /** The requestId that was sent, given or generated; undefined for reads. */
  readonly requestId: string | undefined;
  /** Of a batch: the requestIds of its items that change something. */
  readonly requestIds: readonly string[];
  /** True when the grid repeated an earlier decision. */
  readonly replayed: boolean;
  readonly outcome: RequestOutcome;

  constructor(code: ClientErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retriable = details.retriable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? 0;
    this.state = details.state;
    this.lines = details.lines;
    this.requestId = details.requestId;
    this.requestIds = details.requestIds ?? (details.requestId === undefined ? [] : [details.requestId]);
    this.replayed = details.replayed ?? false;
    this.outcome = details.outcome ?? 'not-sent';
  }
}

/** Codes that say for certain that this request, in none of its attempts, had an effect. */
const DECIDED: ReadonlySet<string> = new Set<ErrorCode>([
  'BAD_REQUEST',
  'NOT_FOUND',
  'INSUFFICIENT_STOCK',
  'LIMIT_EXCEEDED',
  'RESERVATION_ENDED',
  'IDEMPOTENCY_CONFLICT',
]);

/** Codes given before anything was decided: they clear this attempt, not earlier ones. */
const TURNED_AWAY: ReadonlySet<string> = new Set<ErrorCode>([
  'OVERLOADED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'TOO_LARGE',
]);

/** What a refusal says about the request; `uncertain`: an earlier attempt may have taken effect. */
export function outcomeOf(code: ErrorCode, uncertain: boolean): RequestOutcome {
  if (DECIDED.has(code)) return 'refused';
  return TURNED_AWAY.has(code) && !uncertain ? 'refused' : 'unknown';
}

/** The error for a refusal as it came from the grid. */
export function errorOfFailure(
  failure: Failure,
  requestIds: readonly string[],
  outcome: RequestOutcome,
): HoldfastError {
  return new HoldfastError(failure.code, failure.message, {
    retriable: failure.retriable,
    retryAfterMs: failure.retryAfterMs,
    state: failure.state,
    lines: failure.lines,
    requestId: requestIds[0],
    requestIds,
    replayed: failure.replayed === true,
    outcome,
  });
}
