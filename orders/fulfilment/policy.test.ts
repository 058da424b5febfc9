// Policies at work on orders: what they are told of an order, and what their decisions come to as commands.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../protocol/index.ts';
import { CarrierError } from '../carriers/errors.ts';
import { parsePolicy } from '../exceptions/policy.ts';
import { settleByPolicy } from './policy.ts';
import type { Settlement } from './ports.ts';
import { policyOf } from './testing/policies.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const HOUR_MS = 3_600_000;

async function settle(world: Steps, policy: ReturnType<typeof policyOf>, exceptionId = 'e1'): Promise<Settlement> {
  const order = await world.grid.getOrder('o-1', true);
  const exception = order?.detail.exceptions.find((one) => one.exceptionId === exceptionId);
  if (order === undefined || exception === undefined) throw new Error(`there is no ${exceptionId}`);
  return settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(
    exception,
    order,
    `o-1/settle#${exceptionId}`,
  );
}

/** What it decided on, as the policy was told. */
const factsOf = ({ command }: Settlement): Readonly<Record<string, unknown>> =>
  (command.detail as { situation?: { facts?: Record<string, unknown> } } | undefined)?.situation?.facts ?? {};

const advance = (world: Steps, command: { type: string; [field: string]: Json }) =>
  world.grid.advanceOrder('o-1', command, { requestId: `r${world.grid.state('o-1').seq}` });

type Step = 'release' | 'pick' | 'pack' | 'book' | 'ship';

/** Two mugs in a package at the only node that has them, as far as said. */
async function given(...steps: readonly Step[]): Promise<Steps> {
  const world = givenWorld({ 'us-east/chicago/mug': 9 });
  const lines = [{ lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900, substitutes: ['cup'] }];
  await world.grid.captureOrder(orderOf('o-1', {}, { lines, channel: 'web' }), 'r');
  await world.work('o-1', 'source');
  for (const step of steps) {
    if (step === 'book') await world.work('o-1', 'book');
    else if (step === 'ship')
      await advance(world, { type: 'track', packageId: 'p1', code: 'inTransit', scannedAt: Date.now() });
    else await advance(world, { type: step, packageId: 'p1' });
  }
  return world;
}

const SHORT = { type: 'shortPick', packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' };

describe('what a policy is told', () => {
  test('of a short pick: where, what, how much, what it is worth, and what can be done', async () => {
    const world = await given('release');
    await advance(world, SHORT);
    const settled = await settle(world, policyOf('shortPick', 'when: "true", allow: [resource, split, substitute]'));
    expect(factsOf(settled)).toMatchObject({
      node: 'chicago',
      sku: 'mug',
      qtyShort: 1,
      value: 1_900,
      orderValue: 3_800,
      channel: 'web',
      stage: 'picked',
      missProbability: 0.95,
    });
    const { situation } = settled.command.detail as unknown as { situation: { options: object } };
    expect(Object.keys(situation.options).sort()).toEqual([
      'cancel',
      'refund',
      'repromise',
      'resource',
      'split',
      'substitute',
    ]);
    expect(settled).toMatchObject({ command: { action: 'resource', rule: 'tried' }, policyVersion: 'test-1' });
  });

  test('of a rejection: the reason in its own words, and how many there were', async () => {
    const world = await given();
    await advance(world, { type: 'reject', packageId: 'p1', reasonCode: 'tooBusy' });
    const settled = await settle(
      world,
      policyOf('rejection', `when: 'reason == "noCapacity" && rejections == 1', allow: [resource]`),
    );
    expect(settled.command).toMatchObject({ action: 'resource', rule: 'tried' });
  });

  test('of a backorder: what lacks, that nobody knows of supply, and substitutes that the line is not yet', async () => {
    const world = givenWorld({});
    const lines = [{ lineId: '1', sku: 'mug', qty: 2, value: 1_900, substitutes: ['mug', 'cup'] }];
    await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
    await world.work('o-1', 'source');
    const settled = await settle(world, policyOf('backorder', 'when: hoursToSupply >= 1000000.0, allow: [substitute]'));
    expect(settled.command).toMatchObject({ action: 'substitute', lineId: '1', sku: 'cup' });
    expect(factsOf(settled)).toMatchObject({ qtyShort: 2, qtyOrdered: 2, value: 3_800 });
  });

  test('of the customer: the tier that the order names, so that rules may ask for it', async () => {
    const world = givenWorld({});
    const attributes = { customerTier: 'gold' };
    await world.grid.captureOrder(orderOf('o-1', { mug: 1 }, { attributes }), 'r');
    await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: {} });
    const policy = policyOf('cancelRequest', 'when: customerTier == "gold", allow: [escalate]');
    const settled = await settle(world, policy);
    expect(factsOf(settled)).toMatchObject({ customerTier: 'gold' });
    expect(settled.command).toMatchObject({ action: 'escalate', rule: 'tried' });
  });

  test('of a cancellation: the value of what would be paid back', async () => {
    const world = await given();
    await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: { reason: 'changedMind' } });
    const settled = await settle(
      world,
      policyOf('cancelRequest', `when: 'reason == "changedMind" && stage == "captured"', allow: [cancel]`),
    );
    expect(settled.command).toMatchObject({ action: 'cancel', amountMinor: 3_800, notify: 'cancel' });
  });

  test('of a cancellation after some has come: that this stays paid for', async () => {
    const world = givenWorld({ 'us-east/chicago/mug': 2 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 3 }), 'r');
    await world.work('o-1', 'source');
    for (const type of ['release', 'pick', 'pack']) await advance(world, { type, packageId: 'p1' });
    await world.work('o-1', 'book');
    await advance(world, { type: 'track', packageId: 'p1', code: 'delivered', scannedAt: Date.now() });
    await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: {} });
    const id = [...world.grid.state('o-1').exceptions.values()].find(({ kind }) => kind === 'cancelRequest');

    const settled = await settle(world, policyOf('cancelRequest', 'when: "true", allow: [cancel]'), id?.exceptionId);
    expect(settled.command).toMatchObject({ action: 'cancel', amountMinor: 1_900 });
  });

  test('of an order whose payment failed: that nothing is paid back, whoever gives it up', async () => {
    const world = await given('release');
    await advance(world, { type: 'raise', kind: 'paymentFailure', evidence: { reason: 'declined', attempts: 4 } });
    await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: {} });
    const gaveUp = await settle(world, policyOf('paymentFailure', 'when: "true", allow: [cancel]'));
    const changedMind = await settle(world, policyOf('cancelRequest', 'when: "true", allow: [refund]'), 'e2');

    expect(gaveUp.command).toMatchObject({ action: 'cancel', amountMinor: 0 });
    expect(changedMind.command).toMatchObject({ action: 'refund', amountMinor: 0 });
    const amountMinor = gaveUp.command.amountMinor ?? null;
    await advance(world, { type: 'settle', exceptionId: 'e1', action: 'cancel', amountMinor });
    const { packages, tasks } = world.grid.state('o-1');
    expect(packages.get('p1')?.state).toBe('CANCELLED');
    expect([...tasks.values()].map(({ kind }) => kind)).not.toContain('refund');
  });
});

