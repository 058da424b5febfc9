// The audit of orders: rebuilt from both snapshots and compared with the live grid, event by event.
import { describe, expect, test } from 'vitest';
import { type OrderState, orderCore } from '../../../orders/order/index.ts';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { GetOrderReply } from '../../../protocol/index.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import * as harness from '../../shell/testing/harness.ts';
import { auditRegion } from './audit-region.ts';
import { OrderLines } from './order-lines.ts';
import type { RegionReport } from './report.ts';

const { REGION } = harness;

async function given() {
  const runtime = new harness.ManualRuntime();
  const medium = new MemoryMedium(() => runtime.ms);
  const grid = await harness.openGrid(medium, runtime, {}, undefined, { orderCore });
  const capture = async (orderId: string): Promise<void> => {
    const lines = [{ lineId: '1', sku: 'tea', qty: 2 }];
    const order = { orderId, lines, destination: { latitude: 52.1, longitude: 4.9, postalCode: '1011' } };
    const reply = await grid.call({ op: 'captureOrder', region: REGION, order, requestId: `c-${orderId}` });
    expect(reply).toMatchObject({ ok: true });
  };
  const hold = (orderId: string, n: number): Promise<unknown> =>
    grid.call({
      op: 'advanceOrder',
      region: REGION,
      orderId,
      command: { type: 'hold', holdType: `h${n}`, reason: 'test' },
      requestId: `h-${orderId}-${n}`,
    });
  /** What the live grid says, altered on its way. */
  const clientOf = (alter: (reply: GetOrderReply) => GetOrderReply): HoldfastClient =>
    ({
      listAll: async function* () {},
      query: async () => ({ ok: true, positions: [], unknown: [] }),
      batch: (items: readonly Record<string, unknown>[]) =>
        Promise.all(items.map(async (item) => alter((await grid.call(item)) as GetOrderReply))),
    }) as unknown as HoldfastClient;
  const audit = (client?: HoldfastClient): Promise<RegionReport> =>
    auditRegion({ store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client });
  /** Commands to an order, one after the other. */
  const advance = async (orderId: string, ...commands: readonly object[]): Promise<void> => {
    for (const [n, command] of commands.entries()) {
      const wire = { op: 'advanceOrder', region: REGION, orderId, requestId: `${orderId}-${n}` };
      expect(await grid.call({ ...wire, command })).toMatchObject({ ok: true });
    }
  };
  return { runtime, medium, grid, capture, hold, advance, clientOf, audit };
}

