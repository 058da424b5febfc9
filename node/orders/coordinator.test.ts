// Orders of several lines on a lane, with the order's real core: reserved, committed and given back together, taken up again after a
// crash, and asked by tentative reservations.
import { describe, expect, it } from 'vitest';
import { orderCore } from '../../orders/order/index.ts';
import {
  failure,
  type GetOrderReply,
  type ItemRequest,
  type Outcome,
  RESERVE_LINES_MAX,
} from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import type { Respond } from '../shell/grid.ts';
import { ManualRuntime, MemoryMedium, openGrid, REGION, stock, type TestGrid } from '../shell/testing/harness.ts';
import { OrderCoordinator } from './coordinator.ts';
import { TAKEN_UP_MAX } from './limits.ts';

type Wire = Record<string, unknown>;

/** A lane and its coordinator; `isDriving` false: the coordinator is there to be asked, and does nothing by itself. */
class Shop {
  readonly medium = new MemoryMedium();
  readonly runtime = new ManualRuntime();
  /** Whether orders can be asked. */
  isReachable = true;
  /** What becomes of requests about a SKU, where it is not what the grid says. */
  readonly instead = new Map<string, (respond: Respond) => void>();
  #grid: TestGrid | undefined;
  #coordinator: OrderCoordinator | undefined;
  #drawn = 0;

  async open(isDriving = true): Promise<void> {
    this.#coordinator?.stop();
    if (this.#grid !== undefined) this.medium.endSession(REGION);
    const { runtime } = this;
    this.#grid = await openGrid(this.medium, runtime, {}, undefined, {
      orderCore,
      askOrder: (order, reservationId, answer) => {
        if (this.isReachable) this.#coordinator?.ask(order, reservationId, answer);
        else answer(undefined);
      },
    });
    const { grid, metrics } = this.#grid;
    const submit = grid.submit.bind(grid);
    grid.submit = (request, respond) => {
      const instead = 'sku' in request ? this.instead.get(request.sku) : undefined;
      if (instead === undefined) submit(request, respond);
      else instead(respond);
    };
    const draw = (): string => `d${++this.#drawn}`;
    this.#coordinator = new OrderCoordinator({
      grid,
      take: (request, respond) => grid.submit(request, respond),
      region: REGION,
      runtime,
      draw,
      metrics,
    });
    if (isDriving) this.#coordinator.start();
  }

  stop(): void {
    this.#coordinator?.stop();
  }

  /** Sends a request; the answer may come later. */
  send(wire: Wire): { outcome: Outcome | undefined } {
    const { request } = parseRequest({ id: 1, ...wire });
    if ('ok' in request) throw new Error(request.message);
    const asked: { outcome: Outcome | undefined } = { outcome: undefined };
    this.#coordinator?.submit(request as ItemRequest, (outcome) => {
      asked.outcome = outcome;
    });
    return asked;
  }

  async call(wire: Wire): Promise<Outcome> {
    const asked = this.send(wire);
    await this.runtime.settle();
    if (asked.outcome === undefined) throw new Error(`${JSON.stringify(wire)} was not answered`);
    return asked.outcome;
  }

  async available(sku: string): Promise<number> {
    const outcome = await this.call({ op: 'get', sku, region: REGION });
    return outcome.ok && 'availableToSell' in outcome ? outcome.availableToSell : Number.NaN;
  }

  /** An order for one unit of each SKU is reserved up to its own journal, and whoever had it in hand is gone. */
  async leave(orderId: string, skus: readonly string[]): Promise<void> {
    const lines = skus.map((sku, n) => ({ lineId: `${n}`, sku, qty: 1 }));
    const request = { orderId, lines, policy: 'all', ttlMs: 1_000, requestId: `reserve-${orderId}` };
    const command = { type: 'reservations', step: 'reserve', request };
    await this.call({ op: 'advanceOrder', region: REGION, orderId, command, requestId: `reserve-${orderId}` });
  }

  /** What became of what an order wanted to reserve. */
  async outcome(orderId: string): Promise<string> {
    const { journey = [] } = (await this.call({
      op: 'getOrder',
      region: REGION,
      orderId,
      journey: true,
    })) as GetOrderReply;
    return journey.at(-1)?.type ?? 'none';
  }

  /** Type, cause and trace of each event of order o-1. */
  async journey(): Promise<string[][]> {
    const outcome = await this.call({ op: 'getOrder', region: REGION, orderId: 'o-1', journey: true });
    const { journey = [] } = outcome as GetOrderReply;
    return journey.map(({ type, cause, traceId }) => [type, cause, traceId]);
  }

  async state(reservationId: string): Promise<string> {
    const outcome = await this.call({ op: 'getReservation', reservationId });
    return outcome.ok && 'state' in outcome ? outcome.state : (outcome as { code: string }).code;
  }
}