describe('what whoever noticed it has said', () => {
  const factsAbout = async (
    kind: string,
    evidence: Readonly<Record<string, Json>>,
    steps: readonly Step[],
  ): Promise<Readonly<Record<string, unknown>>> => {
    const world = await given(...steps);
    await advance(world, { type: 'raise', kind, packageId: 'p1', evidence });
    return factsOf(await settle(world, policyOf(kind, 'when: "true", allow: [escalate]')));
  };
  const SHIPPED: readonly Step[] = ['release', 'pick', 'pack', 'book', 'ship'];

  test('of a damage counts, and what nobody said is not made up', async () => {
    const said = { where: 'customer', photos: false, qtyDamaged: 1 };
    expect(await factsAbout('damaged', said, SHIPPED)).toMatchObject(said);
    expect(await factsAbout('damaged', { ...said, photos: true }, SHIPPED)).toMatchObject({ photos: true });
    const unsaid = { where: 'transit', photos: false, qtyDamaged: 2 };
    expect(await factsAbout('damaged', {}, SHIPPED)).toMatchObject(unsaid);
  });

  test('of a damage to some of the units that came is what these are worth, and no more is paid back', async () => {
    const world = await given(...SHIPPED);
    await advance(world, { type: 'track', packageId: 'p1', code: 'delivered', scannedAt: Date.now() });
    await advance(world, { type: 'raise', kind: 'damaged', packageId: 'p1', evidence: { qtyDamaged: 1 } });
    const settled = await settle(world, policyOf('damaged', 'when: "true", allow: [refund]'));

    expect(factsOf(settled)).toMatchObject({ value: 1_900, orderValue: 3_800 });
    expect(settled.command).toMatchObject({ action: 'refund', amountMinor: 1_900 });
  });

  test('of a damage that a carrier or a ship node tells of needs no proof, and is as many units as it is about', async () => {
    const world = await given(...SHIPPED);
    await advance(world, { type: 'track', packageId: 'p1', code: 'damaged', scannedAt: Date.now() });
    const settled = await settle(world, policyOf('damaged', 'when: "true", allow: [escalate]'));
    expect(factsOf(settled)).toMatchObject({ where: 'transit', photos: true, qtyDamaged: 2 });
  });

  test('of an address counts', async () => {
    const said = { problem: 'incomplete', correctionConfidence: 0.95, customerAnswered: false };
    expect(await factsAbout('addressProblem', said, SHIPPED)).toMatchObject(said);
    expect(await factsAbout('addressProblem', {}, SHIPPED)).toMatchObject({ problem: 'undeliverable' });
  });

  test('of how likely a parcel is lost counts until its carrier has seen it again', async () => {
    expect(await factsAbout('lostParcel', { lostProbability: 0.4 }, SHIPPED)).toMatchObject({ lostProbability: 0.4 });
    expect(await factsAbout('stuckParcel', { lostProbability: 0.9 }, SHIPPED)).toMatchObject({ lostProbability: 0.9 });
    const world = await given(...SHIPPED);
    await advance(world, { type: 'raise', kind: 'stuckParcel', packageId: 'p1', evidence: { lostProbability: 0.9 } });
    const scannedAt = Date.now() + HOUR_MS;
    await advance(world, { type: 'track', packageId: 'p1', code: 'outForDelivery', scannedAt });
    const settled = await settle(world, policyOf('stuckParcel', 'when: "true", allow: [wait]'));
    expect(factsOf(settled)['lostProbability']).toBeLessThan(0.5);
  });

  test('of how long it takes counts from when it was said, and what has passed says nothing any more', async () => {
    const world = await given();
    await advance(world, { type: 'raise', kind: 'carrierOutage', packageId: 'p1', evidence: { expectedHours: 3 } });
    const policy = policyOf('carrierOutage', 'when: "true", allow: [escalate]');
    const hours = async (): Promise<number> => Number(factsOf(await settle(world, policy))['expectedHours']);
    expect(await hours()).toBeCloseTo(3, 1);
    world.moveTo(Date.now() + 2 * HOUR_MS);
    expect(await hours()).toBeCloseTo(1, 1);
    world.moveTo(Date.now() + 4 * HOUR_MS);
    expect(await hours()).toBe(12);
  });

  test('of supply counts, where a backorder was noticed by somebody who knows of it', async () => {
    const world = givenWorld({});
    await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
    await advance(world, { type: 'raise', kind: 'backorder', evidence: { hoursToSupply: 72 } });
    const settled = await settle(world, policyOf('backorder', 'when: hoursToSupply <= 72.0, allow: [cancel]'));
    expect(factsOf(settled)['hoursToSupply']).toBeCloseTo(72, 1);
  });

  test('of a rejection is passed on, and a code that nobody knows is none of lacking stock', async () => {
    const reasonOf = async (reasonCode: string): Promise<unknown> => {
      const world = await given();
      await advance(world, { type: 'reject', packageId: 'p1', reasonCode });
      return factsOf(await settle(world, policyOf('rejection', 'when: "true", allow: [resource]')))['reason'];
    };
    expect(await reasonOf('outOfStock')).toBe('noStock');
    expect(await reasonOf('tooBusy')).toBe('noCapacity');
    expect(await reasonOf('closed')).toBe('closed');
    expect(await reasonOf('restricted')).toBe('restricted');
    expect(await reasonOf('the-lift-is-broken')).toBe('other');
  });

  test('of a promise or a stage does not count, since the order knows it by now', async () => {
    const stale = { missProbability: 0.01, stage: 'captured', carrier: 'other', service: 'air', value: 1 };
    const facts = await factsAbout('lateRisk', stale, SHIPPED);
    expect(facts).toMatchObject({ stage: 'handedOver', carrier: 'acme', service: 'ground', value: 3_800 });
    expect(facts['missProbability']).not.toBe(0.01);
  });
});

