// Random histories of one actor for property tests: steps that are small to print and to shrink, and turn into
// requests only when they are run, because a reservationId is known only then.
import fc from 'fast-check';
import { formatReservationId, type MutatingRequest, type Outcome } from '../../../protocol/index.ts';
import { REGION, SKU } from './requests.ts';

const NODES = ['ams-1', 'ber-2', 'pool'];
export const OTHER_REGIONS = ['ap-south', 'us-east', 'za-north'];
const CHANNELS = ['web', 'shop'];
const OWNERS = ['ada', 'bob'];
const ORDERS = ['order-1@eu-west', 'order-2@us-east'];
const TTLS = [1_000, 60_000, 600_000, 86_400_000];
const WINDOW_MS = 900_000;
const SHORT_MS = [1, 10, 999, 1_000, 60_000, 599_999];

export type Step =
  | { kind: 'wait'; ms: number }
  | { kind: 'expire' }
  | { kind: 'epoch' }
  | { kind: 'restart' }
  | {
      kind: 'reserve';
      qty: number;
      ttl: number;
      node: number;
      channel: number;
      owner: number;
      partial: boolean;
      order: number;
    }
  | {
      kind: 'verb';
      verb: 'extend' | 'commit' | 'release' | 'ship';
      pick: number;
      qty: number;
      ttl: number;
      order: number;
      wrongEpoch: boolean;
    }
  | { kind: 'delta'; node: number; delta: number }
  | { kind: 'count'; node: number; onHand: number }
  | { kind: 'node'; node: number; safetyStock: number; backorderLimit: number }
  | { kind: 'buffers'; web: number; shop: number }
  | { kind: 'limit'; limit: number }
  | { kind: 'pool'; others: boolean[] }
  | { kind: 'give'; to: number; qty: number }
  | { kind: 'row'; from: number; more: number; lost: number }
  | { kind: 'repeat'; pick: number; change: boolean };

const SHIPS = ['ship', 'ship', 'ship'] as const;
const pick = fc.nat({ max: 30 });
const maybe = fc.integer({ min: -1, max: 2 });
const order = fc.constantFrom(-1, -1, -1, 0, 0, 1);

/** One step; those that change stock come more often. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      qty: fc.constantFrom(1, 1, 2, 2, 3, 4, 6, 12),
      ttl: fc.nat({ max: TTLS.length - 1 }),
      node: maybe,
      channel: maybe,
      owner: maybe,
      partial: fc.boolean(),
      order,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('verb' as const),
      verb: fc.constantFrom('extend' as const, 'release' as const, 'commit' as const, 'commit' as const, ...SHIPS),
      pick,
      qty: fc.nat({ max: 6 }),
      ttl: fc.nat({ max: TTLS.length - 1 }),
      order,
      wrongEpoch: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('delta' as const),
      node: fc.nat({ max: 2 }),
      delta: fc.integer({ min: -6, max: 10 }).filter((n) => n !== 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('count' as const),
      node: fc.nat({ max: 2 }),
      onHand: fc.nat({ max: 15 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('node' as const),
      node: fc.nat({ max: 2 }),
      safetyStock: fc.integer({ min: -1, max: 3 }),
      backorderLimit: fc.integer({ min: -1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('buffers' as const), web: fc.nat({ max: 5 }), shop: fc.nat({ max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.constantFrom(0, 0, 0, 2, 4, 8) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pool' as const),
      others: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('give' as const),
      to: fc.nat({ max: 2 }),
      qty: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('row' as const),
      from: fc.nat({ max: 2 }),
      more: fc.integer({ min: -3, max: 8 }),
      lost: fc.constantFrom(-2, 0, 0, 0, 0, 1, 4),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('repeat' as const), pick, change: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(...SHORT_MS, ...SHORT_MS, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1, 2 * WINDOW_MS + 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

/** Turns steps into requests; remembers what was sent and which reservations came of it. */
export class Script {
  now = 1_700_000_000_000;
  epoch = 1;
  readonly sent: MutatingRequest[] = [];
  private readonly reservationIds: { no: number; epoch: number }[] = [];
  private ids = 0;

