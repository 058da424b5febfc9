// Pooled stock in an actor: what becomes of each request and of each row, with figures. Random histories are in
// model.test.ts; what regions do with one another is cluster/escrow's.
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../protocol/index.ts';
import { applyRights, assertDeep, availableToSell, packedBytes, unpack, view } from './index.ts';
import {
  adjust,
  commit,
  configure,
  pool,
  REGION,
  release,
  reserve,
  SKU,
  ship,
  stocked,
  TestActor,
  transfer,
} from './testing/requests.ts';

const US = 'us-east';

function pooled(units: number): TestActor {
  const actor = new TestActor();
  actor.do(pool([REGION, US]));
  if (units > 0) actor.do(adjust('pool', { delta: units }));
  return actor;
}

function part(actor: TestActor) {
  assertDeep(actor.state);
  return view(actor.state, REGION, 1).pool;
}

function credited(actor: TestActor, total: number): void {
  applyRights(actor.state, { type: 'credited', from: US, total }, actor.now, actor.epoch);
}

function refused(outcome: Outcome): { code: string; message: string } {
  if (outcome.ok) throw new Error(`accepted: ${JSON.stringify(outcome)}`);
  return outcome;
}

describe('making a pool', () => {
  it('given an unknown sku, when it is pooled, then it has a node that sells nothing yet', () => {
    const actor = new TestActor();
    expect(actor.do(pool([REGION, US]))).toEqual({ ok: true, availableToSell: 0, version: { epoch: 1, seq: 1 } });
    expect(part(actor)).toEqual({
      minted: 0,
      rights: 0,
      consumed: 0,
      regions: [{ region: US, given: 0, taken: 0 }],
    });
    expect(refused(actor.do(reserve())).code).toBe('INSUFFICIENT_STOCK');
  });

  it('given stock, promised and shipped units at a node of that name, when it is pooled, then they belong to the pool', () => {
    const actor = stocked({ pool: 10 });
    const sold = actor.reserved({ qty: 4 });
    actor.do(commit(sold));
    actor.do(ship(sold, { qty: 3 }));
    actor.do(pool([US]));
    expect(part(actor)).toMatchObject({ minted: 10, rights: 6, consumed: 4 });
  });

  it('given a node that keeps units back or sells more than it has, when pooled, then it is refused', () => {
    for (const setting of [{ safetyStock: 1 }, { backorderLimit: 1 }]) {
      const actor = stocked({ pool: 10 });
      actor.do(configure({ node: 'pool', ...setting }));
      expect(refused(actor.do(pool([US])))).toMatchObject({ code: 'BAD_REQUEST' });
      expect(part(actor)).toBeUndefined();
    }
  });

  it('given a pool, when its regions are named anew, then rights and accounts stay', () => {
    const actor = pooled(10);
    actor.do(transfer(US, 3));
    actor.do(pool([REGION, 'za-north']));
    expect(part(actor)).toMatchObject({
      minted: 10,
      rights: 7,
      regions: [
        { region: US, given: 3 },
        { region: 'za-north', given: 0 },
      ],
    });
    expect(refused(actor.do(transfer(US, 1))).message).toContain('none of the other regions');
  });

  it('given 33 regions with this one, then it is refused', () => {
    const others = Array.from({ length: 32 }, (_, i) => `r${i}`);
    expect(refused(new TestActor().do(pool(others))).message).toContain('32 may sell a pool');
    expect(new TestActor().do(pool(others.slice(1))).ok).toBe(true);
  });

  it('given a repetition, when regions are named in another order, then it is the same answer', () => {
    const actor = new TestActor();
    const request = pool(['b', 'a']);
    const first = actor.do(request);
    expect(actor.do({ ...request, regions: ['a', 'b', 'a'] })).toEqual({ ...first, replayed: true });
    expect(refused(actor.do({ ...request, regions: ['a'] })).code).toBe('IDEMPOTENCY_CONFLICT');
  });
});

