// The refusal codes of the wire contract, and what a client may do about each. Nothing else lives here.

/** For each code: may the same request, with the same requestId, succeed if it is sent again? */
export const RETRIABLE = {
  BAD_REQUEST: false,
  UNAUTHENTICATED: false,
  FORBIDDEN: false,
  NOT_FOUND: false,
  INSUFFICIENT_STOCK: false,
  LIMIT_EXCEEDED: false,
  RESERVATION_ENDED: false,
  IDEMPOTENCY_CONFLICT: false,
  IDEMPOTENCY_EXPIRED: false,
  OVERLOADED: true,
  UNAVAILABLE: true,
  DEADLINE_EXCEEDED: true,
  TOO_LARGE: false,
  INTERNAL: false,
} as const;

export type ErrorCode = keyof typeof RETRIABLE;

export const ERROR_CODES = Object.keys(RETRIABLE) as ErrorCode[];

/** Why a line of an order could not be had. */
export interface RefusedLine {
  readonly lineId: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A refusal as it travels in a reply. `message` says what happened and, where it can, what to do next. */
export interface Failure {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retriable: boolean;
  /** Milliseconds to wait before trying again; 0 where waiting does not help. */
  readonly retryAfterMs: number;
  /** True when this answers a requestId that was already decided. */
  readonly replayed?: true;
  /** With RESERVATION_ENDED: the state the reservation ended in. */
  readonly state?: 'COMMITTED' | 'RELEASED' | 'EXPIRED';
  /** Of reserveOrder: the lines that could not be had. */
  readonly lines?: readonly RefusedLine[];
}

/** Builds a refusal; `retriable` follows from the code. */
export function failure(code: ErrorCode, message: string, retryAfterMs = 0): Failure {
  return { ok: false, code, message, retriable: RETRIABLE[code], retryAfterMs };
}