async function given(units: Readonly<Record<string, number>>): Promise<Shop> {
  const shop = new Shop();
  await shop.open();
  for (const [sku, qty] of Object.entries(units)) await shop.call(stock(sku, qty));
  return shop;
}

function reserveOrder(lines: readonly object[], more: Wire = {}): Wire {
  return { op: 'reserveOrder', orderId: 'o-1', lines, policy: 'all', requestId: 'reserve-1', ...more };
}

const LINES = [
  { lineId: '1', sku: 'tea', qty: 2 },
  { lineId: '2', sku: 'pot', qty: 1 },
];
const COMMIT = { op: 'commitOrder', orderId: 'o-1', requestId: 'commit-1' };
const RELEASE = { op: 'releaseOrder', orderId: 'o-1', requestId: 'release-1' };

function idsOf(outcome: Outcome): string[] {
  if (!outcome.ok || !('attempt' in outcome)) throw new Error(JSON.stringify(outcome));
  return outcome.lines.flatMap((line) => (line.ok ? line.reservations.map((one) => one.reservationId) : []));
}

describe('an order of several lines on the grid', () => {
  it('given stock, when reserved and committed, then all lines are, once, whatever is sent again', async () => {
    const shop = await given({ tea: 5, pot: 5 });
    const reserved = await shop.call(reserveOrder(LINES));
    expect(reserved).toMatchObject({ ok: true, orderId: 'o-1', attempt: 1, state: 'RESERVED' });
    expect(await shop.call(reserveOrder(LINES))).toEqual({ ...reserved, replayed: true });
    expect(await shop.call({ op: 'release', reservationId: idsOf(reserved)[0], requestId: 'mine' })).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('commitOrder or releaseOrder'),
    });
    expect(await shop.call(COMMIT)).toMatchObject({ ok: true, state: 'COMMITTED', lines: [{ qty: 2 }, { qty: 1 }] });
    expect(await shop.call(COMMIT)).toMatchObject({ ok: true, state: 'COMMITTED', replayed: true });
    for (const id of idsOf(reserved)) expect(await shop.state(id)).toBe('COMMITTED');
    expect(await shop.call(RELEASE)).toMatchObject({ code: 'RESERVATION_ENDED', state: 'COMMITTED' });
    expect(await shop.available('tea')).toBe(3);
  });

  it('given one line is refused, when all are wanted, then nothing stays held, and the order may try again', async () => {
    const shop = await given({ tea: 5 });
    expect(await shop.call(reserveOrder(LINES))).toMatchObject({
      ok: false,
      code: 'NOT_FOUND',
      lines: [{ lineId: '2' }],
    });
    await shop.runtime.settle();
    expect(await shop.available('tea')).toBe(5);
    expect(await shop.call(COMMIT)).toMatchObject({ code: 'RESERVATION_ENDED', state: 'RELEASED' });
    await shop.call(stock('pot', 1));
    expect(await shop.call(reserveOrder(LINES, { requestId: 'reserve-2' }))).toMatchObject({ ok: true, attempt: 2 });
  });

  it('given no stock of what is wanted, when a substitute has some, then the answer waits for no pause', async () => {
    const shop = await given({ tea: 1, mate: 5 });
    const line = { lineId: '1', sku: 'tea', qty: 2, substitutes: ['mate'] };
    expect(await shop.call(reserveOrder([line]))).toMatchObject({ ok: true, lines: [{ sku: 'mate', qty: 2 }] });
  });

  it('given less than two lines want of one SKU, when all are wanted, then what one had is free before any time has passed', async () => {
    const shop = await given({ tea: 1 });
    const lines = ['1', '2'].map((lineId) => ({ lineId, sku: 'tea', qty: 1 }));
    expect(await shop.call(reserveOrder(lines))).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK' });
    expect(await shop.available('tea')).toBe(1);
  });

  it('given the time is over, when nobody commits, then it is given back without anybody asking', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    await shop.call(reserveOrder(LINES, { ttlMs: 1_000 }));
    expect(await shop.available('tea')).toBe(0);
    await shop.runtime.advance(2_000);
    expect(await shop.available('tea')).toBe(2);
    expect(await shop.call(COMMIT)).toMatchObject({ code: 'RESERVATION_ENDED', state: 'EXPIRED' });
    await shop.runtime.advance(10_000);
    // Client, grid and task took part, and all of it is one trace (I17).
    expect(await shop.journey()).toEqual([
      ['reservationsStarted', 'client', 'reserve-1'],
      ['reservationsAnswered', 'grid:outcomes', 'reserve-1'],
      ['reservationsHeld', 'grid:outcomes', 'reserve-1'],
      ['reservationsAbandoned', expect.stringMatching(/^(grid:ask|task:reservation)$/), 'reserve-1'],
      ['reservationsEnded', 'grid:outcomes', 'reserve-1'],
    ]);
  });

  it('given a crash after the commit point, when another takes over, then the lines that had not heard of it do', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    const reserved = await shop.call(reserveOrder(LINES));
    // The order has journaled it and the coordinator is gone: nobody tells the lines.
    const command = { type: 'reservations', step: 'commit' };
    await shop.call({ op: 'advanceOrder', region: REGION, orderId: 'o-1', command, requestId: 'commit-1' });
    for (const id of idsOf(reserved)) expect(await shop.state(id)).toBe('RESERVED');
    await shop.open();
    await shop.runtime.advance(10_000);
    for (const id of idsOf(reserved)) expect(await shop.state(id)).toBe('COMMITTED');
    expect(await shop.call(COMMIT)).toMatchObject({ ok: true, state: 'COMMITTED', replayed: true });
  });

  it('given a crash while it is reserved, when nobody asks for the order again, then its stock is free after its time', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    const { lines, policy } = reserveOrder(LINES);
    const request = { orderId: 'o-1', lines, policy, ttlMs: 5_000, requestId: 'reserve-1' };
    const command = { type: 'reservations', step: 'reserve', request };
    await shop.call({ op: 'advanceOrder', region: REGION, orderId: 'o-1', command, requestId: 'reserve-1' });
    await shop.open();
    await shop.runtime.advance(4_000);
    expect(await shop.available('tea')).toBe(0);
    await shop.runtime.advance(10_000);
    expect(await shop.available('tea')).toBe(2);
  });
});