describe('the audit of orders', () => {
  test('given orders that change between snapshots, then they are whole and the live grid agrees', async () => {
    const { runtime, capture, hold, audit, clientOf } = await given();
    for (const id of ['o1', 'o2', 'o3']) await capture(id);
    for (let n = 0; n < 4; n++) {
      await runtime.advance(31_000);
      await hold('o1', n);
    }

    const report = await audit(clientOf((reply) => reply));

    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ ok: true, orders: 3, actors: 3, comparedLive: 3 });
    expect(report.snapshots).toHaveLength(2);
  });

  test('given orders whose units moved with the events of one command, then they are whole', async () => {
    const { capture, advance, audit } = await given();
    const units = { lineId: '1', qty: 2 };
    const one = { node: 'n', region: REGION, carrier: 'acme', service: 'ground' };
    const lines = [{ ...units, sku: 'tea', reservationId: '1.1.eu/tea' }];
    const packageId = 'p1';
    const picking = (orderId: string) => [
      {
        type: 'allocate',
        packages: [{ ...one, lines }],
        unfilled: [],
        retryAt: 1,
        taskId: `${orderId}/source#1`,
      },
      { type: 'release', packageId },
    ];
    const short = { type: 'shortPick', packageId, missing: [units], reasonCode: 'notFound' };
    const booked = { carrier: 'acme', service: 'ground', bookingId: 'b', trackingId: 't' };
    const sent = [
      { type: 'pick', packageId },
      { type: 'pack', packageId },
      { type: 'book', packageId, ...booked },
    ];
    const settled = { type: 'settle', exceptionId: 'e1', action: 'resource' };
    const damaged = { type: 'track', packageId, code: 'damaged', scannedAt: 1 };
    for (const id of ['short', 'damaged']) await capture(id);
    await advance('short', ...picking('short'), short, settled);
    await advance('damaged', ...picking('damaged'), ...sent, damaged, settled);

    expect(await audit()).toMatchObject({ ok: true, differences: [], orders: 2 });
  });

  test('given a grid that shows another journey, or no such order, then each is named', async () => {
    const { capture, hold, audit, clientOf } = await given();
    await capture('o1');
    await hold('o1', 1);
    const client = clientOf((reply) => ({ ...reply, journey: reply.journey?.slice(0, 1) ?? [] }));

    const report = await audit(client);

    expect(report).toMatchObject({ ok: false, differencesTotal: 1 });
    expect(report.differences[0]).toMatchObject({ check: 'live grid (I6, I7)', sku: '\u001eo1', seq: 2 });
  });

  test('given a snapshot row of an order that its events do not make, then it is found', async () => {
    const { runtime, medium, capture, hold, audit } = await given();
    await capture('o1');
    await runtime.advance(31_000);
    await hold('o1', 1);
    await runtime.advance(31_000);
    const rows = medium.lanes.get(`${REGION}/0`)?.rows;
    const [older, newer] = [rows?.a, rows?.b].map((slot) => [...(slot?.values() ?? [])]);
    expect([older?.length, newer?.length]).toEqual([1, 1]);
    // The newest snapshot has the order as it was before.
    for (const [key, row] of rows?.b ?? []) rows?.b.set(key, { ...row, bytes: older?.[0]?.bytes ?? row.bytes });

    const report = await audit();

    expect(report.ok).toBe(false);
    expect(report.differences[0]).toMatchObject({ check: 'snapshots (I7)', sku: '\u001eo1' });
  });
});

describe('the audit of lines that were reserved together (I15)', () => {
  /** An order that has reserved two units of tea; what it wants sent is sent by hand, and told to it. */
  async function reserved(units = 2) {
    const { medium, grid } = await given();
    await grid.call(harness.stock('tea', 9));
    let steps = 0;
    const step = async (command: object): Promise<Step> => {
      const requestId = `s-${++steps}`;
      const wire = { op: 'advanceOrder', region: REGION, orderId: 'o1', requestId };
      const outcome = await grid.call({ ...wire, command: { type: 'reservations', ...command } });
      return (outcome as unknown as { result: Step }).result;
    };
    const tell = async (errands: Step['errands']): Promise<void> => {
      const outcomes = [];
      for (const { claim, request } of errands) {
        outcomes.push({ claim, op: request['op'], outcome: await grid.call(request) });
      }
      await step({ step: 'outcomes', attempt: 1, outcomes });
    };
    const lines = [{ lineId: '1', sku: 'tea', qty: units }];
    const request = { orderId: 'o1', lines, policy: 'all', requestId: 'r-1' };
    await tell((await step({ step: 'reserve', request })).errands);
    const audit = async (isAtRest: boolean) => {
      const found = new OrderLines(isAtRest);
      const store = new MemoryStore(medium);
      const options = { store, storeName: 'memory:', region: REGION, client: undefined };
      const report = await auditRegion({ ...options, visit: found.stock, visitOrder: found.order });
      expect(report).toMatchObject({ ok: true, orders: 1 });
      return [...found.differences()].map(({ region, difference }) => ({ region, ...difference }));
    };
    return { grid, step, tell, audit };
  }

  test('given an order in each of its states, then nothing is wrong', async () => {
    const { step, tell, audit } = await reserved();
    expect(await audit(true)).toEqual([]);
    const { errands } = await step({ step: 'commit' });
    expect(await audit(true)).toEqual([]);
    await tell(errands);
    expect(await audit(true)).toEqual([]);
  });

  test('given a line that was given back by the word of nobody, when the order commits, then it is named, live and at rest', async () => {
    const { grid, step, audit } = await reserved();
    const { errands } = await step({ step: 'commit' });
    const { reservationId, order } = errands[0]?.request ?? {};
    await grid.call({ op: 'release', reservationId, order, requestId: 'forged' });
    const difference = {
      region: REGION,
      check: 'orders (I15)',
      sku: '\u001eo1',
      expected: `2 units committed of it, as o1@${REGION} decided`,
      found: `${reservationId} is RELEASED, 2 units`,
    };
    expect(await audit(true)).toMatchObject([difference]);
    expect(await audit(false)).toMatchObject([difference]);
  });

  test('given a line that is committed before its order is, then it is named once nothing goes on', async () => {
    const { grid, audit } = await reserved();
    const reservation = { op: 'reserve', sku: 'tea', region: REGION, qty: 1, order: `o1@${REGION}`, requestId: 'r' };
    const { reservationId } = (await grid.call(reservation)) as unknown as { reservationId: string };
    await grid.call({ op: 'commit', reservationId, order: `o1@${REGION}`, requestId: 'forged' });
    expect(await audit(false)).toEqual([]);
    expect(await audit(true)).toMatchObject([{ sku: '\u001eo1', expected: expect.stringContaining('not committed') }]);
  });
});

