// An order as far as sourcing looks at it: a document like the rules, read from outside.
import { z } from 'zod';
import { COMPONENT_QTY_MAX, SERVICE_LENGTH_MAX, SUBSTITUTES_MAX } from '../../protocol/index.ts';

const name = (max: number) =>
  z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), `1 to ${max} printable characters without spaces`);

const order = z
  .strictObject({
    orderId: name(64),
    lines: z
      .array(
        z.strictObject({
          lineId: name(64),
          sku: name(64),
          qty: z
            .number()
            .int()
            .min(1)
            .max(2 ** 31 - 1),
          /** Of one unit. */
          grams: z.number().min(0).default(0),
          /** Of one unit, minor units. */
          value: z.number().min(0).default(0),
          /** SKUs that will do instead, best first. */
          substitutes: z.array(name(64)).max(SUBSTITUTES_MAX).optional(),
          /** A component of a bundle: which bundle, by a name of its own in the order, and how many units are in one. */
          bundle: z
            .strictObject({ bundle: name(64), units: z.number().int().min(1).max(COMPONENT_QTY_MAX) })
            .optional(),
        }),
      )
      .min(1)
      .max(1_000),
    destination: z.strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      postalCode: z.string().min(1).max(16),
    }),
    /** When it is to be delivered, ms since the epoch or as a date says it; without it no parcel is late. */
    promisedAt: z
      .union([z.number().int().min(0), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))])
      .optional(),
    /** It goes by this carrier service alone, where the rules have one of that name. */
    service: name(SERVICE_LENGTH_MAX).optional(),
  })
  .superRefine(({ lines }, context) => {
    if (new Set(lines.map(({ lineId }) => lineId)).size < lines.length) {
      context.addIssue({ code: 'custom', path: ['lines'], message: 'two have the same lineId' });
    }
    const bySku = new Map<string, { grams: number; value: number }>();
    for (const [n, { sku, grams, value }] of lines.entries()) {
      const other = bySku.get(sku) ?? { grams, value };
      bySku.set(sku, other);
      // Units of a SKU are dealt as one, so they must be alike.
      if (other.grams !== grams || other.value !== value) {
        context.addIssue({
          code: 'custom',
          path: ['lines', n],
          message: `weighs or is worth something else than ${sku} before`,
        });
      }
    }
  });

/** Its lines each have a lineId that no other has. */
export type Order = z.output<typeof order>;

/** What is wrong with an order, each line with the place of it. */
export class OrderInvalid extends Error {
  override readonly name = 'OrderInvalid';
}

/** @throws OrderInvalid naming every place that is wrong */
export function readOrder(document: unknown): Order {
  const read = order.safeParse(document);
  if (read.success) return read.data;
  const lines = read.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'order' : path.join('.')}: ${message}`,
  );
  throw new OrderInvalid(lines.join('\n'));
}
