// An order by example: from capture to delivery, each kind of exception, and what an order refuses.
import { describe, expect, test } from 'vitest';
import { isEnded, orderCore } from './index.ts';
import { WITHDRAWALS_MAX } from './limits.ts';
import { lineViews, offeredTasks, statusOf } from './state.ts';
import { allocate, documentOf, givenAllocated, givenBooked, HOUR_MS, NOW, Talk, withdrawal } from './testing/orders.ts';
import type { StockPayload } from './types.ts';

describe('from capture to delivery', () => {
  test('each step closes the task that asked for it and opens the next', () => {
    const talk = givenBooked();
    expect(statusOf(talk.state)).toBe('BOOKED');
    talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW }, { taskId: talk.task('track') });
    expect(statusOf(talk.state)).toBe('SHIPPED');
    expect(talk.kinds()).toEqual(['notify p1', 'stock p1', 'track p1']);
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 1 }, { taskId: talk.task('track') });
    expect(statusOf(talk.state)).toBe('DELIVERED');
    expect(talk.kinds()).toEqual(['notify p1', 'notify p1', 'stock p1']);
    expect(isEnded(talk.state)).toBe(false);
    for (const taskId of [...talk.state.tasks.keys()]) talk.tell('done', {}, { taskId });
    expect(isEnded(talk.state)).toBe(true);
    expect(talk.events.map(({ type }) => type)).toEqual([
      'captured',
      'allocated',
      'released',
      'picked',
      'packed',
      'booked',
      'shipped',
      'scanned',
      'scanned',
      'delivered',
      'taskDone',
      'taskDone',
      'taskDone',
    ]);
  });

  test('a delivery whose first scans were lost has been shipped all the same', () => {
    const talk = givenBooked();
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    expect(talk.events.slice(-3).map(({ type }) => type)).toEqual(['shipped', 'scanned', 'delivered']);
    expect(talk.state.tasks.get(talk.task('stock'))?.payload).toMatchObject({ to: 'shipped' });
  });

  test('what was noticed of a parcel before it was known to be there is over, and so is what returned with it', () => {
    const there = givenBooked();
    there.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    there.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
    expect([...there.state.exceptions.values()]).toEqual([]);
    const returned = givenBooked();
    returned.tell('raise', { kind: 'addressProblem', packageId: 'p1', evidence: {} });
    returned.tell('track', { packageId: 'p1', code: 'returned', scannedAt: NOW });
    const exceptions = [...returned.state.exceptions.values()];
    expect(exceptions.map(({ kind, state, units }) => [kind, state, units.length > 0])).toEqual([
      ['addressProblem', 'SETTLED', false],
      ['addressProblem', 'OPEN', true],
    ]);
  });

  test('bundles are their components, and lines of one SKU stay apart', () => {
    const talk = new Talk();
    const set = {
      lineId: '1',
      sku: 'set',
      qty: 2,
      value: 900,
      components: [
        { sku: 'cup', qty: 2 },
        { sku: 'jug', qty: 1 },
      ],
    };
    talk.tell('capture', { order: documentOf({ lines: [set, { lineId: '2', sku: 'cup', qty: 1 }] }) });
    const lines = lineViews(talk.state).map(({ lineId, sku, qty, value }) => [lineId, sku, qty, value]);
    expect(lines).toEqual([
      ['1.1', 'cup', 4, 300],
      ['1.2', 'jug', 2, 300],
      ['2', 'cup', 1, 0],
    ]);
  });

  test('what could not be had is backordered, and sourced again later', () => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    const retryAt = NOW + HOUR_MS;
    const task = talk.task('source');
    talk.tell(
      'allocate',
      {
        packages: [],
        unfilled: [
          { lineId: '1', qty: 3 },
          { lineId: '2', qty: 2 },
        ],
        retryAt,
      },
      { taskId: task },
    );
    expect(statusOf(talk.state)).toBe('BACKORDERED');
    expect(talk.kinds()).toEqual(['settle e1', 'source']);
    expect(talk.state.tasks.get(talk.task('source'))?.dueAt).toBe(retryAt);
    allocate(talk, [{ lineId: '1', sku: 'mug', qty: 3 }]);
    expect(statusOf(talk.state)).toBe('PARTIAL');
    expect(talk.kinds()).toContain('source');
  });
});

