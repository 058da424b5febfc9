// How a call to a carrier fails: a code, whether the same call may go well later, when, and what to do next.

/** Whether the same call, with the same key, may go well later, and what to do. */
const CODES = {
  BAD_REQUEST: { retriable: false, next: 'Correct the request; sending it again changes nothing.' },
  UNAUTHENTICATED: { retriable: false, next: 'Check the token of this carrier.' },
  NOT_FOUND: { retriable: false, next: 'Check the trackingId: this carrier has no such parcel.' },
  IDEMPOTENCY_CONFLICT: {
    retriable: false,
    next: 'Take another idempotencyKey: this one was used for something else.',
  },
  NO_SERVICE: { retriable: false, next: 'Choose another service: this one does not go there.' },
  NO_CAPACITY: { retriable: true, next: 'Choose another service or hand over on a later day.' },
  TOO_LATE: {
    retriable: false,
    next: 'Wait for the delivery and reship or refund: the parcel cannot be stopped any more.',
  },
  RATE_LIMITED: { retriable: true, next: 'Send it again after retryAfterMs, with the same key.' },
  OVERLOADED: {
    retriable: true,
    next: 'Send it again after retryAfterMs: too many calls to this carrier are under way here.',
  },
  UNAVAILABLE: { retriable: true, next: 'Send it again after retryAfterMs, or choose another carrier.' },
  TIMEOUT: { retriable: true, next: 'Send it again with the same key: it may have taken effect.' },
  ABORTED: { retriable: true, next: 'It may have taken effect; send it again with the same key to know.' },
  MALFORMED: {
    retriable: false,
    next: 'Tell the carrier: its answer is not what its contract says. Track the shipment before booking anew.',
  },
} as const;

export type CarrierErrorCode = keyof typeof CODES;

export const CARRIER_ERROR_CODES = Object.keys(CODES) as readonly CarrierErrorCode[];

export class CarrierError extends Error {
  override readonly name = 'CarrierError';
  readonly code: CarrierErrorCode;
  readonly retriable: boolean;
  /** 0 where it may be sent again at once, or never. */
  readonly retryAfterMs: number;
  /** What to do about it. */
  readonly next: string;

  constructor(code: CarrierErrorCode, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retriable = CODES[code].retriable;
    this.retryAfterMs = this.retriable ? Math.max(0, Math.round(options.retryAfterMs ?? 0)) : 0;
    this.next = CODES[code].next;
  }
}