describe('caps', () => {
  test('given exceptions of one order that are decided at the same time, then what was decided on the others counts', async () => {
    const repromises = policyOf('lateRisk', 'when: "true", allow: [repromise]');
    const policy = { ...repromises, caps: { perParcel: 1, perOrder: 1, instead: 'wait' as const } };
    const world = givenWorld(
      { 'us-east/chicago/mug': 1, 'us-east/newark/pot': 1 },
      {},
      {
        settle: (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about),
      },
    );
    await world.grid.captureOrder(orderOf('o-1', { mug: 1, pot: 1 }, { promisedAt: Date.now() + HOUR_MS }), 'r');
    await world.work('o-1', 'source');
    for (const packageId of ['p1', 'p2']) {
      await advance(world, { type: 'raise', kind: 'lateRisk', packageId, evidence: { missProbability: 0.9 } });
    }
    const tasks = world.tasksOf('o-1', 'settle').map(({ taskId }) => ({ taskId, orderId: 'o-1', kind: 'settle' }));
    await Promise.all(tasks.map((task) => world.runner.run({ ...task, region: 'us-east' })));
    const decided = world.detail('o-1').exceptions.flatMap(({ decisions }) => decisions.map(({ action }) => action));
    expect(decided.sort()).toEqual(['repromise', 'wait']);
  });
});