describe('another destination', () => {
  const elsewhere = { destination: { latitude: 34.05, longitude: -118.24, postalCode: '90012' } };
  const refusal = (status: string) => ({
    ok: false,
    code: 'BAD_REQUEST',
    message: `changeDestination: order order-1 is ${status}, nothing of it is sent any more`,
  });

  test('of an order that is delivered, cancelled or paid back is refused, with what has become of it', () => {
    const delivered = givenBooked();
    expect(delivered.ask('changeDestination', elsewhere, { requestId: 'moved' })).toMatchObject({ ok: true });
    delivered.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    expect(delivered.ask('changeDestination', elsewhere)).toMatchObject(refusal('DELIVERED'));
    // What was answered before it was delivered still is.
    expect(delivered.ask('changeDestination', elsewhere, { requestId: 'moved' })).toMatchObject({ replayed: true });
    for (const status of ['CANCELLED', 'REFUNDED']) {
      const talk = givenAllocated();
      talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
      talk.tell('settle', { exceptionId: 'e1', action: 'cancel' });
      if (status === 'REFUNDED') talk.tell('refund', { amountMinor: 100, reference: 'r' });
      const { seq } = talk.state;
      expect(talk.ask('changeDestination', elsewhere)).toMatchObject(refusal(status));
      expect(talk.state.seq).toBe(seq);
    }
  });

  test('of one whose parcel turned out to be damaged is taken: something may be sent again', () => {
    const talk = givenBooked();
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    talk.tell('track', { packageId: 'p1', code: 'damaged', scannedAt: NOW + 1 });
    expect(talk.ask('changeDestination', elsewhere)).toMatchObject({ ok: true });
  });
});

