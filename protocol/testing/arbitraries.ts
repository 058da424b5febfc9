// Valid requests, replies and pushes for property tests, as a client writes them and as a server answers.
import fc from 'fast-check';
import {
  type AvailabilityPush,
  CHANNELS_PER_SKU_MAX,
  ERROR_CODES,
  type Failure,
  failure,
  formatReservationId,
  type Id,
  type Json,
  type Op,
  type OrderCommand,
  type OrderDocument,
  type Outcome,
  QTY_MAX,
  type ReplyOf,
  TTL_MS_MAX,
  TTL_MS_MIN,
  type WireBatchItem,
  type WireRequest,
} from '../index.ts';

/** Mostly ASCII as in life, and now and then any script. */
export function nameOf(lengthMax: number): fc.Arbitrary<string> {
  const ascii = fc.stringMatching(new RegExp(`^[!-~]{1,${lengthMax}}$`));
  const anyScript = fc.string({
    unit: fc.constantFrom('ä', 'Ω', '貨', '🎁', 'é', '-', '7', '_'),
    minLength: 1,
    maxLength: lengthMax / 2,
  });
  return fc.oneof({ weight: 4, arbitrary: ascii }, { weight: 1, arbitrary: anyScript });
}

export function textOf(lengthMax: number): fc.Arbitrary<string> {
  const spaced = fc.string({
    unit: fc.constantFrom('a', ' ', 'ß', '"', '\\', '🎁', '/'),
    minLength: 1,
    maxLength: lengthMax / 2,
  });
  return fc.oneof(nameOf(lengthMax), spaced);
}

export const sku = nameOf(64);
export const region = nameOf(32).filter((name) => !name.includes('/'));
export const node = nameOf(32);
export const qty = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: QTY_MAX }));
export const count = fc.oneof(fc.constant(0), qty);
export const ttlMs = fc.integer({ min: TTL_MS_MIN, max: TTL_MS_MAX });
export const requestId = fc.oneof(fc.uuid({ version: 7 }), textOf(64));
export const id: fc.Arbitrary<Id> = fc.oneof(fc.nat(), fc.maxSafeInteger(), textOf(64));
const safeNat = fc.maxSafeNat();
export const reservationId = fc
  .tuple(region, sku, safeNat, fc.nat())
  .map(([where, what, no, epoch]) => formatReservationId(where, what, epoch, no));
export const channelBuffers = fc.dictionary(
  nameOf(32).filter((name) => name !== '__proto__'),
  count,
  {
    maxKeys: CHANNELS_PER_SKU_MAX,
    noNullPrototype: true,
  },
);

const orderRef = fc
  .tuple(
    nameOf(64),
    region.filter((name) => !name.includes('@')),
  )
  .map(([orderId, where]) => `${orderId}@${where}`);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const op = <T extends Op>(name: T) => fc.constant(name);
const skus = fc.array(sku, { minLength: 1, maxLength: 5 });

const positionUpdate = { op: op('adjust'), sku, region, node, reason: textOf(128), requestId };
const subscription = (name: 'subscribe' | 'unsubscribe') =>
  fc.oneof(fc.record({ op: op(name), sku, region }), fc.record({ op: op(name), skus, region }));