describe('waiting', () => {
  const WAITS = policyOf('shortPick', 'when: "true", allow: [wait]');
  const MAX = 12;

  /** Waits once more, if that is what it decides. */
  const waitOn = async (world: Steps): Promise<string> => {
    const { command, policyVersion } = await settle(world, WAITS);
    const answer = await world.grid.advanceOrder(
      'o-1',
      JSON.parse(JSON.stringify({ type: 'settle', exceptionId: 'e1', ...command, policyVersion })),
      { requestId: `wait${world.grid.state('o-1').seq}` },
    );
    expect(answer).toMatchObject({ ok: true });
    world.moveTo(world.clock.now() + 7 * HOUR_MS);
    return command.action;
  };

  test(`with parked units is left to a person after ${MAX} times`, async () => {
    const world = await given('release');
    await advance(world, SHORT);
    const actions: string[] = [];
    for (let n = 0; n <= MAX; n++) actions.push(await waitOn(world));
    expect(actions).toEqual([...Array.from({ length: MAX }, () => 'wait'), 'escalate']);
    expect(world.detail('o-1').exceptions).toMatchObject([
      {
        state: 'ESCALATED',
        decisions: expect.arrayContaining([expect.objectContaining({ rule: 'waited too often' })]),
      },
    ]);
  });

  test('about a parcel on its way, which nobody has to decide about, goes on', async () => {
    const world = await given('release', 'pick', 'pack', 'book', 'ship');
    await advance(world, { type: 'raise', kind: 'stuckParcel', packageId: 'p1', evidence: {} });
    const policy = policyOf('stuckParcel', 'when: "true", allow: [wait]');
    for (let n = 0; n <= MAX; n++) {
      const { command } = await settle(world, policy);
      expect(command.action).toBe('wait');
      const { until = 0 } = command;
      await advance(world, { type: 'settle', exceptionId: 'e1', action: 'wait', until });
    }
  });

  test('says until when, on the clock of the grid', async () => {
    const world = await given('release');
    await advance(world, SHORT);
    const ports = { ...world.ports, clock: { ...world.clock, toGrid: (at: number) => at / 2 } };
    const order = await world.grid.getOrder('o-1', true);
    const [exception] = order?.detail.exceptions ?? [];
    if (order === undefined || exception === undefined) throw new Error('nothing was short');
    const { command } = await settleByPolicy({ policy: WAITS, rules: RULES, ports: () => ports })(
      exception,
      order,
      't',
    );
    expect(command.until).toBeLessThan(world.clock.now());
  });
});

describe('an interception', () => {
  const STOPS = policyOf('cancelRequest', 'when: "true", allow: [intercept]');

  const cancelled = async (intercept: () => Promise<void>) => {
    const world = await given('release', 'pick', 'pack', 'book', 'ship');
    await advance(world, { type: 'raise', kind: 'cancelRequest', packageId: 'p1', evidence: {} });
    let asked = 0;
    const carrier = Object.assign(world.carrier, {
      intercept: async () => {
        asked += 1;
        await intercept();
      },
    });
    return { ...world, carrier, asked: () => asked };
  };

  test('that is under way is asked about again later, and nothing is decided', async () => {
    const world = await cancelled(async () => undefined);
    expect(await settle(world, STOPS)).toMatchObject({ later: HOUR_MS });
    expect(world.asked()).toBe(1);
  });

  test('that the carrier refuses leaves what else the rule allows', async () => {
    const world = await cancelled(async () => {
      throw new CarrierError('TOO_LATE', 'out for delivery');
    });
    expect(await settle(world, STOPS)).toMatchObject({ command: { action: 'escalate' } });
  });

  test('is asked for by the example policy of each parcel of an order that is cancelled', async () => {
    const standard = parsePolicy(
      readFileSync(new URL('../../examples/policies/standard.yaml', import.meta.url), 'utf8'),
    );
    const world = await given('release', 'pick', 'pack', 'book', 'ship');
    let asked = 0;
    const carrier = Object.assign(world.carrier, {
      intercept: async () => {
        asked += 1;
      },
    });
    await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: {} });
    const whole = await settle({ ...world, carrier }, standard);
    expect({ whole, asked }).toMatchObject({ whole: { command: { action: 'refund', amountMinor: 0 } }, asked: 0 });
    await advance(world, { type: 'settle', exceptionId: 'e1', action: 'refund', amountMinor: 0 });

    const parcel = await settle({ ...world, carrier }, standard, 'e2');
    expect(parcel).toMatchObject({ command: { action: 'intercept', amountMinor: 3_800 } });
    expect(asked).toBe(1);
  });

  test('that cannot be asked for now, since the carrier is away, is asked for again later', async () => {
    const world = await cancelled(async () => {
      throw new CarrierError('UNAVAILABLE', 'away');
    });
    expect(await settle(world, STOPS)).toMatchObject({ later: HOUR_MS });
  });
});
