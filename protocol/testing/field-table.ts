// Every field of every op with values that are right and values that are wrong, for tests that try them all.
import { type Op, QTY_MAX } from '../index.ts';

export const long = (length: number) => 'x'.repeat(length);

export interface Field {
  readonly good: unknown;
  readonly required?: true;
  readonly alsoGood?: readonly unknown[];
  readonly bad: readonly unknown[];
}

const NOT_STRINGS = [null, 7, true, ['a'], { a: 1 }];
const NOT_INTEGERS = [null, '1', true, [1], { a: 1 }, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 10n];
const NOT_PRINTABLE = [
  '',
  'a b',
  ' a',
  'a\n',
  'a\u0000',
  'a\u007f',
  'a\u00a0b',
  'a\u200bb',
  'a\u202eb',
  '\ud800',
  'a\udc00',
  '\ufeffa',
];
const name = (lengthMax: number): Field => ({
  good: 'a-1',
  alsoGood: ['!"#~', 'Größe', '貨物', '🎁', long(lengthMax)],
  bad: [...NOT_STRINGS, ...NOT_PRINTABLE, long(lengthMax + 1)],
});
const text = (lengthMax: number): Field => ({
  good: 'some-text',
  alsoGood: ['some text', 'ü 🎁', ' ', long(lengthMax)],
  bad: [...NOT_STRINGS, '', 'a\n', 'a\u0000', '\u007f', '\ud800', long(lengthMax + 1)],
});
const integer = (min: number, max: number): Field => ({
  good: max,
  alsoGood: [min],
  bad: [...NOT_INTEGERS, min - 1, max + 1],
});
const required = (field: Field): Field => ({ ...field, required: true });
const names = (lengthMax: number): Field => ({
  good: ['a', 'b'],
  bad: [null, 'a', { 0: 'a' }, [], ['a', 7], ['a', ''], ['a b'], [['a']], [long(lengthMax + 1)]],
});

const sku = required(name(64));
const region: Field = { ...required(name(32)), bad: [...name(32).bad, 'eu/west'], alsoGood: ['Süd', 'a.b', long(32)] };
const orderRegion: Field = {
  ...name(32),
  bad: [...name(32).bad, 'eu/west', 'eu@west'],
  alsoGood: ['Süd', 'a.b', long(32)],
};
const requestId = required(text(64));
const reservationId: Field = { good: '1a.2.eu-west/sku-1', required: true, bad: NOT_STRINGS };
const qty = integer(1, QTY_MAX);
const order: Field = {
  good: 'order-1@eu-west',
  alsoGood: ['a@b@c', `${long(64)}@${long(32)}`, '貨物@Süd'],
  bad: [...NOT_STRINGS, ...NOT_PRINTABLE, 'order-1', '@eu', 'a@', 'a b@eu', 'a@e/u', `${long(65)}@eu`, `a@${long(33)}`],
};

const HERE = { latitude: 38.9, longitude: -77.04, postalCode: '20001' };
export const FULL_ORDER = {
  orderId: 'o-2',
  lines: [
    { lineId: '1', sku: 'a', qty: 2, grams: 420, value: 1_900, substitutes: ['b', 'c'] },
    { lineId: '2', sku: 'kit', qty: 1, components: [{ sku: 'a', qty: 2 }] },
  ],
  destination: {
    ...HERE,
    country: 'US',
    city: 'Washington',
    street: '1 Main St',
    recipient: 'A B',
    email: 'a@b.example',
  },
  promisedAt: 1_790_000_000_000,
  service: 'express',
  channel: 'web',
  customer: 'c-1',
  currency: 'USD',
  policy: 'partial',
  attributes: { gift: 'yes', note: 'ring twice' },
};