const reserve = fc.record({
  op: op('reserve'),
  sku,
  region,
  qty,
  ttlMs: optional(ttlMs),
  owner: optional(nameOf(64)),
  node: optional(node),
  channel: optional(nameOf(32)),
  allowPartial: optional(fc.boolean()),
  order: optional(orderRef),
  requestId,
});
const extend = fc.record({ op: op('extend'), reservationId, ttlMs, requestId });
const commit = fc.record({
  op: op('commit'),
  reservationId,
  qty: optional(qty),
  orderId: optional(textOf(64)),
  order: optional(orderRef),
  requestId,
});
const release = fc.record({ op: op('release'), reservationId, order: optional(orderRef), requestId });
const ship = fc.record({
  op: op('ship'),
  reservationId,
  qty: optional(qty),
  toStock: optional(fc.boolean()),
  requestId,
});
const adjust = fc.oneof(
  fc.record({
    ...positionUpdate,
    delta: fc.oneof(
      qty,
      qty.map((units) => -units),
    ),
  }),
  fc.record({ ...positionUpdate, onHand: count }),
);
const configure = fc.oneof(
  fc.record({ op: op('configure'), sku, region, node, safetyStock: count, backorderLimit: optional(count), requestId }),
  fc.record({ op: op('configure'), sku, region, channelBuffers, limitPerOwner: optional(count), requestId }),
);
const pool = fc.record({
  op: op('pool'),
  sku,
  region,
  regions: fc.array(region, { minLength: 1, maxLength: 5 }),
  requestId,
});
const transfer = fc.record({ op: op('transfer'), sku, region, to: region, qty, requestId });
const get = fc.record({ op: op('get'), sku, region });
const getReservation = fc.record({ op: op('getReservation'), reservationId });
const query = fc.record({ op: op('query'), skus, regions: optional(fc.array(region, { minLength: 1, maxLength: 3 })) });
const list = fc.record({
  op: op('list'),
  region,
  after: optional(textOf(256)),
  limit: optional(fc.integer({ min: 1, max: 1_000 })),
});
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map((x) => x + 0),
    textOf(20),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      nameOf(8).filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 3, noNullPrototype: true },
    ),
  ),
})).value;
const orderLine = fc.record(
  {
    lineId: nameOf(64),
    sku,
    qty,
    grams: count,
    value: count,
    substitutes: fc.array(sku, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ['lineId', 'sku', 'qty'] },
);
const order: fc.Arbitrary<OrderDocument> = fc.record(
  {
    orderId: nameOf(64),
    lines: fc.uniqueArray(orderLine, { minLength: 1, maxLength: 4, selector: ({ lineId }) => lineId }),
    destination: fc.record({
      latitude: fc.integer({ min: -90, max: 90 }),
      longitude: fc.double({ min: -180, max: 180, noNaN: true }).map((x) => x + 0),
      postalCode: textOf(16),
    }),
    channel: nameOf(32),
    policy: fc.constantFrom('all' as const, 'partial' as const),
    attributes: fc.dictionary(
      nameOf(8).filter((name) => name !== '__proto__'),
      textOf(20),
      {
        maxKeys: 3,
        noNullPrototype: true,
      },
    ),
  },
  { requiredKeys: ['orderId', 'lines', 'destination'] },
);
const captureOrder = fc.record({ op: op('captureOrder'), region, order, traceId: optional(nameOf(64)), requestId });
const advanceOrder = fc.record({
  op: op('advanceOrder'),
  region,
  orderId: nameOf(64),
  command: fc.tuple(nameOf(64), json).map(([type, data]): OrderCommand => ({ type, data })),
  traceId: optional(nameOf(64)),
  requestId,
});
const getOrder = fc.record({ op: op('getOrder'), region, orderId: nameOf(64), journey: optional(fc.boolean()) });
const takeTasks = fc.record({
  op: op('takeTasks'),
  region,
  kinds: fc.array(nameOf(32), { minLength: 1, maxLength: 3 }),
  limit: optional(fc.integer({ min: 1, max: 1_000 })),
  leaseMs: optional(fc.integer({ min: 100, max: 3_600_000 })),
  waitMs: optional(fc.integer({ min: 0, max: 30_000 })),
});
const lineRequest = fc.record(
  {
    sku,
    qty,
    region,
    node,
    substitutes: fc.array(sku, { minLength: 1, maxLength: 3 }),
    components: fc.array(fc.record({ sku, qty: fc.integer({ min: 1, max: 10_000 }) }), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['sku', 'qty'] },
);
const plainRegion = region.filter((name) => !name.includes('@'));
const reserveOrder = fc.record({
  op: op('reserveOrder'),
  orderId: nameOf(64),
  region: optional(plainRegion),
  lines: fc
    .array(lineRequest, { minLength: 1, maxLength: 4 })
    .map((lines) => lines.map((line, i) => ({ lineId: `l-${i}`, ...line }))),
  regions: optional(fc.array(region, { minLength: 1, maxLength: 3 })),
  policy: fc.constantFrom('all' as const, 'partial' as const),
  ttlMs: optional(ttlMs),
  owner: optional(nameOf(64)),
  channel: optional(nameOf(32)),
  taskId: optional(nameOf(112)),
  requestId,
});
const commitOrder = fc.record({
  op: op('commitOrder'),
  orderId: nameOf(64),
  region: optional(plainRegion),
  taskId: optional(nameOf(112)),
  requestId,
});
const releaseOrder = fc.record({
  op: op('releaseOrder'),
  orderId: nameOf(64),
  region: optional(plainRegion),
  taskId: optional(nameOf(112)),
  requestId,
});
const hello = fc.record({ op: op('hello'), token: optional(textOf(400)), client: optional(textOf(128)) });

const map = fc.record({ op: op('map'), follow: optional(fc.boolean()) });

/** What may stand in a batch, by its op. */
const ITEMS = {
  reserve,
  extend,
  commit,
  release,
  ship,
  adjust,
  configure,
  pool,
  transfer,
  get,
  getReservation,
  query,
  list,
  captureOrder,
  advanceOrder,
  getOrder,
  takeTasks,
  reserveOrder,
  commitOrder,
  releaseOrder,
};

export const item: fc.Arbitrary<WireBatchItem> = fc
  .tuple(fc.oneof<fc.Arbitrary<WireBatchItem>[]>(...Object.values(ITEMS)), optional(id))
  .map(([request, itemId]) => (itemId === undefined ? request : { id: itemId, ...request }));
const batch = fc.record({ op: op('batch'), items: fc.array(item, { maxLength: 6 }) });

/** One arbitrary for each op: a new op does not compile until it is here. */
export const REQUESTS: { readonly [K in Op]: fc.Arbitrary<Extract<WireRequest, { op: K }>> } = {
  ...ITEMS,
  subscribe: subscription('subscribe') as fc.Arbitrary<Extract<WireRequest, { op: 'subscribe' }>>,
  unsubscribe: subscription('unsubscribe') as fc.Arbitrary<Extract<WireRequest, { op: 'unsubscribe' }>>,
  hello,
  map,
  batch,
};

export const request: fc.Arbitrary<WireRequest> = fc.oneof(...(Object.values(REQUESTS) as fc.Arbitrary<WireRequest>[]));

// ---- what the server says ----

const ok = fc.constant(true as const);
const version = fc.record({ epoch: fc.nat(), seq: safeNat });
const time = fc.integer({ min: 1_700_000_000_000, max: 4_000_000_000_000 });
const maybeReplayed = { replayed: fc.constant(true as const) };
const parts = fc.array(fc.record({ node, qty }), { minLength: 2, maxLength: 5 });

/** Successful replies of the hot ops, with every optional field present or absent. */
export const HOT_REPLIES = {
  reserve: fc.record(
    { ok, ...maybeReplayed, reservationId, qty, node, parts, expiresAt: time, availableToSell: safeNat, version },
    { requiredKeys: ['ok', 'reservationId', 'qty', 'node', 'expiresAt', 'availableToSell', 'version'] },
  ),
  extend: fc.record(
    { ok, ...maybeReplayed, expiresAt: time, version },
    { requiredKeys: ['ok', 'expiresAt', 'version'] },
  ),
  commit: fc.record(
    { ok, ...maybeReplayed, state: fc.constant('COMMITTED' as const), qty, version },
    { requiredKeys: ['ok', 'state', 'qty', 'version'] },
  ),
  release: fc.record(
    { ok, ...maybeReplayed, state: fc.constant('RELEASED' as const), version },
    { requiredKeys: ['ok', 'state', 'version'] },
  ),
  ship: fc.record(
    { ok, ...maybeReplayed, state: fc.constant('COMMITTED' as const), qty, remaining: count, onHand: count, version },
    { requiredKeys: ['ok', 'state', 'qty', 'remaining', 'onHand', 'version'] },
  ),
} satisfies { readonly [K in 'reserve' | 'extend' | 'commit' | 'release' | 'ship']: fc.Arbitrary<ReplyOf[K]> };

export const refusal: fc.Arbitrary<Failure> = fc
  .tuple(
    fc.constantFrom(...ERROR_CODES),
    textOf(100),
    fc.nat(),
    fc.record(
      { replayed: fc.constant(true as const), state: fc.constantFrom('COMMITTED', 'RELEASED', 'EXPIRED') },
      { requiredKeys: [] },
    ),
  )
  .map(([code, message, retryAfterMs, more]) => ({ ...failure(code, message, retryAfterMs), ...more }) as Failure);

const nodeView = fc.record({
  node,
  onHand: count,
  reserved: count,
  allocated: count,
  safetyStock: count,
  backorderLimit: count,
  availableToSell: count,
});
const view = fc.record({
  sku,
  region,
  onHand: count,
  reserved: count,
  allocated: count,
  availableToSell: count,
  nodes: fc.array(nodeView, { maxLength: 3 }),
  version,
});
export const coldReply: fc.Arbitrary<Outcome> = fc.oneof(
  view.map((position) => ({ ok: true as const, ...position })),
  fc.record({
    ok,
    positions: fc.array(view, { maxLength: 3 }),
    unknown: fc.array(fc.record({ sku, region }), { maxLength: 2 }),
  }),
  fc.record({ ok, onHand: count, availableToSell: count, version }),
  fc.record({ ok, subscriptions: fc.nat() }),
);

export const push: fc.Arbitrary<AvailabilityPush> = fc.record({
  push: fc.constant('availability'),
  sku,
  region,
  availableToSell: count,
  version,
});
