// Orders on a lane: captured, advanced, shown; their tasks lent; after a restart, a hand-off, and out of memory.
import { describe, expect, it } from 'vitest';
import type { LeasedTask, Outcome, TakeTasksReply } from '../../../protocol/index.ts';
import { partitionOf } from '../../core/index.ts';
import { ManualRuntime, MemoryMedium, openGrid, REGION, stock, type TestGrid } from '../testing/harness.ts';
import { testOrderCore } from '../testing/order-core.ts';

const PARTITIONS = 8;
const CORE = { orderCore: testOrderCore };

function capture(orderId: string, requestId = `c-${orderId}`, qty = 2): Record<string, unknown> {
  const lines = [{ lineId: '1', sku: 'tea', qty }];
  const destination = { latitude: 52.1, longitude: 4.9, postalCode: '1011' };
  return { op: 'captureOrder', region: REGION, order: { orderId, lines, destination }, requestId };
}

function advance(orderId: string, command: object, requestId: string): Record<string, unknown> {
  return { op: 'advanceOrder', region: REGION, orderId, command: { type: 'did', ...command }, requestId };
}

function look(orderId: string, journey = false): Record<string, unknown> {
  return { op: 'getOrder', region: REGION, orderId, journey };
}

function take(more: object = {}): Record<string, unknown> {
  return { op: 'takeTasks', region: REGION, kinds: ['source'], ...more };
}

function tasksOf(outcome: Outcome | undefined): readonly LeasedTask[] {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as TakeTasksReply).tasks;
}

async function given(medium = new MemoryMedium(), limits = {}) {
  const runtime = new ManualRuntime();
  const open = (): Promise<TestGrid> => openGrid(medium, runtime, limits, undefined, CORE);
  return { runtime, medium, open, grid: await open() };
}