describe('repetition', () => {
  test('a requestId is answered as before, and another command under it is refused (I11)', () => {
    const talk = givenAllocated();
    const before = talk.tell('release', { packageId: 'p1' }, { requestId: 'once' });
    talk.tell('pick', { packageId: 'p1' });
    expect(talk.ask('release', { packageId: 'p1' }, { requestId: 'once' })).toEqual({ ...before, replayed: true });
    expect(talk.ask('pick', { packageId: 'p1' }, { requestId: 'once' })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  test('an order is captured once, whatever the requestId', () => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    expect(talk.tell('capture', { order: documentOf() })).toMatchObject({ replayed: true, seq: 1 });
    expect(talk.ask('capture', { order: documentOf({ channel: 'web' }) })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(talk.state.seq).toBe(1);
  });

  test('a task is closed once (I16)', () => {
    const talk = givenAllocated();
    const taskId = talk.task('release');
    talk.tell('release', { packageId: 'p1' }, { taskId });
    expect(talk.ask('release', { packageId: 'p1' }, { taskId })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a task is not closed by what it does not ask for', () => {
    const talk = givenAllocated();
    expect(talk.ask('pick', { packageId: 'p1' }, { taskId: talk.task('release') })).toMatchObject({
      code: 'BAD_REQUEST',
    });
    expect(talk.ask('done', {}, { taskId: talk.task('release') })).toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('exceptions', () => {
  test('a short pick parks the missing units; split sends the rest and sources them anew', () => {
    const talk = givenAllocated();
    talk.tell('release', { packageId: 'p1' });
    talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 2 }], reasonCode: 'notFound' });
    expect(talk.kinds()).toEqual(['replan p1', 'settle e1', 'stock p1']);
    expect(talk.state.tasks.get(talk.task('stock'))?.payload as StockPayload).toMatchObject({ to: 'writtenOff' });
    expect(talk.state.lines.get('1')).toMatchObject({ parked: 2, open: 0 });
    talk.tell('settle', { exceptionId: 'e1', action: 'split' }, { taskId: talk.task('settle') });
    expect(talk.state.lines.get('1')).toMatchObject({ parked: 0, open: 2 });
    expect(talk.kinds()).toEqual(['pack p1', 'replan p1', 'source', 'stock p1']);
  });

  test('another service for a package that lacks units sources these anew', () => {
    const talk = givenAllocated();
    talk.tell('release', { packageId: 'p1' });
    talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 2 }], reasonCode: 'notFound' });
    talk.tell('settle', { exceptionId: 'e1', action: 'upgrade', carrier: 'other', service: 'air' });
    expect(talk.state.packages.get('p1')).toMatchObject({ carrier: 'other', service: 'air' });
    expect(talk.state.lines.get('1')).toMatchObject({ parked: 0, open: 2 });
    expect(talk.kinds()).toEqual(['pack p1', 'replan p1', 'source', 'stock p1']);
  });

  test('a rejected package goes back to stock, and resource sources all of it again', () => {
    const talk = givenAllocated();
    talk.tell('reject', { packageId: 'p1', reasonCode: 'tooBusy' }, { taskId: talk.task('release') });
    expect(talk.state.tasks.get(talk.task('stock'))?.payload as StockPayload).toMatchObject({ to: 'stock' });
    talk.tell('settle', { exceptionId: 'e1', action: 'resource' });
    expect(statusOf(talk.state)).toBe('CAPTURED');
    expect(talk.kinds()).toEqual(['source', 'stock p1']);
  });

  test('a lost parcel is shipped again; when it is found after all it is delivered', () => {
    const talk = givenBooked();
    talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW });
    talk.tell('settle', { exceptionId: 'e1', action: 'reship' });
    expect(talk.kinds()).toContain('source');
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 5 });
    expect(talk.state.packages.get('p1')).toMatchObject({ state: 'DELIVERED', scan: { code: 'delivered' } });
  });

  test('rerouting a booked package books it again elsewhere', () => {
    const talk = givenBooked();
    talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: { miss: 0.4 } });
    talk.tell(
      'settle',
      { exceptionId: 'e1', action: 'reroute', carrier: 'fast', service: 'air' },
      { policyVersion: 'v7' },
    );
    expect(talk.state.packages.get('p1')).toMatchObject({ state: 'PACKED', carrier: 'fast', bookingId: undefined });
    expect(talk.kinds()).toEqual(['book p1', 'replan p1']);
    const taskId = talk.task('book');
    expect(talk.state.tasks.get(taskId)?.payload).toMatchObject({ undo: { trackingId: 't1' } });
    const booking = { packageId: 'p1', carrier: 'fast', service: 'air', bookingId: 'b2', trackingId: 't2' };
    expect(talk.ask('book', booking)).toMatchObject({
      ok: false,
      message: expect.stringContaining('taken back first'),
    });
    talk.tell('done', {}, { taskId });
    talk.tell('book', booking, { taskId: talk.task('book') });
    expect(talk.state.packages.get('p1')).toMatchObject({ state: 'BOOKED', trackingId: 't2' });
    expect(talk.state.exceptions.get('e1')?.decisions).toMatchObject([{ action: 'reroute', policyVersion: 'v7' }]);
  });

  test('wait decides again later, escalate leaves it to a person, who may settle it', () => {
    const talk = givenBooked();
    talk.tell('raise', { kind: 'stuckParcel', packageId: 'p1', evidence: {} });
    talk.tell('settle', { exceptionId: 'e1', action: 'wait', until: NOW + HOUR_MS }, { taskId: talk.task('settle') });
    expect(talk.state.tasks.get(talk.task('settle'))?.dueAt).toBe(NOW + HOUR_MS);
    talk.tell('settle', { exceptionId: 'e1', action: 'escalate' }, { taskId: talk.task('settle') });
    expect(talk.kinds()).not.toContain('settle e1');
    talk.tell('settle', { exceptionId: 'e1', action: 'repromise', promisedAt: NOW, notify: 'late' });
    expect(talk.ask('settle', { exceptionId: 'e1', action: 'reship' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('no more is paid back than the order is worth, in whatever parts', () => {
    const talk = givenAllocated();
    expect(talk.ask('refund', { amountMinor: 19_501, reference: 'r' })).toMatchObject({ code: 'BAD_REQUEST' });
    talk.tell('refund', { amountMinor: 500, reference: 'kind' });
    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    const cancel = { exceptionId: 'e1', action: 'cancel' } as const;
    expect(talk.ask('settle', { ...cancel, amountMinor: 19_501 })).toMatchObject({ code: 'BAD_REQUEST' });
    talk.tell('settle', { ...cancel, amountMinor: 19_500 });
    expect(talk.ask('refund', { amountMinor: 1, reference: 'r' })).toMatchObject({ code: 'BAD_REQUEST' });
    talk.tell('refund', { amountMinor: 19_000, reference: 'pay' }, { taskId: talk.task('refund') });
    expect(talk.state.refundedMinor).toBe(19_500);
  });

  test('an order that is worth more than can be counted is not captured', () => {
    const lines = [{ lineId: '1', sku: 'gold', qty: 2 ** 31 - 1, value: 1e12 }];
    expect(new Talk().ask('capture', { order: documentOf({ lines }) })).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('value in minor units'),
    });
  });

  test('a parcel that arrives settles what was about its being late', () => {
    const talk = givenBooked();
    talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    expect(talk.state.exceptions.get('e1')?.state).toBe('SETTLED');
    expect(talk.kinds()).not.toContain('settle e1');
  });

  test('a failed payment stops what sends the order, until it is paid', () => {
    const talk = givenAllocated();
    talk.tell('raise', { kind: 'paymentFailure', evidence: {} });
    expect(offeredTasks(talk.state).map(({ kind }) => kind)).toEqual(['replan', 'settle']);
    expect(talk.ask('release', { packageId: 'p1' })).toMatchObject({ code: 'BAD_REQUEST' });
    talk.tell('unhold', { holdType: 'payment' });
    expect(talk.state.exceptions.get('e1')?.state).toBe('SETTLED');
    expect(offeredTasks(talk.state).map(({ kind }) => kind)).toContain('release');
  });
});

describe('a plan', () => {
  test('is withdrawn by what changes the order; what was reserved by it goes back to stock', () => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf({ lines: [{ lineId: '1', sku: 'mug', qty: 2 }] }) });
    talk.tell(
      'plan',
      { attempt: 1, policy: 'all', rules: 'v1', packages: [], unfilled: [] },
      { taskId: talk.task('source') },
    );
    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    talk.tell('settle', { exceptionId: 'e1', action: 'cancel' });
    expect(talk.state.plan).toMatchObject({ isWithdrawn: true });
    const reserved = [{ lineId: '1', sku: 'mug', qty: 2, reservationId: '1.1.eu/mug' }];
    const where = { node: 'n', region: 'eu', carrier: 'acme', service: 'ground', lines: reserved };
    talk.tell('allocate', { packages: [where], unfilled: [], retryAt: NOW }, { taskId: talk.task('source') });
    expect(statusOf(talk.state)).toBe('CANCELLED');
    expect(talk.state.tasks.get(talk.task('stock'))?.payload).toMatchObject({ to: 'stock', lines: [{ qty: 2 }] });
  });
});

