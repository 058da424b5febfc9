// Commands as they come from outside: each field checked by name, so that the core decides on nothing malformed.
import { z } from 'zod';
import {
  LINE_ID_LENGTH_MAX,
  NODE_LENGTH_MAX,
  QTY_MAX,
  REGION_LENGTH_MAX,
  RESERVATION_ID_LENGTH_MAX,
  SERVICE_LENGTH_MAX,
  SKU_LENGTH_MAX,
  TASK_ID_LENGTH_MAX,
  TIME_MS_MAX,
  type OrderCommand as WireCommand,
} from '../../protocol/index.ts';
import { isName, isText } from '../../protocol/names.ts';
import { CAUSE_LENGTH_MAX, CODE_LENGTH_MAX, ISSUES_MAX, TEXT_LENGTH_MAX } from './limits.ts';
import { taskCause } from './task-id.ts';
import { ACTIONS, type CommandType, EXCEPTION_KINDS, type OrderCommand, SCAN_CODES } from './types.ts';

const name = (max: number) =>
  z.string().refine((value) => isName(value, max), `1 to ${max} printable characters without spaces`);
const text = z
  .string()
  .refine((value) => isText(value, TEXT_LENGTH_MAX), `1 to ${TEXT_LENGTH_MAX} printable characters`);
const qty = z.number().int().min(1).max(QTY_MAX);
const time = z.number().int().min(0).max(TIME_MS_MAX);
const minor = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const count = z.number().int().min(0).max(1_000_000);
const code = name(CODE_LENGTH_MAX);
const lineId = name(LINE_ID_LENGTH_MAX);
const sku = name(SKU_LENGTH_MAX);
const packageId = code;
const service = name(SERVICE_LENGTH_MAX);
/** Plain data, bounded by the bound of the whole command. */
const detail = z.record(z.string(), z.json());
const units = z.array(z.strictObject({ lineId, qty }));

const planned = { node: name(NODE_LENGTH_MAX), region: name(REGION_LENGTH_MAX), carrier: service, service };
const plannedTimes = {
  handedOverAt: time.optional(),
  expectedAt: time.optional(),
  replanAt: time.optional(),
  releaseAt: time.optional(),
};

const FIELDS = {
  hold: { holdType: code, reason: text },
  unhold: { holdType: code },
  changeDestination: {
    destination: z.strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      postalCode: text,
      country: text.optional(),
      city: text.optional(),
      street: text.optional(),
      recipient: text.optional(),
      email: text.optional(),
    }),
  },
  expand: {
    bundles: text,
    lines: z.array(z.strictObject({ lineId, components: z.array(z.strictObject({ sku, qty })).min(1) })).min(1),
  },
  plan: {
    attempt: count,
    policy: z.enum(['all', 'partial']),
    packages: z.array(
      z.strictObject({ ...planned, ...plannedTimes, lines: z.array(z.strictObject({ lineId, sku, qty })) }),
    ),
    unfilled: z.array(z.strictObject({ lineId, sku, qty })),
    rules: text,
    explanation: detail.optional(),
  },
  allocate: {
    packages: z.array(
      z.strictObject({
        ...planned,
        ...plannedTimes,
        lines: z.array(z.strictObject({ lineId, sku, qty, reservationId: name(RESERVATION_ID_LENGTH_MAX) })),
      }),
    ),
    unfilled: units,
    unfilledTo: z.literal('cancelled').optional(),
    retryAt: time,
    why: detail.optional(),
  },
  withdraw: {
    packageIds: z.array(packageId).min(1),
    reason: text,
    savesMinor: z.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
    rules: text,
    packages: z
      .array(z.strictObject({ ...planned, ...plannedTimes, lines: z.array(z.strictObject({ lineId, sku, qty })) }))
      .min(1),
    detail: detail.optional(),
    resumeAt: time,
  },
  release: { packageId },
  pick: { packageId },
  shortPick: { packageId, missing: units, reasonCode: code },
  pack: { packageId, grams: z.number().int().min(0).max(QTY_MAX).optional() },
  reject: { packageId, reasonCode: code },
  book: {
    packageId,
    carrier: service,
    service,
    bookingId: code,
    trackingId: code,
    expectedAt: time.optional(),
    costMinor: minor.optional(),
  },
  reroute: { packageId, carrier: service, service, expectedAt: time.optional() },
  track: {
    packageId,
    code: z.enum(SCAN_CODES),
    scannedAt: time,
    expectedAt: time.optional(),
    claimedAt: time.optional(),
  },
  raise: { kind: z.enum(EXCEPTION_KINDS), packageId: packageId.optional(), evidence: detail },
  settle: {
    exceptionId: code,
    action: z.enum(ACTIONS),
    rule: text.optional(),
    decisionsKnown: count.optional(),
    detail: detail.optional(),
    until: time.optional(),
    promisedAt: time.optional(),
    undated: z.literal(true).optional(),
    carrier: service.optional(),
    service: service.optional(),
    expectedAt: time.optional(),
    lineId: lineId.optional(),
    sku: sku.optional(),
    amountMinor: minor.optional(),
    refundsWorth: z.boolean().optional(),
    unitsTo: z.enum(['open', 'cancelled']).optional(),
    notify: text.optional(),
  },
  refund: { amountMinor: minor, reference: code },
  done: { note: text.optional() },
  defer: { dueAt: time, reason: text },
  fail: { error: text, attempts: count },
  revive: {},
} satisfies Record<Exclude<CommandType, FromTheGrid>, z.ZodRawShape>;

/** It has an op of its own. */
type FromTheGrid = 'capture';

const envelope = {
  /** What made it happen, and whose the requestId is: carrier:…, node:…, policy:…; by default its task, or the client. */
  cause: name(CAUSE_LENGTH_MAX).optional(),
  policyVersion: name(TEXT_LENGTH_MAX).optional(),
  taskId: name(TASK_ID_LENGTH_MAX).optional(),
};

const SCHEMAS: ReadonlyMap<string, z.ZodType> = new Map(
  Object.entries(FIELDS).map(([type, fields]) => [
    type,
    z.strictObject({ type: z.literal(type), ...envelope, ...fields }),
  ]),
);

/** The command in full, or what is wrong with it. */
export function readCommand(
  command: WireCommand,
  { requestId, traceId }: { readonly requestId: string; readonly traceId: string },
): { readonly command: OrderCommand } | { readonly wrong: string } {
  const schema = SCHEMAS.get(command.type);
  if (schema === undefined) {
    return { wrong: `command.type is none of ${[...SCHEMAS.keys()].join(', ')}` };
  }
  const read = schema.safeParse(command);
  if (!read.success) {
    const issues = read.error.issues.slice(0, ISSUES_MAX);
    return { wrong: issues.map(({ path, message }) => `${['command', ...path].join('.')}: ${message}`).join('; ') };
  }
  const body = read.data as Omit<OrderCommand, 'cause'> & { readonly cause?: string };
  const cause = body.cause ?? (body.taskId === undefined ? 'client' : taskCause(body.taskId));
  // The schema of its type has checked every field.
  return { command: { ...body, cause, requestId, traceId } as OrderCommand };
}
