// The reservations of an order: lines that end alike, whatever is lost, repeated or late. And what users of other systems suffer
// where an order has several lines, one test each.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderLineRequest } from '../../protocol/index.ts';
import { createSaga, endReply, evolve, reserveReply, type SagaState } from './index.ts';
import { PLACE, World } from './testing/world.ts';

const line = (lineId: string, sku: string, qty = 1, more: Partial<OrderLineRequest> = {}): OrderLineRequest => ({
  lineId,
  sku,
  qty,
  ...more,
});
const stateOf = (world: World) => world.saga.attempts.at(-1)?.state;
const reply = (world: World, requestId = 'first') => reserveReply(world.saga, PLACE.orderId, requestId);

describe('an order of several lines', () => {
  it('given stock for all, when reserved and committed, then every line is committed', () => {
    const world = new World({ 'eu-west/a': 5, 'eu-west/b': 5 });
    world.reserve({ lines: [line('1', 'a', 2), line('2', 'b')] }, 'first');
    expect(reply(world)).toBeUndefined();
    world.settle();
    expect(reply(world)).toMatchObject({
      ok: true,
      attempt: 1,
      lines: [{ lineId: '1', ok: true, qty: 2 }, { ok: true }],
    });
    world.tell({ type: 'commit' }, 'commit');
    expect(endReply(world.saga, PLACE.orderId, 'commit', { op: 'commit' })).toMatchObject({
      state: 'COMMITTED',
      pending: 2,
    });
    world.settle();
    expect(world.states()).toEqual(['a 2 COMMITTED', 'b 1 COMMITTED']);
    expect(stateOf(world)).toBe('COMMITTED');
    expect(world.tell({ type: 'release' }).refusal).toMatchObject({ code: 'RESERVATION_ENDED', state: 'COMMITTED' });
  });

  it('given no stock for one line, when all are wanted, then nothing is held and the refusal names that line', () => {
    const world = new World({ 'eu-west/a': 5 });
    world.reserve({ lines: [line('1', 'a'), line('2', 'b')] }, 'first');
    world.settle();
    expect(world.states()).toEqual(['a 1 RELEASED']);
    expect(stateOf(world)).toBe('ABORTED');
    expect(reply(world)).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK', lines: [{ lineId: '2' }] });
    expect(world.tell({ type: 'commit' }).refusal).toMatchObject({ code: 'RESERVATION_ENDED', state: 'RELEASED' });
  });

  it('given stock for a part, when what can be had is wanted, then that is held, and units of a line may be fewer', () => {
    const world = new World({ 'eu-west/a': 3, 'eu-west/c': 1 });
    const lines = [line('1', 'a', 2), line('2', 'a', 2), line('3', 'b'), line('4', 'c')];
    world.reserve({ policy: 'partial', lines }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({
      ok: true,
      lines: [
        { lineId: '1', ok: true, qty: 2 },
        { lineId: '2', ok: true, qty: 1 },
        { lineId: '3', ok: false, code: 'INSUFFICIENT_STOCK' },
        { lineId: '4', ok: true, qty: 1 },
      ],
    });
  });

  it('given a substitute, when its own SKU is refused, then the line has that, and only what is used is committed', () => {
    const world = new World({ 'eu-west/a': 1, 'eu-west/b': 5, 'us-east/a': 0 });
    const lines = [line('1', 'a'), line('2', 'a', 1, { substitutes: ['x', 'b'] })];
    world.reserve({ regions: ['eu-west', 'us-east'], lines }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({ lines: [{ sku: 'a' }, { sku: 'b', reservations: [{ sku: 'b' }] }] });
    world.tell({ type: 'commit' });
    world.settle();
    expect(world.states()).toEqual(['a 1 COMMITTED', 'b 1 COMMITTED']);
  });

  it('given lines of several regions, when one region has none, then the next in the list is asked', () => {
    const world = new World({ 'us-east/a': 1, 'eu-west/b': 1 });
    world.reserve({ regions: ['eu-west', 'us-east'], lines: [line('1', 'a'), line('2', 'b')] }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({
      lines: [{ reservations: [{ region: 'us-east' }] }, { reservations: [{ region: 'eu-west' }] }],
    });
  });

  it('given the deadline has passed, when nobody committed, then it is given up and cannot be committed any more', () => {
    const world = new World({ 'eu-west/a': 1 });
    world.reserve({ lines: [line('1', 'a')], ttlMs: 1_000 });
    world.settle();
    world.tell({ type: 'lapse' });
    expect(stateOf(world)).toBe('TENTATIVE');
    world.now += 1_000;
    world.tell({ type: 'lapse' });
    world.settle();
    expect(world.states()).toEqual(['a 1 RELEASED']);
    expect(world.tell({ type: 'commit' }).refusal).toMatchObject({ code: 'RESERVATION_ENDED', state: 'EXPIRED' });
  });

  it.each([
    [14, { ok: true, qty: 2 }],
    [1, { ok: false, code: 'RESERVATION_ENDED' }],
  ])(
    'given a line that its actor has forgotten, when its order hears so %d minutes after it was committed, then %j',
    (minutes, of) => {
      const world = new World({ 'eu-west/a': 5 });
      world.reserve({ lines: [line('1', 'a', 2)] }, 'first');
      world.settle();
      world.tell({ type: 'commit' }, 'commit');
      // It asked by itself, was committed and shipped, all before the order's own errand came: within a minute, its journal has lost it.
      world.reservations.clear();
      world.now += minutes * 60_000;
      world.settle();
      expect(reply(world)).toMatchObject({ ok: true, lines: [{ lineId: '1', ...of }] });
      expect(endReply(world.saga, PLACE.orderId, 'commit', { op: 'commit' })).toMatchObject({
        state: 'COMMITTED',
        lines: [of],
      });
    },
  );

  it('given an answer that was lost, when the order is released, then the reservation is found and given back', () => {
    const world = new World({ 'eu-west/a': 1, 'eu-west/b': 1 });
    world.reserve({ lines: [line('1', 'a'), line('2', 'b')] });
    const [a, b] = world.errands();
    if (a === undefined || b === undefined) throw new Error('two errands');
    world.send(a.request);
    world.tell({ type: 'release' });
    world.settle();
    expect(world.states()).toEqual(['a 1 RELEASED', 'b 1 RELEASED']);
    expect(stateOf(world)).toBe('RELEASED');
  });

  it('given requests are sent again (I11), when by the same id, then as before; with other lines, then refused', () => {
    const world = new World({ 'eu-west/a': 9 });
    const lines = [line('1', 'a')];
    world.reserve({ lines }, 'first');
    expect(world.reserve({ lines: [line('1', 'a', 2)] }, 'first').refusal).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(world.reserve({ lines }, 'second').refusal).toMatchObject({ code: 'UNAVAILABLE' });
    world.settle();
    const before = reply(world);
    expect(world.reserve({ lines }, 'first')).toEqual({ events: [] });
    expect(world.reserve({ lines: [line('1', 'a', 2)] }, 'third').refusal?.message).toMatch(
      /commitOrder or releaseOrder/,
    );
    world.tell({ type: 'commit' }, 'commit');
    world.settle();
    expect(reply(world)).toEqual(before);
    expect(world.tell({ type: 'commit' }, 'commit')).toEqual({ events: [] });
  });
});

describe('what users of other systems suffer', () => {
  it('given two lines that share a component (medusa#16502), when there is enough for one, then demand is summed and refused', () => {
    const world = new World({ 'eu-west/cup': 3, 'eu-west/pot': 9 });
    const components = [
      { sku: 'cup', qty: 2 },
      { sku: 'pot', qty: 1 },
    ];
    world.reserve({ lines: [line('1', 'set', 1, { components }), line('2', 'cup', 2)] }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({ ok: false, lines: [{ lineId: '2' }] });
    expect(world.free('eu-west/cup')).toBe(3);
    expect(world.sent.filter((request) => request.op === 'reserve' && request.sku === 'cup')).toMatchObject([
      { qty: 4 },
    ]);
  });

  it('given one bundle cannot be had whole (medusa#16502), when partial, then none of its components is kept', () => {
    const world = new World({ 'eu-west/cup': 5, 'eu-west/a': 1 });
    const components = [
      { sku: 'cup', qty: 2 },
      { sku: 'pot', qty: 1 },
    ];
    world.reserve({ policy: 'partial', lines: [line('1', 'set', 2, { components }), line('2', 'a')] }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({ lines: [{ ok: false }, { ok: true }] });
    expect(world.states()).toEqual(['a 1 RESERVED', 'cup 4 RELEASED']);
  });

  it('given two orders want the last unit (medusa#16569, #16825), when both try, then one has all its lines, the other none', () => {
    const world = new World({ 'eu-west/a': 1, 'eu-west/b': 2 });
    world.reserve({ lines: [line('1', 'b'), line('2', 'a')] }, 'first');
    world.settle();
    world.tell({ type: 'commit' });
    world.settle();
    // The second order, on the same stock.
    world.saga = createSaga();
    world.reserve({ lines: [line('1', 'b'), line('2', 'a')] }, 'other');
    world.settle();
    expect(world.states()).toEqual(['a 1 COMMITTED', 'b 1 COMMITTED', 'b 1 RELEASED']);
  });

  it('given units at several nodes (medusa#14987), when a line needs them all, then one claim may be split over them', () => {
    const world = new World({ 'eu-west/a': 5 });
    world.reserve({ lines: [line('1', 'a', 5)] });
    // The order reference alone lets the actor split it, whole or not at all: node/core/SPEC.md, reserve.
    expect(world.errands()).toMatchObject([
      { request: { node: undefined, allowPartial: false, order: 'order-1@eu-west' } },
    ]);
  });

  it('given lines in any order (vendure#3508), when orders cross, then nobody waits for a lock: both are decided in one round', () => {
    const world = new World({ 'eu-west/a': 1, 'eu-west/b': 1 });
    world.reserve({ lines: [line('1', 'b'), line('2', 'a')] });
    expect(world.errands().map(({ request }) => request.op)).toEqual(['reserve', 'reserve']);
    world.run();
    expect(stateOf(world)).toBe('TENTATIVE');
  });

  it('given an unpaid order (vendure#3509), when its time is over, then whoever asks frees what it holds', () => {
    const world = new World({ 'eu-west/a': 1, 'eu-west/b': 1 });
    world.reserve({ lines: [line('1', 'a'), line('2', 'b')], ttlMs: 1_000 });
    world.settle();
    world.now += 1_000;
    const [first] = [...world.reservations.keys()];
    expect(world.askAndEnd(first as string)).toEqual({ answer: 'expire' });
    world.settle();
    expect([world.free('eu-west/a'), world.free('eu-west/b')]).toEqual([1, 1]);
  });

  it('given a shopper reserves again what the order holds (woocommerce#67354), when stock is out, then it is told what it has', () => {
    const world = new World({ 'eu-west/a': 1 });
    world.reserve({ lines: [line('1', 'a')], owner: 'ada' }, 'first');
    world.settle();
    expect(world.reserve({ lines: [line('1', 'a')], owner: 'ada' }, 'again').refusal).toBeUndefined();
    expect(reply(world, 'again')).toEqual(reply(world, 'first'));
  });

  it('given a constrained SKU is out, when the line names substitutes, then checkout goes on with them', () => {
    const world = new World({ 'eu-west/b': 1 });
    world.reserve({ lines: [line('1', 'a', 1, { substitutes: ['b'] })] }, 'first');
    world.settle();
    expect(reply(world)).toMatchObject({ ok: true, lines: [{ sku: 'b' }] });
  });
});

type Step =
  | { readonly kind: 'reserve'; readonly lines: readonly OrderLineRequest[]; readonly partial: boolean }
  | { readonly kind: 'commit' | 'release' | 'lapse' | 'again' | 'settle' }
  | { readonly kind: 'run'; readonly take: number; readonly lost: boolean }
  | { readonly kind: 'ask'; readonly pick: number }
  | { readonly kind: 'wait'; readonly ms: number };

const SKUS = ['a', 'b', 'c'];
const sku = fc.constantFrom(...SKUS);
const lines = fc.array(
  fc.record(
    {
      sku,
      qty: fc.integer({ min: 1, max: 3 }),
      region: fc.constantFrom('eu-west', 'us-east'),
      substitutes: fc.array(sku, { minLength: 1, maxLength: 2 }),
      components: fc.array(fc.record({ sku, qty: fc.integer({ min: 1, max: 2 }) }), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['sku', 'qty'] },
  ),
  { minLength: 1, maxLength: 4 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      lines: lines.map((list) => list.map((one, i) => ({ lineId: `${i}`, ...one }))),
      partial: fc.boolean(),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit', 'commit', 'release', 'lapse', 'again', 'settle', 'settle'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('run' as const), take: fc.nat(4), lost: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), pick: fc.nat(9) }) },
  // Below 0: the order has come to a worker whose clock is behind.
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 999, 1_000, -1, -1_000, 3_600_000, -3_600_000),
    }),
  },
);

/** Plays one step; notes what was told to whom. */
function play(world: World, one: Step, told: Map<string, string>): void {
  switch (one.kind) {
    case 'reserve':
      world.reserve({
        lines: one.lines,
        policy: one.partial ? 'partial' : 'all',
        ttlMs: 1_000,
        regions: ['eu-west', 'us-east'],
      });
      return;
    case 'commit':
    case 'release':
    case 'lapse':
      world.tell({ type: one.kind });
      return;
    case 'settle':
      world.settle();
      return;
    case 'again':
      // A message that was under way: a request of before comes again.
      if (world.sent[0] !== undefined) world.send(world.sent.at(-1) ?? world.sent[0]);
      return;
    case 'run': {
      const errands = world.errands().slice(0, one.take);
      if (one.lost) for (const { request } of errands) world.send(request);
      else world.run(errands);
      return;
    }
    case 'ask': {
      const ids = [...world.reservations.keys()];
      const id = ids[one.pick % Math.max(1, ids.length)];
      if (id === undefined) return;
      const { answer } = world.askAndEnd(id);
      if (answer === 'unknown-yet') return;
      expect(told.get(id) ?? answer).toBe(answer);
      told.set(id, answer);
      return;
    }
    case 'wait':
      world.now += one.ms;
      return;
    default:
      one satisfies never;
  }
}

describe('any history (I15)', () => {
  it('given messages lost, repeated and late, whoever asks, and whenever by whichever clock, then all lines of an attempt end alike and none stays', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const world = new World(
          Object.fromEntries(
            SKUS.flatMap((one) => [
              [`eu-west/${one}`, 4],
              [`us-east/${one}`, 2],
            ]),
          ),
        );
        const told = new Map<string, string>();
        let latest = world.now;
        for (const one of steps) {
          play(world, one, told);
          latest = Math.max(latest, world.now);
        }
        // Faults end, and time goes on until everybody has asked.
        world.settle();
        world.now = latest + 1_000;
        world.tell({ type: 'lapse' });
        world.settle();
        for (const id of world.reservations.keys()) world.askAndEnd(id);
        world.settle();
        expectAlike(world);
        let replayed: SagaState = createSaga();
        for (const event of world.events) replayed = evolve(replayed, event);
        expect(replayed).toEqual(world.saga);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** I15: what each attempt decided is what became of all it held, and stock is free or sold. */
function expectAlike(world: World): void {
  const used = new Map<string, number>();
  for (const attempt of world.saga.attempts) {
    expect(['COMMITTED', 'RELEASED', 'ABORTED']).toContain(attempt.state);
    for (const claim of attempt.claims) {
      if (claim.answer?.isHeld !== true) continue;
      if (attempt.state === 'COMMITTED' && claim.used > 0) used.set(claim.answer.reservationId, claim.used);
    }
  }
  for (const [id, { state, qty }] of world.reservations) {
    expect([id, state === 'COMMITTED' ? qty : state]).toEqual([id, used.get(id) ?? 'RELEASED']);
  }
  for (const one of SKUS) expect(world.free(`eu-west/${one}`)).toBeGreaterThanOrEqual(0);
}