/** A good request of each op is the `good` value of each of its fields, except those that exclude one another. */
export const OPS: Readonly<Record<Op, Readonly<Record<string, Field>>>> = {
  reserve: {
    sku,
    region,
    qty: required(qty),
    ttlMs: integer(1_000, 86_400_000),
    owner: name(64),
    node: name(32),
    channel: name(32),
    allowPartial: { good: true, alsoGood: [false], bad: [null, 0, 1, 'true', []] },
    order,
    requestId,
  },
  extend: { reservationId, ttlMs: required(integer(1_000, 86_400_000)), requestId },
  commit: { reservationId, qty, orderId: text(64), order, requestId },
  release: { reservationId, order, requestId },
  ship: { reservationId, qty, toStock: { good: true, alsoGood: [false], bad: [null, 0, 'true', []] }, requestId },
  adjust: {
    sku,
    region,
    node: required(name(32)),
    delta: { ...required(integer(-QTY_MAX, QTY_MAX)), bad: [...integer(-QTY_MAX, QTY_MAX).bad, 0, -0] },
    reason: required(text(128)),
    requestId,
  },
  configure: {
    sku,
    region,
    node: required(name(32)),
    safetyStock: integer(0, QTY_MAX),
    backorderLimit: integer(0, QTY_MAX),
    channelBuffers: {
      good: { web: 5, store: 0 },
      alsoGood: [{}],
      bad: [
        null,
        'web',
        ['web'],
        { 'a b': 1 },
        { '': 1 },
        { web: -1 },
        { web: 1.5 },
        { web: '1' },
        { [long(33)]: 1 },
        JSON.parse('{"__proto__":1}'),
        Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`c${i}`, 1])),
      ],
    },
    limitPerOwner: integer(0, QTY_MAX),
    requestId,
  },
  pool: {
    sku,
    region,
    regions: {
      ...required(names(32)),
      alsoGood: [Array.from({ length: 32 }, (_, i) => `r${i}`)],
      bad: [...names(32).bad, ['a/b'], Array.from({ length: 33 }, (_, i) => `r${i}`)],
    },
    requestId,
  },
  transfer: { sku, region, to: region, qty: required(qty), requestId },
  get: { sku, region },
  getReservation: { reservationId },
  query: { skus: required(names(64)), regions: { ...names(32), bad: [...names(32).bad, ['a/b']] } },
  list: { region, after: text(256), limit: integer(1, 1_000) },
  captureOrder: {
    region,
    order: {
      good: { orderId: 'o-1', lines: [{ lineId: '1', sku: 'a', qty: 2 }], destination: HERE },
      required: true,
      alsoGood: [FULL_ORDER],
      bad: [
        null,
        'order',
        [],
        {},
        { orderId: 'o 1', lines: [{ lineId: '1', sku: 'a', qty: 2 }], destination: HERE },
        { orderId: 'o-1', lines: [], destination: HERE },
        { orderId: 'o-1', lines: [{ lineId: '1', sku: 'a', qty: 0 }], destination: HERE },
        { orderId: 'o-1', lines: [{ lineId: '1', sku: 'a', qty: 1 }] },
      ],
    },
    traceId: name(64),
    requestId,
  },
  advanceOrder: {
    region,
    orderId: required(name(64)),
    command: {
      good: { type: 'cancel', reason: null, deep: [{ a: [1.5, true, 'x y\n'] }] },
      required: true,
      alsoGood: [{ type: long(64) }, { type: 'a', text: long(700_000) }],
      bad: [
        null,
        'cancel',
        [],
        {},
        { type: 7 },
        { type: 'a b' },
        { type: long(65) },
        { type: 'a', x: Number.NaN },
        { type: 'a', x: 10n },
        { type: 'a', x: ['\ud800'] },
        { type: 'a', text: long(790_000) },
        JSON.parse('{"type":"a","x":{"__proto__":1}}'),
      ],
    },
    traceId: name(64),
    requestId,
  },
  getOrder: {
    region,
    orderId: required(name(64)),
    journey: { good: true, alsoGood: [false], bad: [null, 0, 1, 'true', []] },
  },
  takeTasks: {
    region,
    kinds: {
      ...required(names(32)),
      bad: [...names(32).bad, Array.from({ length: 33 }, (_, i) => `k${i}`)],
    },
    limit: integer(1, 1_000),
    leaseMs: integer(100, 3_600_000),
    waitMs: integer(0, 30_000),
  },
  reserveOrder: {
    orderId: required(name(64)),
    region: orderRegion,
    lines: {
      good: [{ lineId: '1', sku: 'a', qty: 2 }],
      required: true,
      alsoGood: [
        [
          {
            lineId: long(64),
            sku: 'a',
            qty: QTY_MAX,
            region: 'eu-west',
            node: 'n-1',
            substitutes: ['b', 'c'],
            components: [{ sku: 'd', qty: 10_000 }],
          },
          { lineId: '2', sku: 'a', qty: 1 },
        ],
      ],
      bad: [
        null,
        [],
        'a',
        {},
        [7],
        [{ lineId: '1', sku: 'a', qty: 0 }],
        [{ lineId: '1', sku: 'a', qty: 1, quantity: 1 }],
        [{ lineId: '1', sku: 'a', qty: 1, region: 'e/u' }],
        [{ lineId: '1', sku: 'a', qty: 1, node: 'a b' }],
        [{ lineId: '1', sku: 'a', qty: 1, substitutes: Array.from({ length: 9 }, (_, i) => `s${i}`) }],
        [{ lineId: '1', sku: 'a', qty: 1, components: [] }],
        [
          { lineId: '1', sku: 'a', qty: 1 },
          { lineId: '1', sku: 'b', qty: 1 },
        ],
      ],
    },
    regions: {
      ...names(32),
      alsoGood: [Array.from({ length: 8 }, (_, i) => `r${i}`)],
      bad: [...names(32).bad, ['a/b'], Array.from({ length: 9 }, (_, i) => `r${i}`)],
    },
    policy: { good: 'all', required: true, alsoGood: ['partial'], bad: [null, '', 'ALL', 1, ['all']] },
    ttlMs: integer(1_000, 86_400_000),
    owner: name(64),
    channel: name(32),
    taskId: name(112),
    requestId,
  },
  commitOrder: { orderId: required(name(64)), region: orderRegion, taskId: name(112), requestId },
  releaseOrder: { orderId: required(name(64)), region: orderRegion, taskId: name(112), requestId },
  subscribe: { skus: required(names(64)), region },
  unsubscribe: { skus: required(names(64)), region },
  hello: { token: text(4_096), client: text(128) },
  map: { follow: { good: true, alsoGood: [false], bad: [1, 'true'] } },
  batch: { items: { good: [], required: true, bad: [null, 'x', 1, {}] } },
};

export function goodRequest(op: string): Record<string, unknown> {
  const fields = Object.entries(OPS[op as Op]).map(([field, { good }]) => [field, good]);
  return { id: 1, op, ...Object.fromEntries(fields) };
}
