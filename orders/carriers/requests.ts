// What is asked of a carrier, as read from outside: the same checks for each driver, so that a mistake shows with any of them.
import { z } from 'zod';
import { CarrierError } from './errors.ts';
import { GRAMS_MAX, ID_LENGTH_MAX, IDEMPOTENCY_KEY_LENGTH_MAX, SERVICES_MAX } from './limits.ts';

const id = z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${ID_LENGTH_MAX}}$`), 'printable characters without spaces');
const time = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const place = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  postalCode: z.string().min(1).max(16),
  area: z.string().min(1).max(32).optional(),
});

const parcel = { from: place, to: place, grams: z.number().min(0).max(GRAMS_MAX), readyAt: time };

/** By operation. Fields that nobody knows are dropped, so that a newer caller is understood. */
export const REQUESTS = {
  rate: z.object({ services: z.array(id).min(1).max(SERVICES_MAX).optional(), ...parcel }),
  book: z.object({ shipmentId: id, service: id, ...parcel }),
  track: z.object({ trackingId: id }),
  intercept: z
    .object({ trackingId: id, action: z.enum(['return', 'redirect']), to: place.optional() })
    .refine(({ action, to }) => (action === 'redirect') === (to !== undefined), {
      path: ['to'],
      message: 'a redirect has one, a return has none',
    }),
  cancel: z.object({ trackingId: id }),
} as const;

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_LENGTH_MAX}}$`);

/** @throws CarrierError BAD_REQUEST naming each field */
export function readRequest<O extends keyof typeof REQUESTS>(
  operation: O,
  request: unknown,
): z.output<(typeof REQUESTS)[O]> {
  const read = REQUESTS[operation].safeParse(request);
  if (read.success) return read.data as z.output<(typeof REQUESTS)[O]>;
  const places = read.error.issues.map(({ path, message }) => `${path.join('.') || operation}: ${message}`);
  throw new CarrierError('BAD_REQUEST', places.join('; '));
}

/** @throws CarrierError BAD_REQUEST */
export function readKey(key: unknown): string {
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new CarrierError(
    'BAD_REQUEST',
    `idempotencyKey: 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} printable characters without spaces`,
  );
}
