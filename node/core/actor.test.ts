// The sharp edges of the inventory actor, one by one: what users of other systems suffer, and the corners of the rules.
import { describe, expect, it } from 'vitest';
import { assertDeep, availableToSell, dueTentative, nextDueAt, reservationView, view } from './index.ts';
import { openUnits } from './owners.ts';
import {
  adjust,
  commit,
  configure,
  extend,
  freshId,
  REGION,
  release,
  reserve,
  SKU,
  ship,
  stocked,
  TestActor,
} from './testing/requests.ts';

const WINDOW_MS = 900_000;
const ok = { ok: true };

function read(actor: TestActor) {
  actor.expire();
  return view(actor.state, REGION, actor.epoch);
}

function lookUp(actor: TestActor, reservationId: string) {
  actor.expire();
  const [no = '', epoch = ''] = reservationId.split('.');
  const ref = { region: REGION, sku: SKU, no: Number.parseInt(no, 36), epoch: Number.parseInt(epoch, 36) };
  return reservationView(actor.state, ref, { now: actor.now, epoch: actor.epoch, region: REGION });
}

describe('reserving (I1)', () => {
  it('given a SKU nobody has heard of, when it is reserved, then it is not found and nothing is remembered', () => {
    const actor = new TestActor();
    const { events, reply } = actor.decide(reserve());
    expect(reply).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    expect(events).toEqual([]);
  });

  it('given one unit, when two are asked, then the refusal names both figures', () => {
    const actor = stocked({ ams: 1 });
    expect(actor.do(reserve({ qty: 2 }))).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: '2 asked, 1 available to sell',
    });
  });

  it('given stock spread over nodes, when no node can serve it whole, then it is refused unless it may be split', () => {
    const actor = stocked({ ams: 2, ber: 3 });
    expect(actor.do(reserve({ qty: 4 }))).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: expect.stringMatching(/4 asked, 5 available to sell.*at most 3.*allowPartial/),
    });
    expect(actor.do(reserve({ qty: 4, allowPartial: true }))).toMatchObject({
      ...ok,
      qty: 4,
      node: 'ber',
      parts: [
        { node: 'ber', qty: 3 },
        { node: 'ams', qty: 1 },
      ],
      availableToSell: 1,
    });
  });

  it('given a constrained node is empty, when no node is named, then another serves it', () => {
    const actor = stocked({ ams: 0, ber: 1 });
    expect(actor.do(reserve({ node: 'ams' }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(reserve())).toMatchObject({ ...ok, node: 'ber' });
  });

  it('given two nodes, when the reserve names one, then the other is never taken', () => {
    const actor = stocked({ ams: 1, ber: 9 });
    expect(actor.do(reserve({ node: 'ams', qty: 2, allowPartial: true }))).toMatchObject({
      ...ok,
      qty: 1,
      node: 'ams',
    });
    expect(actor.do(reserve({ node: 'cdg' }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('given safety stock at one node, when another is oversubscribed by none, then only what is free counts', () => {
    const actor = stocked({ ams: 5, ber: 5 });
    actor.do(configure({ node: 'ams', safetyStock: 9 }));
    expect(read(actor).availableToSell).toBe(5);
  });

  it('given a backorder limit, when more is sold than is on hand, then the limit is the end of it', () => {
    const actor = stocked({ ams: 1 });
    actor.do(configure({ node: 'ams', backorderLimit: 2 }));
    const id = actor.reserved({ qty: 3 });
    expect(actor.do(reserve())).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(configure({ node: 'ams', backorderLimit: 1 }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    actor.do(commit(id));
    expect(actor.do(ship(id))).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: expect.stringContaining('1 on hand'),
    });
    expect(actor.do(adjust('ams', { delta: 2 }))).toMatchObject({ ...ok, onHand: 3 });
    expect(actor.do(ship(id))).toMatchObject({ ...ok, qty: 3, onHand: 0 });
  });
});

describe('channel buffers', () => {
  it('given a buffer, when others buy, then it stays set aside until its channel has used it', () => {
    const actor = stocked({ ams: 10 });
    actor.do(configure({ channelBuffers: { web: 4 } }));
    const shown = { channelBuffers: { web: 4 }, channelAvailable: { web: 10 } };
    expect(read(actor)).toMatchObject({ availableToSell: 6, ...shown });
    expect(actor.do(reserve({ qty: 7 }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(reserve({ qty: 7, channel: 'web' }))).toMatchObject({ ...ok, availableToSell: 3 });
    expect(read(actor)).toMatchObject({ availableToSell: 3, channelAvailable: { web: 3 } });
    expect(actor.do(reserve({ qty: 3, channel: 'shop' }))).toMatchObject({ ...ok, availableToSell: 0 });
  });

  it('given live reservations of a channel, when its buffer is set later, then they count as used', () => {
    const actor = stocked({ ams: 10 });
    actor.reserved({ qty: 3, channel: 'web' });
    expect(actor.do(configure({ channelBuffers: { web: 4 } }))).toMatchObject({ availableToSell: 6 });
    assertDeep(actor.state);
  });
});

describe('an owner', () => {
  it("given the last unit is the owner's own, when it asks again, then it is given that, prolonged (I4)", () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ owner: 'ada', ttlMs: 1_000 });
    actor.now += 500;
    expect(actor.do(reserve({ owner: 'ada', ttlMs: 1_000 }))).toMatchObject({
      ...ok,
      reservationId: id,
      expiresAt: actor.now + 1_000,
    });
    expect(actor.do(reserve({ owner: 'bob' }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(reserve({ owner: 'ada', qty: 2 }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
  });

  it('given a limit, when units were held, committed and shipped, then all of them count', () => {
    const actor = stocked({ ams: 100 });
    actor.do(configure({ limitPerOwner: 5 }));
    expect(actor.do(reserve())).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('owner') });
    const shipped = actor.reserved({ owner: 'ada', qty: 2 });
    actor.do(commit(shipped));
    actor.do(ship(shipped));
    actor.do(commit(actor.reserved({ owner: 'ada', qty: 1 })));
    const soft = actor.reserved({ owner: 'ada', qty: 1 });
    expect(actor.do(reserve({ owner: 'ada', qty: 2 }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: "2 asked, 1 left of the owner's limit of 5",
    });
    expect(actor.do(reserve({ owner: 'ada', qty: 2, allowPartial: true }))).toMatchObject({ ...ok, qty: 1 });
    actor.do(release(soft));
    expect(actor.do(reserve({ owner: 'ada' }))).toMatchObject(ok);
  });

  it('given a lifted limit, when it is set again, then what was bought before counts no more', () => {
    const actor = stocked({ ams: 100 });
    actor.do(configure({ limitPerOwner: 1 }));
    const id = actor.reserved({ owner: 'ada' });
    actor.do(commit(id));
    actor.do(ship(id));
    expect(actor.do(reserve({ owner: 'ada' }))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    actor.do(configure({ limitPerOwner: 0 }));
    actor.do(configure({ limitPerOwner: 1 }));
    expect(actor.do(reserve({ owner: 'ada' }))).toMatchObject(ok);
  });

  it('given an owner with very many reservations, when most have ended, then its totals are still right', () => {
    const actor = stocked({ ams: 1_000 });
    const ids = Array.from({ length: 500 }, () => actor.reserved({ owner: 'guest' }));
    for (const id of ids.slice(0, 490)) actor.do(release(id));
    actor.reserved({ owner: 'guest', qty: 3 });
    expect(openUnits(actor.state, 'guest')).toBe(13);
    assertDeep(actor.state);
  });
});

describe('the end of a reservation (I3)', () => {
  it('given a reservation, when its time comes, then it is free at read time and cannot be committed', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ ttlMs: 1_000 });
    actor.now += 999;
    expect(read(actor).availableToSell).toBe(0);
    actor.now += 1;
    expect(read(actor)).toMatchObject({ availableToSell: 1, reserved: 0 });
    expect(actor.do(commit(id))).toMatchObject({ code: 'RESERVATION_ENDED', state: 'EXPIRED' });
    expect(lookUp(actor, id)).toMatchObject({ state: 'EXPIRED' });
  });

  it('given a due reservation, when another reserves before any timer, then the expiry is an event of its own before it', () => {
    const actor = stocked({ ams: 1 });
    actor.reserved({ ttlMs: 1_000 });
    actor.now += 1_000;
    const { events, reply } = actor.decide(reserve());
    expect(events.map((event) => event.type)).toEqual(['expired', 'reserved']);
    expect(reply).toMatchObject(ok);
  });

  it('given an extended reservation, when its first time comes, then it lives on; when shortened, it ends earlier', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ ttlMs: 10_000 });
    expect(actor.do(extend(id, 20_000))).toMatchObject({ ...ok, expiresAt: actor.now + 20_000 });
    actor.now += 10_000;
    expect(actor.expire().events).toEqual([]);
    actor.do(extend(id, 1_000));
    actor.now += 1_000;
    expect(actor.expire().events).toMatchObject([{ type: 'expired' }]);
    expect(actor.expire().events).toEqual([]);
  });

  it('given a committed reservation, when time passes, then it never expires, and the rest of it was restored once', () => {
    const actor = stocked({ ams: 5 });
    const id = actor.reserved({ qty: 5, ttlMs: 1_000 });
    expect(actor.do(commit(id, { qty: 6 }))).toMatchObject({
      code: 'BAD_REQUEST',
      message: '6 asked to commit, 5 reserved',
    });
    expect(actor.do(commit(id, { qty: 2, orderId: 'order-1' }))).toMatchObject({ ...ok, qty: 2 });
    actor.now += 100 * WINDOW_MS;
    expect(read(actor)).toMatchObject({ availableToSell: 3, allocated: 2, reserved: 0 });
    expect(actor.do(release(id))).toMatchObject({ code: 'RESERVATION_ENDED', state: 'COMMITTED' });
    expect(lookUp(actor, id)).toMatchObject({ state: 'COMMITTED', qty: 2, shipped: 0, orderId: 'order-1' });
  });

  it('given a reservation, when it is shipped before it is committed or beyond what is, then the figures say so', () => {
    const actor = stocked({ ams: 5 });
    const id = actor.reserved({ qty: 3 });
    expect(actor.do(ship(id))).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('commit') });
    actor.do(commit(id));
    expect(actor.do(ship(id, { qty: 4 }))).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('3'),
    });
    expect(actor.do(ship(id, { qty: 2 }))).toMatchObject({ ...ok, qty: 2, remaining: 1, onHand: 3 });
    expect(actor.do(ship(id))).toMatchObject({ ...ok, qty: 1, remaining: 0, onHand: 2 });
    expect(actor.do(ship(id))).toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('given committed units, when some stay in the house after all, then others can have them, once, and they were not bought', () => {
    const actor = stocked({ n1: 5 });
    actor.do(configure({ limitPerOwner: 4 }));
    const id = actor.reserved({ qty: 4, owner: 'ada' });
    actor.do(commit(id));
    const back = ship(id, { qty: 3, toStock: true, requestId: 'back' });
    expect(actor.do(back)).toMatchObject({ ok: true, state: 'COMMITTED', qty: 3, remaining: 1, onHand: 5 });
    expect(actor.do(back)).toMatchObject({ ok: true, remaining: 1, replayed: true });
    expect(actor.do({ ...back, toStock: false })).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(read(actor)).toMatchObject({ onHand: 5, allocated: 1, availableToSell: 4 });
    expect(actor.do(ship(id, { qty: 2, toStock: true }))).toMatchObject({ code: 'BAD_REQUEST' });
    expect(actor.reserved({ qty: 3, owner: 'ada' })).toBeDefined();
    expect(actor.do(ship(id))).toMatchObject({ ok: true, qty: 1, remaining: 0, onHand: 4 });
  });

  it('given an ended reservation, when the window has passed, then it is forgotten; another epoch never finds it', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved();
    expect(actor.do(release(id.replace('.1.', '.2.')))).toMatchObject({ code: 'NOT_FOUND' });
    actor.do(release(id));
    actor.now += WINDOW_MS;
    expect(lookUp(actor, id)).toMatchObject({ state: 'RELEASED' });
    actor.now += 1;
    expect(lookUp(actor, id)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('counting stock', () => {
  it('given live reservations, when a count is lower, then they stand and the shortfall is written off as they end', () => {
    const actor = stocked({ ams: 10 });
    const first = actor.reserved({ qty: 4 });
    const second = actor.reserved({ qty: 4 });
    expect(actor.do(adjust('ams', { onHand: 3 }))).toMatchObject({
      ...ok,
      onHand: 8,
      shortfall: 5,
      availableToSell: 0,
    });
    actor.do(release(first));
    expect(read(actor)).toMatchObject({ onHand: 4, availableToSell: 0, nodes: [{ shortfall: 1 }] });
    expect(actor.do(adjust('ams', { delta: 3 }))).toMatchObject({ ...ok, onHand: 6, availableToSell: 2 });
    actor.do(commit(second, { qty: 1 }));
    expect(read(actor)).toMatchObject({ onHand: 6, availableToSell: 5 });
  });

  it('given promised units, when stock is taken off, then never those', () => {
    const actor = stocked({ ams: 5 });
    actor.reserved({ qty: 3 });
    expect(actor.do(adjust('ams', { delta: -3 }))).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: '3 asked to be taken off ams, 2 there that nobody was promised',
    });
    expect(actor.do(adjust('ams', { delta: -2 }))).toMatchObject({ ...ok, onHand: 3, availableToSell: 0 });
    expect(actor.do(adjust('nowhere', { delta: -2 }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('given the most nodes there may be, when one more is named, then it is refused', () => {
    const actor = stocked(Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`n${i}`, 1])));
    expect(actor.do(adjust('n64', { delta: 1 }))).toMatchObject({ code: 'BAD_REQUEST' });
    expect(actor.do(reserve({ qty: 64, allowPartial: true }))).toMatchObject({ ...ok, qty: 64 });
    expect(availableToSell(actor.state)).toBe(0);
  });
});

describe('repeating a request (I11)', () => {
  it('given an answer, when the request is repeated after everything has changed, then it is the same answer', () => {
    const actor = stocked({ ams: 5, ber: 5 });
    const request = reserve({ qty: 7, allowPartial: true });
    const first = actor.do(request);
    if (!first.ok || !('reservationId' in first)) throw new Error('refused');
    actor.now += 10_000;
    actor.epoch += 1;
    actor.do(extend(first.reservationId, 500_000));
    actor.do(commit(first.reservationId, { qty: 1 }));
    actor.do(adjust('cdg', { delta: 100 }));
    expect(actor.do(request)).toEqual({ ...first, replayed: true });
    expect(actor.decide(request).events).toEqual([]);
  });

  it('given a refusal by the rules, when it is repeated after stock came in, then it is the same refusal', () => {
    const actor = stocked({ ams: 0 });
    const request = reserve();
    const first = actor.do(request);
    actor.do(adjust('ams', { delta: 5 }));
    expect(actor.do(request)).toEqual({ ...first, replayed: true });
  });

  it('given a refusal of the request itself, when it is repeated after the cause has gone, then it is decided anew', () => {
    const actor = new TestActor();
    const request = reserve();
    expect(actor.do(request)).toMatchObject({ code: 'NOT_FOUND' });
    actor.do(adjust('ams', { delta: 5 }));
    expect(actor.do(request)).toMatchObject(ok);
  });

  it('given a requestId, when it comes with another body or op, then it is a conflict', () => {
    const actor = stocked({ ams: 5 });
    const requestId = freshId();
    const id = actor.reserved({ requestId, ttlMs: 5_000 });
    expect(actor.do(reserve({ requestId, ttlMs: 5_001 }))).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(actor.do(release(id, { requestId }))).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('given a requestId, when its window has passed, then it is refused for a second one and has no second effect', () => {
    const actor = stocked({ ams: 5 });
    const request = reserve();
    actor.do(request);
    actor.now += WINDOW_MS;
    expect(actor.do(request)).toMatchObject({ ...ok, replayed: true });
    actor.now += 1;
    expect(actor.do(request)).toMatchObject({ code: 'IDEMPOTENCY_EXPIRED' });
    actor.now += WINDOW_MS - 1;
    expect(actor.do(request)).toMatchObject({ code: 'IDEMPOTENCY_EXPIRED' });
    actor.now += 1;
    expect(actor.do(request)).toMatchObject({ ...ok });
  });

  it('given a UUIDv7, when it is older than the window, then it is refused however long ago it was', () => {
    const actor = stocked({ ams: 5 });
    const uuid = (at: number) => {
      const hex = at.toString(16).padStart(12, '0');
      return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789ab`;
    };
    const request = reserve({ requestId: uuid(actor.now) });
    actor.do(request);
    actor.now += 10 * WINDOW_MS;
    expect(actor.do(request)).toMatchObject({ code: 'IDEMPOTENCY_EXPIRED' });
    expect(actor.do(reserve({ requestId: uuid(actor.now - WINDOW_MS) }))).toMatchObject(ok);
    expect(actor.do(reserve({ requestId: uuid(actor.now - WINDOW_MS - 1) }))).toMatchObject({
      code: 'IDEMPOTENCY_EXPIRED',
    });
    expect(actor.do(reserve({ requestId: uuid(actor.now + 5_000) }))).toMatchObject(ok);
  });
});

describe('made for an order (I15)', () => {
  const ORDER = 'order-1@us-east';
  const dueIn = (actor: TestActor) => dueTentative(actor.state, actor.now, 9).map(({ no, order }) => [no, order]);

  it('given its time is over, when nobody asked its order, then it holds its units and is due until it ends', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ order: ORDER, ttlMs: 1_000 });
    actor.now += 999;
    expect(dueIn(actor)).toEqual([]);
    expect(nextDueAt(actor.state)).toBe(actor.now + 1);
    actor.now += 86_400_000;
    expect(actor.expire().events).toEqual([]);
    expect(dueIn(actor)).toEqual([[2, ORDER]]);
    expect(actor.do(reserve())).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(lookUp(actor, id)).toMatchObject({ state: 'RESERVED', order: ORDER });
    expect(actor.do(release(id, { order: ORDER }))).toMatchObject(ok);
    expect(dueIn(actor)).toEqual([]);
    expect(nextDueAt(actor.state)).toBe(Number.POSITIVE_INFINITY);
    expect(actor.do(reserve())).toMatchObject(ok);
    assertDeep(actor.state);
  });

  it('given it, when others would end or prolong it, then they are told which order it is of', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ order: ORDER });
    for (const request of [commit(id), release(id), extend(id, 1_000), commit(id, { order: 'order-1@eu-west' })]) {
      expect(actor.do(request)).toMatchObject({
        code: 'BAD_REQUEST',
        message: expect.stringMatching(/order-1@us-east.*use commitOrder or releaseOrder/),
      });
    }
    expect(actor.do(commit(id, { order: ORDER, orderId: 'order-1' }))).toMatchObject({ ...ok, state: 'COMMITTED' });
    expect(lookUp(actor, id)).toMatchObject({ state: 'COMMITTED', order: ORDER, orderId: 'order-1' });
    expect(actor.do(ship(id))).toMatchObject(ok);
  });

  it('given a plain reservation, when an order would end it, then it is refused', () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved();
    expect(actor.do(release(id, { order: ORDER }))).toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('given units at two nodes, when an order needs them all, then it has them whole or not at all', () => {
    const actor = stocked({ ams: 2, ber: 3 });
    expect(actor.do(reserve({ qty: 6, order: ORDER }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(reserve({ qty: 5, order: ORDER }))).toMatchObject({ ...ok, qty: 5, availableToSell: 0 });
    assertDeep(actor.state);
  });

  it("given the last unit is the owner's own, when its order asks, then that is the order's from now on (I4)", () => {
    const actor = stocked({ ams: 1 });
    const id = actor.reserved({ owner: 'ada', ttlMs: 5_000 });
    expect(actor.do(reserve({ owner: 'ada', ttlMs: 1_000, order: ORDER }))).toMatchObject({
      ...ok,
      reservationId: id,
      expiresAt: actor.now + 5_000,
    });
    assertDeep(actor.state);
    actor.now += 5_000;
    expect(actor.expire().events).toEqual([]);
    expect(dueIn(actor)).toHaveLength(1);
    // And then nobody's but this order's.
    expect(actor.do(reserve({ owner: 'ada', order: 'order-2@eu-west' }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    expect(actor.do(reserve({ owner: 'ada' }))).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
  });
});