describe('an order', () => {
  it('given a document, when it is captured, then it is acknowledged once and shown with its journey', async () => {
    const { grid, runtime } = await given();

    expect(await grid.call(capture('o1'))).toEqual({
      ok: true,
      orderId: 'o1',
      status: 'OPEN',
      capturedAt: runtime.ms,
      version: { epoch: expect.any(Number), seq: 1 },
    });
    expect(await grid.call(capture('o1', 'another'))).toMatchObject({ ok: true, replayed: true, version: { seq: 1 } });
    expect(await grid.call(capture('o1', 'c-o1', 3))).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await grid.call(look('o1', true))).toMatchObject({
      status: 'OPEN',
      order: { orderId: 'o1', lines: [{ qty: 2 }] },
      tasks: [{ taskId: 'o1/source#1', kind: 'source' }],
      detail: { opened: 1 },
      journey: [{ type: 'captured', seq: 1, requestId: 'c-o1', cause: 'capture', traceId: 'c-o1' }],
    });
    expect(grid.grid.figures()).toMatchObject({ orders: 1 });
  });

  it('given an SKU of the same name, then each is its own actor, and lists of SKUs have no orders', async () => {
    const { grid } = await given();
    await grid.call(stock('same', 5));
    await grid.call(capture('same'));

    expect(await grid.call({ op: 'get', sku: 'same', region: REGION })).toMatchObject({
      onHand: 5,
      version: { seq: 1 },
    });
    expect(await grid.call({ op: 'list', region: REGION })).toMatchObject({ positions: [{ sku: 'same' }] });
    expect(await grid.call(look('same'))).toMatchObject({ ok: true, orderId: 'same' });
  });

  it('given more orders than there are places for SKUs, and few SKUs, then those keep their places all the same', async () => {
    const { grid, runtime } = await given(undefined, { hotActorsMax: 3 });
    for (let n = 0; n < 6; n++) await grid.call(capture(`o${n}`));
    await runtime.advance(3_000);
    for (const sku of ['tea', 'milk']) await grid.call(stock(sku, 5));
    await runtime.advance(1_000);

    expect(grid.grid.figures()).toMatchObject({ orders: 6, actors: { hot: 2, packed: 6 } });
  });

  it('given a command of several events that fills a batch, then they are in one: half of it is never durable', async () => {
    // Each command makes a second event of its kind.
    const twice: typeof testOrderCore = {
      ...testOrderCore,
      decide: (state, ask, context) => {
        const { events, reply } = testOrderCore.decide(state, ask, context);
        return { events: events.flatMap((one) => [one, { ...one, seq: one.seq + 1, opens: [] }]), reply };
      },
    };
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium();
    const grid = await openGrid(medium, runtime, { batchRecordsEarly: 1 }, undefined, { orderCore: twice });
    await grid.call(capture('o1'));
    medium.hold();
    const advanced = grid.ask(advance('o1', {}, 'a'));
    await runtime.settle();
    expect(medium.held).toBe(1);
    medium.release(1);
    await runtime.settle();
    expect(advanced.outcome).toMatchObject({ ok: true, version: { seq: 4 } });
  });

  it('given more to be done about captured orders than one turn does, when another is captured, then it does not wait for that', async () => {
    const runtime = new ManualRuntime();
    const grid = await openGrid(new MemoryMedium(), runtime, { orderRequestsPerTurn: 1 }, undefined, CORE);
    await grid.call(capture('o1'));
    const answered: string[] = [];
    const ask = (name: string, request: Record<string, unknown>): void => {
      grid.grid.submit(request as never, ({ ok }) => answered.push(ok ? name : `${name} refused`));
    };

    for (let n = 0; n < 5; n++) ask(`command-${n}`, advance('o1', {}, `a-${n}`));
    ask('capture', capture('o2'));
    await runtime.settle();

    expect([...answered].sort()).toEqual(['capture', 'command-0', 'command-1', 'command-2', 'command-3', 'command-4']);
    expect(answered.indexOf('capture')).toBeLessThan(3);
  });

  it('given an unknown order, then it is NOT_FOUND and leaves nothing behind', async () => {
    const { grid } = await given();

    expect(await grid.call(look('nope'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await grid.call(advance('nope', {}, 'a'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(grid.grid.figures()).toMatchObject({ orders: 0, journalSeq: 0 });
  });

  it('given a command, when it is sent twice, then it takes effect once', async () => {
    const { grid } = await given();
    await grid.call(capture('o1'));

    const first = await grid.call(advance('o1', { closes: 'o1/source#1' }, 'a'));
    expect(first).toMatchObject({ ok: true, status: 'DONE', version: { seq: 2 } });
    expect(await grid.call(advance('o1', { closes: 'o1/source#1' }, 'a'))).toEqual({ ...first, replayed: true });
    expect(await grid.call(advance('o1', { closes: 'o1/source#1' }, 'b'))).toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('given a decision that breaks an invariant, then the order stops, nothing is recorded, and a restart brings it back', async () => {
    const { grid, open } = await given();
    await grid.call(capture('o1'));

    expect(await grid.call(advance('o1', { breaks: true }, 'a'))).toMatchObject({ code: 'INTERNAL' });
    expect(await grid.call(look('o1'))).toMatchObject({ code: 'INTERNAL' });
    expect(grid.grid.figures().journalSeq).toBe(1);
    await grid.grid.close();
    expect(await (await open()).call(look('o1'))).toMatchObject({ ok: true, version: { seq: 1 } });
  });

  it('given more events than an order may have, then the next is refused and the order lives', async () => {
    const { grid } = await given(new MemoryMedium(), { orderBytesMax: 1_000 });
    await grid.call(capture('o1'));

    expect(await grid.call(advance('o1', { opens: [{ kind: 'x', payload: 'p'.repeat(900) }] }, 'a'))).toMatchObject({
      code: 'TOO_LARGE',
    });
    expect(await grid.call(look('o1'))).toMatchObject({ ok: true, version: { seq: 1 } });
  });

  it('given a store that does not answer, then a capture is not acknowledged before it is durable', async () => {
    const { grid, medium, runtime } = await given();
    medium.down('injected');
    const asked = grid.ask(capture('o1'));
    const taken = grid.ask(take());
    await runtime.settle();

    expect(asked.outcome).toMatchObject({ code: 'UNAVAILABLE' });
    expect(taken.outcome).toMatchObject({ code: 'UNAVAILABLE' });
    medium.up();
    await runtime.advance(2_000);
    expect(await grid.call(capture('o1'))).toMatchObject({ ok: true, replayed: true });
  });
});

describe('after a restart', () => {
  it.each(['with a snapshot', 'from the journal alone'])(
    '%s, given orders, then they and their tasks are as they were',
    async (how) => {
      const { grid, open, runtime, medium } = await given();
      for (const id of ['o1', 'o2', 'o3']) await grid.call(capture(id));
      await grid.call(
        advance('o1', { closes: 'o1/source#1', opens: [{ kind: 'book', dueAt: runtime.ms + 5_000 }] }, 'a'),
      );
      await grid.call(advance('o2', { closes: 'o2/source#1' }, 'b'));
      await grid.call(take({ limit: 1 }));
      const before = await Promise.all(['o1', 'o2', 'o3'].map((id) => grid.call(look(id, true))));
      if (how === 'with a snapshot') await grid.grid.close();
      else medium.endSession(REGION);

      const after = await open();
      const seen = await Promise.all(['o1', 'o2', 'o3'].map((id) => after.call(look(id, true))));
      expect(seen.map(withoutEpoch)).toEqual(before.map(withoutEpoch));
      await runtime.advance(100);
      // Lent to somebody before, which nobody knows any more.
      const kinds = ['source', 'book'];
      expect(tasksOf(await after.call(take({ kinds }))).map(({ taskId }) => taskId)).toEqual(['o3/source#1']);
      await runtime.advance(5_000);
      expect(tasksOf(await after.call(take({ kinds }))).map(({ taskId }) => taskId)).toEqual(['o1/book#2']);
      expect(after.grid.figures()).toMatchObject({ orders: 3 });
    },
  );

  it('given orders that are done, when both snapshots have them, then they leave memory and are found all the same', async () => {
    const { grid, runtime, open } = await given(new MemoryMedium(), { snapshotEveryMs: 1_000, snapshotPauseMs: 100 });
    await grid.call(capture('done'));
    await grid.call(advance('done', { closes: 'done/source#1' }, 'a'));
    await grid.call(capture('open'));
    for (let n = 0; n < 4; n++) {
      await runtime.advance(2_500);
      await grid.call(stock('tea', 1, `s${n}`));
    }

    expect(grid.grid.figures().actors).toEqual({ hot: 1, packed: 1 });
    expect(await grid.call(look('done', true))).toMatchObject({ status: 'DONE', journey: [{ seq: 1 }, { seq: 2 }] });
    await grid.grid.close();
    const after = await open();
    expect(after.grid.figures()).toMatchObject({ orders: 2, actors: { hot: 0, packed: 2 } });
    expect(await after.call(look('done'))).toMatchObject({ status: 'DONE' });
  });
});

describe('tasks', () => {
  it('given open tasks, when they are taken, then each is lent once until its lease ends, and again until it is closed', async () => {
    const { grid, runtime } = await given();
    await grid.call(capture('o1'));

    const [task] = tasksOf(await grid.call(take({ leaseMs: 1_000 })));
    expect(task).toMatchObject({
      taskId: 'o1/source#1',
      orderId: 'o1',
      payload: { lines: 1 },
      attempt: 1,
      leasedUntil: runtime.ms + 1_000,
    });
    expect(tasksOf(await grid.call(take()))).toEqual([]);
    expect(grid.grid.figures()).toMatchObject({ tasksLent: 1 });
    await runtime.advance(1_100);
    expect(tasksOf(await grid.call(take({ leaseMs: 1_000 })))).toMatchObject([{ taskId: 'o1/source#1', attempt: 2 }]);
    await grid.call(advance('o1', { closes: 'o1/source#1' }, 'a'));
    await runtime.advance(5_000);
    expect(tasksOf(await grid.call(take()))).toEqual([]);
    expect(grid.grid.figures()).toMatchObject({ tasksLent: 0, tasksWaiting: 0 });
  });

  it('given nothing to do, when a consumer waits, then it is answered with the first task, or with none in time', async () => {
    const { grid, runtime } = await given();
    const early = grid.ask(take({ waitMs: 5_000 }));
    const other = grid.ask(take({ kinds: ['book'], waitMs: 1_000 }));
    await runtime.advance(500);
    expect(early.outcome).toBeUndefined();

    await grid.call(capture('o1'));
    expect(tasksOf(early.outcome)).toMatchObject([{ taskId: 'o1/source#1' }]);
    expect(other.outcome).toBeUndefined();
    await runtime.advance(600);
    expect(tasksOf(other.outcome)).toEqual([]);
  });

  it('given a task that is due later, then it is offered then and not before', async () => {
    const { grid, runtime } = await given();
    await grid.call(capture('o1'));
    await grid.call(
      advance('o1', { closes: 'o1/source#1', opens: [{ kind: 'book', dueAt: runtime.ms + 60_000 }] }, 'a'),
    );
    const waiting = grid.ask(take({ kinds: ['book'], waitMs: 30_000 }));
    await runtime.advance(30_100);
    expect(tasksOf(waiting.outcome)).toEqual([]);

    const again = grid.ask(take({ kinds: ['book'], waitMs: 30_000 }));
    await runtime.advance(30_000);
    expect(tasksOf(again.outcome)).toMatchObject([{ taskId: 'o1/book#2' }]);
  });

  it('given an order with many tasks, when some are asked for, then others have their turn too', async () => {
    const { grid, runtime } = await given(new MemoryMedium(), { tasksPerOrder: 2 });
    await grid.call(capture('big'));
    const opens = Array.from({ length: 20 }, () => ({ kind: 'source' }));
    await grid.call(advance('big', { opens }, 'a'));
    await grid.call(capture('small'));

    const taken = tasksOf(await grid.call(take({ limit: 5 })));
    expect(taken.map(({ orderId }) => orderId).sort()).toEqual(['big', 'big', 'small']);
    let left = 19;
    for (let n = 0; n < 20 && left > 0; n++) {
      await runtime.advance(60);
      left -= tasksOf(await grid.call(take())).length;
    }
    expect(left).toBe(0);
  });

  it('given large payloads, then one answer is bounded and the next has the rest', async () => {
    const { grid } = await given(new MemoryMedium(), { tasksBytesMax: 5_000 });
    for (let n = 0; n < 6; n++) {
      await grid.call(capture(`o${n}`));
      await grid.call(advance(`o${n}`, { opens: [{ kind: 'big', payload: 'p'.repeat(2_000) }] }, `a${n}`));
    }
    const sizes = [];
    for (let n = 0; n < 3; n++) sizes.push(tasksOf(await grid.call(take({ kinds: ['big'] }))).length);
    expect(sizes).toEqual([3, 3, 0]);
  });

  it('given more consumers than may wait, then the next is told to come back', async () => {
    const { grid } = await given(new MemoryMedium(), { taskWaitersMax: 2 });
    const waiting = [grid.ask(take({ waitMs: 1_000 })), grid.ask(take({ waitMs: 1_000 }))];
    expect(await grid.call(take({ waitMs: 1_000 }))).toMatchObject({ code: 'OVERLOADED' });
    await grid.grid.close();
    for (const { outcome } of waiting) expect(outcome).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('when its partition moves to another lane', () => {
  it('given an order that changes meanwhile, then it goes on there, and what was lent is offered there again', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(() => runtime.ms);
    const first = await openGrid(medium, runtime, {}, '0', CORE);
    const second = await openGrid(medium, runtime, {}, 'b', CORE);
    await first.call(capture('o1'));
    expect(tasksOf(await first.call(take()))).toHaveLength(1);
    const waiting = second.ask(take({ waitMs: 10_000 }));
    const { arrivals } = second.grid;
    let changes = 0;
    const moving = first.grid.moveOut(
      partitionOf('o1', PARTITIONS),
      'b',
      {
        rows: async (message) => {
          // After it was copied.
          const answer = await arrivals.rows(message);
          changes += 1;
          if (changes === 1) await first.call(advance('o1', { opens: [{ kind: 'late' }] }, 'meanwhile'));
          return answer;
        },
        handover: (message) => arrivals.handover(message),
      },
      { sealed: () => {}, opened: () => {} },
    );
    await runtime.advance(1_000);

    expect(await moving).toBe(true);
    expect(first.grid.figures()).toMatchObject({ orders: 0, tasksLent: 0 });
    expect(await first.call(look('o1'))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await second.call(look('o1', true))).toMatchObject({
      version: { seq: 2 },
      journey: [{ seq: 1 }, { seq: 2 }],
    });
    expect(tasksOf(waiting.outcome)).toMatchObject([{ taskId: 'o1/source#1', attempt: 1 }]);
    expect(tasksOf(await second.call(take({ kinds: ['late'] })))).toHaveLength(1);
    expect(await second.call(advance('o1', { closes: 'o1/source#1' }, 'a'))).toMatchObject({ ok: true });
  });
});

function withoutEpoch(outcome: Outcome): object {
  const { version, ...rest } = outcome as unknown as { version: { seq: number } };
  return { ...rest, seq: version.seq };
}