test('given units that a plan has committed, then each is looked for in a package, a plan or a task, live and at rest (I15)', async () => {
  const { medium, grid, capture, advance } = await given();
  await grid.call(harness.stock('tea', 9));
  await capture('o1');
  const taskId = 'o1/source#1';
  const where = { node: 'n', region: REGION, carrier: 'acme', service: 'ground' };
  const line = { lineId: '1', sku: 'tea', qty: 2 };
  const packages = [{ ...where, lines: [line] }];
  await advance('o1', { type: 'plan', attempt: 1, policy: 'all', packages, unfilled: [], rules: 'v', taskId });
  const step = async (requestId: string, command: object): Promise<Step> => {
    const wire = { op: 'advanceOrder', region: REGION, orderId: 'o1', requestId };
    const outcome = await grid.call({ ...wire, command: { type: 'reservations', ...command } });
    return (outcome as unknown as { result: Step }).result;
  };
  const tell = async (requestId: string, { errands }: Step): Promise<void> => {
    const outcomes = [];
    for (const { claim, request } of errands) {
      outcomes.push({ claim, op: request['op'], outcome: await grid.call(request) });
    }
    await step(requestId, { step: 'outcomes', attempt: 1, outcomes });
  };
  const request = { orderId: 'o1', lines: [line], policy: 'all', requestId: 'source#1:1' };
  const reserving = await step('source#1:1', { step: 'reserve', taskId, request });
  await tell('held', reserving);
  const committing = await step('source#1:1:c', { step: 'commit', taskId });
  await tell('ended', committing);
  const reservationId = `${committing.errands[0]?.request['reservationId']}`;
  const audit = async (isAtRest: boolean, plant: (state: OrderState) => void = () => {}) => {
    const found = new OrderLines(isAtRest);
    const visitOrder: typeof found.order = (order, region) => {
      plant(order.core as OrderState);
      found.order(order, region);
    };
    const options = { store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client: undefined };
    await auditRegion({ ...options, visit: found.stock, visitOrder });
    return [...found.differences()].map(({ difference }) => difference);
  };
  const lost = [{ check: 'orders (I15)', sku: '\u001eo1', found: `${reservationId}: 2 units in none of them` }];
  const withoutPlan = (state: OrderState): void => {
    state.plan = undefined;
  };

  expect(await audit(true)).toEqual([]);
  for (const isAtRest of [true, false]) expect(await audit(isAtRest, withoutPlan)).toMatchObject(lost);

  const allocated = [{ ...where, lines: [{ ...line, reservationId }] }];
  await grid.call({
    op: 'advanceOrder',
    region: REGION,
    orderId: 'o1',
    requestId: 'allocate',
    command: { type: 'allocate', packages: allocated, unfilled: [], retryAt: 1, taskId },
  });
  expect(await audit(true)).toEqual([]);
  expect(await audit(true, (state) => state.packages.clear())).toMatchObject(lost);
});

interface Step {
  readonly errands: readonly { readonly claim: number; readonly request: Record<string, unknown> }[];
}