it('given as many lines as the largest order may have, from two ship nodes each, then they are reserved and committed as one', async () => {
  const shop = await given({ tea: RESERVE_LINES_MAX });
  const place = { sku: 'tea', qty: 1, region: REGION, node: 'w1' };
  const lines = Array.from({ length: RESERVE_LINES_MAX }, (_, n) => ({ ...place, lineId: `${'x'.repeat(40)}${n}` }));
  const reserved = await shop.call(reserveOrder(lines));
  expect(reserved).toMatchObject({ ok: true, state: 'RESERVED' });
  expect(await shop.call(COMMIT)).toMatchObject({ ok: true, state: 'COMMITTED' });
  expect(await shop.available('tea')).toBe(0);
});

describe('orders that nobody has in hand', () => {
  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

  it('given lines of some that are never answered, then others are taken up as they fall due, and none of them twice at once', async () => {
    const shop = await given({ tea: 100 });
    const asked: Respond[] = [];
    shop.instead.set('silent', (respond) => asked.push(respond));
    const stuck = names('stuck', TAKEN_UP_MAX - 1);
    for (const orderId of stuck) await shop.leave(orderId, ['silent']);
    await shop.runtime.advance(6_000);
    expect(asked).toHaveLength(stuck.length);
    const others = names('other', 3 * TAKEN_UP_MAX);
    for (const orderId of others) await shop.leave(orderId, ['tea']);
    await shop.runtime.advance(6_000);
    for (const orderId of others) expect(await shop.outcome(orderId)).toBe('reservationsEnded');
    expect(await shop.available('tea')).toBe(100);
    await shop.runtime.advance(30_000);
    expect(asked).toHaveLength(stuck.length);
  });

  it('given many others that came to their end by themselves, then one that is left is taken up no later for them', async () => {
    const shop = await given({ tea: 2_000 });
    for (const orderId of names('done', 1_000)) {
      await shop.call(reserveOrder([{ lineId: '1', sku: 'tea', qty: 1 }], { orderId }));
      await shop.call({ ...COMMIT, orderId });
    }
    await shop.leave('o-1', ['tea']);
    await shop.runtime.advance(4_000);
    expect(await shop.outcome('o-1')).toBe('reservationsEnded');
  });

  it('given as many as it takes up at once, then no more are until one of them is done, and then one is', async () => {
    const shop = await given({});
    const asked: Respond[] = [];
    shop.instead.set('silent', (respond) => asked.push(respond));
    for (const orderId of names('o', TAKEN_UP_MAX + 2)) await shop.leave(orderId, ['silent']);
    await shop.runtime.advance(9_000);
    expect(asked).toHaveLength(TAKEN_UP_MAX);
    asked[0]?.(failure('NOT_FOUND', 'nobody sells it'));
    await shop.runtime.settle();
    expect(asked).toHaveLength(TAKEN_UP_MAX + 1);
  });

  it('given it is stopped while its hands are full, when one is done, then no other is taken up', async () => {
    const shop = await given({});
    const asked: Respond[] = [];
    shop.instead.set('silent', (respond) => asked.push(respond));
    for (const orderId of names('o', TAKEN_UP_MAX + 2)) await shop.leave(orderId, ['silent']);
    await shop.runtime.advance(9_000);
    shop.stop();
    asked[0]?.(failure('NOT_FOUND', 'nobody sells it'));
    await shop.runtime.advance(30_000);
    expect(asked).toHaveLength(TAKEN_UP_MAX);
  });

  it('given many with lines in a region that is gone, when another is left, then it waits for a few of their tries, and not for each', async () => {
    const shop = await given({ tea: 1 });
    shop.instead.set('far', (respond) => respond(failure('UNAVAILABLE', 'region us-east cannot be reached', 100)));
    for (const orderId of names('stuck', 3 * TAKEN_UP_MAX)) await shop.leave(orderId, ['far']);
    await shop.leave('o-1', ['tea']);
    await shop.runtime.advance(12_000);
    expect(await shop.outcome('o-1')).toBe('reservationsEnded');
    shop.instead.set('far', (respond) => respond(failure('NOT_FOUND', 'nobody sells it')));
    await shop.runtime.advance(15_000);
    for (const orderId of names('stuck', 3 * TAKEN_UP_MAX)) {
      expect(await shop.outcome(orderId)).toBe('reservationsAnswered');
    }
  });
});