describe('tasks that fail', () => {
  test('a dead task is kept, and asks for the same when it is revived', () => {
    const talk = givenAllocated();
    talk.tell('fail', { error: 'no route', attempts: 8 }, { taskId: talk.task('release') });
    const dead = talk.state.tasks.get(talk.task('dead'));
    expect(dead?.payload).toMatchObject({ kind: 'release', key: 'p1', error: 'no route' });
    talk.tell('revive', {}, { taskId: talk.task('dead') });
    expect(talk.task('release', 'p1')).toBe('order-1/release#1');
  });
});

describe('as the grid hosts it', () => {
  const context = { now: NOW, region: 'eu', seq: 0, requestId: 'r1', traceId: 't1' };

  test('a capture is answered with its time, the order has its status, and its tasks are offered', () => {
    const state = orderCore.create('order-1');
    const { events, reply } = orderCore.decide(state, { op: 'capture', order: documentOf() }, context);
    expect(reply).toEqual({ ok: true, result: { capturedAt: NOW } });
    for (const event of events) orderCore.evolve(state, event, JSON.stringify(event).length);
    expect(orderCore.status(state)).toBe('CAPTURED');
    orderCore.assertInvariants(state);
    expect(orderCore.openTasks(state)).toEqual([
      { taskId: 'order-1/source#1', kind: 'source', dueAt: NOW, key: '', payload: {} },
    ]);
    expect(orderCore.decide(state, { op: 'capture', order: documentOf() }, { ...context, requestId: 'r2' })).toEqual({
      events: [],
      reply: { ok: true, status: 'CAPTURED', replayed: true, result: { capturedAt: NOW } },
    });
  });

  test.each([
    [{ type: 'teleport' }, /command.type is none of/],
    [{ type: 'release' }, /command.packageId/],
    [{ type: 'release', packageId: 'p1', extra: 1 }, /extra/],
    [{ type: 'release', packageId: 'p 1' }, /printable/],
    [{ type: 'capture' }, /command.type is none of/],
  ])('a malformed command is refused by name: %j', (command, message) => {
    const { events, reply } = orderCore.decide(givenAllocated().state, { op: 'advance', command }, context);
    expect(events).toEqual([]);
    expect(reply).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringMatching(message) });
  });

  test('the cause of a command is its task', () => {
    const { state } = givenAllocated();
    const command = { type: 'release', packageId: 'p1', taskId: 'order-1/release#1' };
    const { events } = orderCore.decide(
      state,
      { op: 'advance', command },
      { ...context, seq: state.seq, requestId: 'other' },
    );
    expect(events).toMatchObject([{ cause: 'task:release#1', traceId: 't1', requestId: 'other' }]);
  });

  test.each([
    ['order-1/source#1', 'task:source#1'],
    [undefined, 'client'],
  ])('given a plan, when it is reserved by %s, then the cause is %s', (taskId, cause) => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    const plan = { attempt: 1, policy: 'partial' as const, packages: [], unfilled: [], rules: 'r' };
    talk.tell('plan', plan, { taskId: talk.task('source') });
    const request = {
      orderId: 'order-1',
      policy: 'all',
      ttlMs: 5_000,
      requestId: 'source#1:1',
      lines: [{ lineId: '1', sku: 'mug', qty: 1 }],
    };
    const command = { type: 'reservations', step: 'reserve', request, ...(taskId && { taskId }) };
    const ctx = { ...context, requestId: request.requestId };
    const { events } = orderCore.decide(talk.state, { op: 'advance', command }, ctx);
    expect(events).toMatchObject([{ type: 'reservationsStarted', cause }]);
  });
});