  /** The request of a step, or undefined when it is none or there is nothing to do it to. */
  request(s: Step): MutatingRequest | undefined {
    const request = this.build(s);
    if (request !== undefined) this.sent.push(request);
    return request;
  }

  /** Learns the reservation that a reply names. */
  learn(reply: Outcome | undefined): void {
    if (reply?.ok !== true || !('reservationId' in reply) || reply.replayed === true) return;
    const [no = '', epoch = ''] = reply.reservationId.split('.');
    this.reservationIds.push({ no: Number.parseInt(no, 36), epoch: Number.parseInt(epoch, 36) });
  }

  private build(s: Step): MutatingRequest | undefined {
    this.ids += 1;
    const base = { sku: SKU, region: REGION, requestId: `r${this.ids}` };
    switch (s.kind) {
      case 'reserve':
        return {
          op: 'reserve',
          ...base,
          qty: s.qty,
          ttlMs: TTLS[s.ttl] as number,
          owner: OWNERS[s.owner],
          node: NODES[s.node],
          channel: CHANNELS[s.channel],
          allowPartial: s.partial,
          order: ORDERS[s.order],
        };
      case 'verb':
        return this.verb(s, base.requestId);
      case 'delta':
        return { op: 'adjust', ...base, node: NODES[s.node] as string, delta: s.delta, onHand: undefined, reason: 'd' };
      case 'count':
        return {
          op: 'adjust',
          ...base,
          node: NODES[s.node] as string,
          delta: undefined,
          onHand: s.onHand,
          reason: 'c',
        };
      case 'node':
        return { op: 'configure', ...base, ...NOTHING_SET, node: NODES[s.node], ...nodeSettings(s) };
      case 'buffers':
        return { op: 'configure', ...base, ...NOTHING_SET, channelBuffers: { web: s.web, shop: s.shop } };
      case 'limit':
        return { op: 'configure', ...base, ...NOTHING_SET, limitPerOwner: s.limit };
      case 'pool':
        return { op: 'pool', ...base, regions: [REGION, ...OTHER_REGIONS.filter((_, i) => s.others[i])] };
      case 'give':
        return { op: 'transfer', ...base, to: OTHER_REGIONS[s.to] as string, qty: s.qty };
      case 'repeat': {
        const before = this.sent.at(-1 - (s.pick % Math.max(1, this.sent.length)));
        if (before === undefined) return undefined;
        if (!s.change) return before;
        if (before.op === 'reserve') return { ...before, qty: before.qty + 1 };
        return before.op === 'adjust' ? { ...before, reason: `${before.reason}!` } : before;
      }
      default:
        return undefined;
    }
  }

  private verb(s: Step & { kind: 'verb' }, requestId: string): MutatingRequest | undefined {
    const known = this.reservationIds.at(-1 - (s.pick % Math.max(1, Math.min(this.reservationIds.length, 6))));
    if (known === undefined) return undefined;
    const epoch = known.epoch + (s.wrongEpoch ? 1 : 0);
    const target = {
      reservationId: formatReservationId(REGION, SKU, epoch, known.no),
      ref: { region: REGION, sku: SKU, epoch, no: known.no },
      requestId,
    };
    const qty = s.qty === 0 ? undefined : s.qty;
    const order = ORDERS[s.order];
    if (s.verb === 'extend') return { op: 'extend', ...target, ttlMs: TTLS[s.ttl] as number };
    if (s.verb === 'commit') return { op: 'commit', ...target, qty, orderId: qty === 1 ? 'order-1' : undefined, order };
    // Some stay in the house after all.
    if (s.verb === 'ship') return { op: 'ship', ...target, qty, toStock: s.ttl === 0 };
    return { op: 'release', ...target, order };
  }
}

const NOTHING_SET = {
  node: undefined,
  safetyStock: undefined,
  backorderLimit: undefined,
  channelBuffers: undefined,
  limitPerOwner: undefined,
};

function nodeSettings(s: Step & { kind: 'node' }) {
  return {
    safetyStock: s.safetyStock < 0 ? undefined : s.safetyStock,
    backorderLimit: s.backorderLimit < 0 ? undefined : s.backorderLimit,
  };
}