describe('a task that reserves its plan', () => {
  const TASK = { taskId: 'o-1/source#1' };
  const line = { lineId: '1', sku: 'tea', qty: 2 };
  const order = { orderId: 'o-1', lines: [line], destination: { latitude: 1, longitude: 1, postalCode: '1' } };
  const where = { node: 'w1', region: REGION, carrier: 'acme', service: 'ground' };

  /** An order that is captured, and what its task does of attempt n of its plan. */
  async function sourcing() {
    const shop = await given({ tea: 5, pot: 1 });
    await shop.call({ op: 'captureOrder', region: REGION, order, requestId: 'c-1' });
    const advance = (command: object, requestId: string): Promise<Outcome> =>
      shop.call({ op: 'advanceOrder', region: REGION, orderId: 'o-1', command, requestId });
    const plan = async (attempt: number): Promise<void> => {
      const packages = [{ ...where, lines: [line] }];
      const command = { type: 'plan', attempt, policy: 'all', packages, unfilled: [], rules: 'v1', ...TASK };
      expect(await advance(command, `source#1:plan${attempt}`)).toMatchObject({ ok: true });
    };
    return {
      shop,
      advance,
      plan,
      reserve: (attempt: number) => shop.call(reserveOrder([line], { ...TASK, requestId: `source#1:${attempt}` })),
      commit: (attempt: number) => shop.call({ ...COMMIT, ...TASK, requestId: `source#1:${attempt}:c` }),
      giveBack: (attempt: number) =>
        shop.call({ ...COMMIT, op: 'releaseOrder', ...TASK, requestId: `source#1:${attempt}:r` }),
      allocate: (reservationIds: readonly string[], requestId: string) => {
        const packages = reservationIds.map((reservationId) => ({ ...where, lines: [{ ...line, reservationId }] }));
        const unfilled = packages.length === 0 ? [{ lineId: '1', qty: 2 }] : [];
        return advance({ type: 'allocate', packages, unfilled, retryAt: 1, ...TASK }, requestId);
      },
      /** The plan is withdrawn. */
      changeOrder: () =>
        advance({ type: 'changeDestination', destination: { ...order.destination, postalCode: '2' } }, 'moved'),
      tasks: async () => ((await shop.call({ op: 'getOrder', region: REGION, orderId: 'o-1' })) as GetOrderReply).tasks,
    };
  }

  it('given a client that took the requestIds of the task first, then the task is answered for what it asked', async () => {
    const { shop, plan, reserve, commit } = await sourcing();
    await plan(1);
    await shop.call(reserveOrder([{ lineId: '9', sku: 'pot', qty: 1 }], { requestId: 'source#1:1' }));
    expect(await shop.call({ ...COMMIT, requestId: 'source#1:1:c' })).toMatchObject({ ok: true, attempt: 1 });
    const reserved = await reserve(1);
    expect(reserved).toMatchObject({ ok: true, attempt: 2, lines: [{ lineId: '1', ok: true, sku: 'tea', qty: 2 }] });
    expect(await commit(1)).toMatchObject({ ok: true, attempt: 2, state: 'COMMITTED' });
    for (const id of idsOf(reserved)) expect(await shop.state(id)).toBe('COMMITTED');
    expect(await reserve(1)).toMatchObject({ attempt: 2, replayed: true });
    const started = (await shop.journey()).filter(([type]) => type === 'reservationsStarted');
    expect(started.map(([, cause]) => cause)).toEqual(['client', 'task:source#1']);
  });

  it('given a task that is closed by now, then nothing is reserved for it, since nobody would allocate it', async () => {
    const { shop, advance, reserve, tasks } = await sourcing();
    await advance({ type: 'raise', kind: 'cancelRequest', evidence: {} }, 'cancel');
    const { key: exceptionId, taskId } = (await tasks()).find(({ kind }) => kind === 'settle') ?? {};
    await advance({ type: 'settle', exceptionId, action: 'cancel', taskId }, 'settle');
    const refused = await reserve(1);
    expect(refused).toMatchObject({ ok: false, code: 'NOT_FOUND', message: expect.stringContaining('o-1/source#1') });
    expect(await shop.available('tea')).toBe(5);
  });

  it('given a process that wakes with a plan which others have replaced, then it reserves nothing by it (I15)', async () => {
    const { shop, plan, reserve, commit, giveBack, allocate, changeOrder } = await sourcing();
    await plan(1);
    await changeOrder();
    expect(await reserve(1)).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    expect(await giveBack(1)).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    await plan(2);
    const reserved = await reserve(2);
    expect(await commit(2)).toMatchObject({ ok: true, state: 'COMMITTED' });
    for (const slow of [reserve, commit, giveBack]) expect(await slow(1)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await allocate([], 'source#1:short')).toMatchObject({ code: 'BAD_REQUEST' });
    expect(await allocate(idsOf(reserved), 'source#1')).toMatchObject({ ok: true });
    expect(await shop.available('tea')).toBe(3);
  });

  it('given a process that wakes after others gave back what it had reserved, then it commits nothing of theirs (I15)', async () => {
    const { shop, plan, reserve, commit, giveBack, changeOrder } = await sourcing();
    await plan(1);
    const [first = ''] = idsOf(await reserve(1));
    await changeOrder();
    expect(await commit(1)).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    expect(await giveBack(1)).toMatchObject({ ok: true, state: 'RELEASED' });
    await plan(2);
    const [second = ''] = idsOf(await reserve(2));
    expect(await commit(1)).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    expect(await giveBack(1)).toMatchObject({ ok: true, attempt: 1, state: 'RELEASED' });
    expect([await shop.state(first), await shop.state(second)]).toEqual(['RELEASED', 'RESERVED']);
    expect(await commit(2)).toMatchObject({ ok: true, attempt: 2, state: 'COMMITTED' });
  });

  it('given a task that is given up with its plan committed, when another takes its place, then the units go back (I15)', async () => {
    const { plan, reserve, commit, advance, tasks } = await sourcing();
    await plan(1);
    const [reservationId] = idsOf(await reserve(1));
    await commit(1);
    await advance({ type: 'fail', error: 'broken', attempts: 3, ...TASK }, 'dead');
    await advance({ type: 'raise', kind: 'lateRisk', evidence: {} }, 'late');
    const settled = { type: 'settle', exceptionId: 'e1', action: 'substitute', lineId: '1', sku: 'pot' };
    expect(await advance(settled, 'settle')).toMatchObject({ ok: true });
    const [stockTask] = (await tasks()).filter(({ kind }) => kind === 'stock');
    expect(stockTask?.payload).toEqual({
      to: 'stock',
      lines: [{ reservationId, sku: 'tea', region: REGION, node: 'w1', qty: 2 }],
    });
  });
});

