// Carriers over HTTP, as both sides read it: POST /v1/<operation> with the request of the port as JSON, its key in a header, and
// webhooks of events. Fields that nobody knows are dropped, so that a newer carrier is understood.
import { z } from 'zod';
import { CARRIER_ERROR_CODES, CarrierError, type CarrierErrorCode } from '../errors.ts';
import { ID_LENGTH_MAX } from '../limits.ts';
import { TRACK_KINDS, type TrackEvent } from '../port.ts';
import { RETRY_AFTER_MAX_MS, WEBHOOK_EVENTS_MAX } from './limits.ts';

export const KEY_HEADER = 'idempotency-key';

const id = z.string().min(1).max(ID_LENGTH_MAX);
const amount = z.number().min(0);
const time = z.number().int().min(0);

const event = z.object({
  eventId: id,
  trackingId: id,
  shipmentId: id,
  /** What a carrier tells that has no name here is a note. */
  kind: z.string().min(1).max(64),
  at: time,
  detail: z.string().max(1_024).optional(),
  estimatedDeliveryAt: time.optional(),
});

const ANSWERS = {
  rate: z
    .array(z.object({ service: id, cost: amount, fuel: amount, deliveredP50At: time, deliveredP90At: time }))
    .max(256),
  book: z.object({
    trackingId: id,
    shipmentId: id,
    service: id,
    cost: amount,
    pickupAt: time,
    estimatedDeliveryAt: time,
  }),
  track: z.object({
    trackingId: id,
    shipmentId: id,
    events: z.array(event.transform(eventOf)).max(WEBHOOK_EVENTS_MAX),
    estimatedDeliveryAt: time.optional(),
  }),
  intercept: z.object({ trackingId: id, cost: amount }),
  cancel: z.object({ trackingId: id, refund: amount }),
} as const;

type Answers = typeof ANSWERS;

/** @throws CarrierError MALFORMED naming the fields */
export function readAnswer<O extends keyof Answers>(operation: O, body: unknown): z.output<Answers[O]> {
  const read = ANSWERS[operation].safeParse(body);
  if (read.success) return read.data as z.output<Answers[O]>;
  const places = read.error.issues.slice(0, 5).map(({ path, message }) => `${path.join('.') || operation}: ${message}`);
  throw new CarrierError('MALFORMED', `the answer to ${operation} cannot be read: ${places.join('; ')}`);
}

const webhook = z.object({ events: z.array(event.transform(eventOf)).min(1).max(WEBHOOK_EVENTS_MAX) });

/** @returns undefined where it is none */
export function readWebhook(body: string): readonly TrackEvent[] | undefined {
  try {
    const read = webhook.safeParse(JSON.parse(body));
    return read.success ? read.data.events : undefined;
  } catch {
    return undefined;
  }
}

function eventOf({ kind, detail, estimatedDeliveryAt, ...rest }: z.output<typeof event>): TrackEvent {
  const known = TRACK_KINDS.find((one) => one === kind);
  const text = known === undefined ? (detail === undefined ? kind : `${kind}: ${detail}`) : detail;
  return {
    ...rest,
    kind: known ?? 'note',
    ...(text === undefined ? {} : { detail: text }),
    ...(estimatedDeliveryAt === undefined ? {} : { estimatedDeliveryAt }),
  };
}

const STATUS: Readonly<Record<CarrierErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  NOT_FOUND: 404,
  IDEMPOTENCY_CONFLICT: 409,
  NO_SERVICE: 422,
  NO_CAPACITY: 422,
  TOO_LATE: 422,
  RATE_LIMITED: 429,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
  ABORTED: 503,
  MALFORMED: 502,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function writeError({ code, message, retryAfterMs }: CarrierError): ErrorAnswer {
  return {
    status: STATUS[code],
    headers: retryAfterMs > 0 ? { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) } : {},
    body: JSON.stringify({ error: { code, message, retryAfterMs } }),
  };
}

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string().max(1_024), retryAfterMs: z.number().min(0).optional() }),
});

/** What an answer that is no success says: by its body where that is readable, else by its status. `now` in ms since the epoch. */
export function readError(status: number, retryAfter: string | null, body: string, now: number): CarrierError {
  const read = failure.safeParse(jsonOf(body));
  const stated = read.success ? read.data.error : undefined;
  const code = CARRIER_ERROR_CODES.find((one) => one === stated?.code) ?? codeOf(status);
  const asked = stated?.retryAfterMs ?? retryAfterOf(retryAfter, now);
  return new CarrierError(code, stated?.message ?? `the carrier answered ${status}`, {
    retryAfterMs: Math.min(RETRY_AFTER_MAX_MS, asked),
  });
}

function codeOf(status: number): CarrierErrorCode {
  if (status === 401 || status === 403) return 'UNAUTHENTICATED';
  if (status === 404) return 'NOT_FOUND';
  if (status === 409) return 'IDEMPOTENCY_CONFLICT';
  if (status === 429) return 'RATE_LIMITED';
  if (status === 408 || status === 504) return 'TIMEOUT';
  if (status >= 500) return 'UNAVAILABLE';
  // Redirects are not followed: the body with the token would go elsewhere.
  return status >= 400 ? 'BAD_REQUEST' : 'MALFORMED';
}

/** Seconds, or a date. */
function retryAfterOf(header: string | null, now: number): number {
  if (header === null) return 0;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