describe('stock in and out of a pool', () => {
  it('given units put in and taken out, then no more leaves than is held and not promised', () => {
    const actor = pooled(10);
    actor.reserved({ qty: 4 });
    expect(refused(actor.do(adjust('pool', { delta: -7 }))).message).toContain('6 there that nobody was promised');
    expect(actor.do(adjust('pool', { delta: -6 })).ok).toBe(true);
    expect(part(actor)).toMatchObject({ minted: 4, rights: 0, consumed: 4 });
  });

  it('given a count, safety stock or a backorder limit for the pool, then each is refused and says why', () => {
    const actor = pooled(10);
    expect(refused(actor.do(adjust('pool', { onHand: 10 }))).message).toContain('cannot be counted in one region');
    for (const setting of [{ safetyStock: 1 }, { backorderLimit: 1 }]) {
      expect(refused(actor.do(configure({ node: 'pool', ...setting }))).code).toBe('BAD_REQUEST');
    }
    expect(actor.do(configure({ channelBuffers: { web: 2 } })).ok).toBe(true);
    expect(actor.do(adjust('ams-1', { onHand: 3 })).ok).toBe(true);
    expect(part(actor)).toMatchObject({ minted: 10, rights: 10 });
    expect(availableToSell(actor.state)).toBe(11);
  });

  it('given units that were sold of what never was, when more are put in, then they pay that off first', () => {
    const actor = pooled(10);
    actor.reserved({ qty: 9 });
    applyRights(actor.state, { type: 'conceded', to: US, total: 5 }, actor.now, actor.epoch);
    expect(view(actor.state, REGION, 1).nodes[0]).toMatchObject({ onHand: 9, shortfall: 4 });
    actor.do(adjust('pool', { delta: 6 }));
    expect(view(actor.state, REGION, 1).nodes[0]).toMatchObject({ onHand: 11 });
    expect(part(actor)).toMatchObject({ minted: 16, rights: 2, consumed: 9 });
  });
});

describe('rights that move', () => {
  it('given a transfer by request, when it is repeated, then it counts once and its answer is the same', () => {
    const actor = pooled(10);
    const request = transfer(US, 4);
    const first = actor.do(request);
    expect(first).toEqual({ ok: true, given: 4, rights: 6, availableToSell: 6, version: { epoch: 1, seq: 3 } });
    actor.state = unpack(packedBytes(actor.state));
    expect(actor.do(request)).toEqual({ ...first, replayed: true });
    expect(part(actor)).toMatchObject({ rights: 6 });
  });

  it('given promised units, when more is to be given than is free, then it is refused, remembered, and says how much is', () => {
    const actor = pooled(10);
    const held = actor.reserved({ qty: 8 });
    const request = transfer(US, 3);
    expect(refused(actor.do(request))).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: '3 asked to be given to us-east, 2 rights held here and not spent',
    });
    actor.do(release(held));
    expect(actor.do(request)).toMatchObject({ ok: false, replayed: true });
  });

  it('given no pool, or a region that does not sell it, then a transfer is refused', () => {
    expect(refused(new TestActor().do(transfer(US, 1))).code).toBe('NOT_FOUND');
    expect(refused(stocked({ ams: 5 }).do(transfer(US, 1))).message).toContain('no pooled stock');
    expect(refused(pooled(5).do(transfer(REGION, 1))).code).toBe('BAD_REQUEST');
  });

  it('given rights from elsewhere, when they are sold here, then selling is as of any node, and each counts once', () => {
    const actor = pooled(0);
    credited(actor, 5);
    expect(actor.do(reserve({ qty: 5 }))).toMatchObject({ ok: true, node: 'pool', availableToSell: 0 });
    expect(refused(actor.do(reserve())).code).toBe('INSUFFICIENT_STOCK');
    credited(actor, 6);
    expect(actor.do(reserve({ sku: SKU })).ok).toBe(true);
    expect(part(actor)).toMatchObject({ minted: 0, rights: 0, consumed: 6, regions: [{ region: US, taken: 6 }] });
  });

  it('given a state that gave more than it held, then the assertion stops the actor (I1, I14)', () => {
    const actor = pooled(3);
    const give = () => applyRights(actor.state, { type: 'transferred', to: US, total: 4 }, actor.now, actor.epoch);
    actor.reserved({ qty: 3 });
    expect(give).toThrow(/I1 is broken/);
  });
});