describe('a clock that is wrong (I15)', () => {
  it('given a worker an hour ahead, when it dies and one takes over that is not, then its order is given up in its time', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    shop.runtime.aheadMs = 3_600_000;
    await shop.call(reserveOrder(LINES, { ttlMs: 1_000 }));
    shop.runtime.aheadMs = 0;
    await shop.open();
    await shop.runtime.advance(10_000);
    expect(await shop.available('tea')).toBe(2);
    expect(await shop.call(COMMIT)).toMatchObject({ code: 'RESERVATION_ENDED', state: 'EXPIRED' });
  });

  it('given it, when what it had begun to give back is left by it, then that is gone on with, and the order reserved anew', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    shop.runtime.aheadMs = 3_600_000;
    await shop.call(reserveOrder(LINES));
    const command = { type: 'reservations', step: 'release' };
    await shop.call({ op: 'advanceOrder', region: REGION, orderId: 'o-1', command, requestId: 'release-1' });
    shop.runtime.aheadMs = 0;
    await shop.open();
    await shop.runtime.advance(10_000);
    expect(await shop.call(reserveOrder(LINES, { requestId: 'reserve-2' }))).toMatchObject({ ok: true, attempt: 2 });
  });
});

describe('a tentative reservation that is due', () => {
  it('given its order has committed, when it asks, then it is committed with the units that are used', async () => {
    const shop = await given({ tea: 3 });
    const reserved = await shop.call(
      reserveOrder([{ lineId: '1', sku: 'tea', qty: 2 }], { ttlMs: 1_000, policy: 'partial' }),
    );
    const command = { type: 'reservations', step: 'commit' };
    await shop.call({ op: 'advanceOrder', region: REGION, orderId: 'o-1', command, requestId: 'commit-1' });
    await shop.open(false);
    await shop.runtime.advance(2_000);
    expect(await shop.state(idsOf(reserved)[0] as string)).toBe('COMMITTED');
    expect(await shop.available('tea')).toBe(1);
  });

  it('given its order has not, when it asks past the deadline, then the order never will, and the units are free', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    const reserved = await shop.call(reserveOrder(LINES, { ttlMs: 1_000 }));
    await shop.open(false);
    await shop.runtime.advance(2_000);
    for (const id of idsOf(reserved)) expect(await shop.state(id)).toBe('RELEASED');
    expect(await shop.call(COMMIT)).toMatchObject({ code: 'RESERVATION_ENDED' });
  });

  it('given its order cannot be asked, then the units stay held, and it asks again until it can', async () => {
    const shop = await given({ tea: 2, pot: 1 });
    await shop.call(reserveOrder(LINES, { ttlMs: 1_000 }));
    shop.isReachable = false;
    await shop.open(false);
    await shop.runtime.advance(60_000);
    expect(await shop.available('tea')).toBe(0);
    shop.isReachable = true;
    await shop.runtime.advance(6_000);
    expect(await shop.available('tea')).toBe(2);
  });

  it('given an order that nobody knows, when it is asked, then the reservation is given back', async () => {
    const shop = await given({ tea: 2 });
    const reserve = {
      op: 'reserve',
      sku: 'tea',
      region: REGION,
      qty: 2,
      ttlMs: 1_000,
      requestId: 'r',
      order: `x@${REGION}`,
    };
    await shop.call(reserve);
    await shop.runtime.advance(2_000);
    expect(await shop.available('tea')).toBe(2);
  });
});