describe('packages that rest', () => {
  const resting = () => givenAllocated(documentOf(), { releaseAt: NOW + HOUR_MS });

  test('are withdrawn for a plan that takes their place: its task goes on from it, and their units go back', () => {
    const talk = resting();
    expect(talk.state.tasks.get(talk.task('release'))?.dueAt).toBe(NOW + HOUR_MS);
    const command = withdrawal(talk.state, 'p1');
    talk.tell('withdraw', command, { requestId: 'w' });
    expect(talk.kinds()).toEqual(['source', 'stock p1']);
    expect([...talk.state.tasks.values()].map(({ dueAt }) => dueAt)).toEqual([command.resumeAt, command.resumeAt]);
    expect(talk.state.plan).toMatchObject({ taskId: talk.task('source'), attempt: 1, packages: command.packages });
    expect(talk.state.tasks.get(talk.task('stock'))?.payload).toMatchObject({
      to: 'stock',
      lines: [{ qty: 3 }, { qty: 2 }],
    });
    expect(talk.state.exceptions.size).toBe(0);
    expect(talk.events.at(-1)).toMatchObject({ reason: 'cheaper together', savesMinor: 250 });
    const { seq } = talk.state;
    expect(talk.tell('withdraw', command, { requestId: 'w' })).toMatchObject({ replayed: true, seq });
  });

  test('are not from when their release is due, nor on hold, nor in question, nor while others are sourced', () => {
    const refused = (change: (talk: Talk) => void): unknown => {
      const talk = resting();
      change(talk);
      const reply = talk.ask('withdraw', withdrawal(talk.state, 'p1'));
      return reply.ok ? reply : reply.message;
    };
    expect(refused((talk) => Object.assign(talk, { now: NOW + HOUR_MS }))).toMatch('is being released');
    expect(refused((talk) => talk.tell('release', { packageId: 'p1' }))).toMatch('is RELEASED');
    expect(refused((talk) => talk.tell('hold', { holdType: 'fraud', reason: 'x' }))).toMatch('on hold');
    expect(refused((talk) => talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} }))).toMatch(
      'exception',
    );
    expect(refused((talk) => talk.tell('fail', { error: 'x', attempts: 8 }, { taskId: talk.task('release') }))).toMatch(
      'is being released',
    );
    expect(refused((talk) => talk.tell('withdraw', withdrawal(talk.state, 'p1')))).toMatch('is being sourced');
    const other = resting();
    const { packages, ...rest } = withdrawal(other.state, 'p1');
    const fewer = packages.map((one) => ({ ...one, lines: one.lines.slice(1) }));
    expect(other.ask('withdraw', { ...rest, packages: fewer })).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('are not while a plan may have reserved units that were cancelled since: its task gives them back (I15)', () => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    const where = { node: 'chicago', region: 'us-east', carrier: 'acme', service: 'ground', releaseAt: NOW + HOUR_MS };
    const [mugs, pots] = [
      { lineId: '1', sku: 'mug', qty: 3 },
      { lineId: '2', sku: 'pot', qty: 2 },
    ];
    const packages = [{ ...where, lines: [{ ...mugs, reservationId: '1.1.us-east/mug' }] }];
    const source = () => ({ taskId: talk.task('source') });
    talk.tell('allocate', { packages, unfilled: [{ lineId: '2', qty: 2 }], retryAt: NOW }, source());
    const plan = { attempt: 1, policy: 'all' as const, unfilled: [], rules: 'r' };
    talk.tell('plan', { ...plan, packages: [{ ...where, lines: [pots] }] }, source());
    talk.tell('settle', { exceptionId: 'e1', action: 'cancel' });
    expect(talk.ask('withdraw', withdrawal(talk.state, 'p1'))).toMatchObject({ code: 'BAD_REQUEST' });
    expect(talk.kinds()).toContain('source');
  });

  test(`are withdrawn ${WITHDRAWALS_MAX} times at most`, () => {
    const talk = resting();
    const again = () => talk.ask('withdraw', withdrawal(talk.state, [...talk.state.packages.keys()].at(-1) ?? ''));
    for (let n = 0; n < WITHDRAWALS_MAX; n++) {
      expect(again()).toMatchObject({ ok: true });
      allocate(talk, [...talk.state.lines.values()], 'newark', { releaseAt: NOW + HOUR_MS });
    }
    expect(again()).toMatchObject({ ok: false, code: 'LIMIT_EXCEEDED' });
  });
});

test('what a carrier expected of a booking that was taken back is expected no more', () => {
  const talk = givenAllocated();
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' };
  talk.tell('book', { packageId: 'p1', ...booking, expectedAt: NOW + 200 * HOUR_MS });
  talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
  talk.tell('settle', { exceptionId: 'e1', action: 'upgrade', carrier: 'acme', service: 'air' });
  expect(talk.state.packages.get('p1')?.expectedAt).toBeUndefined();
});
