// The simulated world of exceptions: the same luck each time, and cases settled alike twice.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../../exceptions/policy.ts';
import { replayPolicy } from '../../exceptions/replay.ts';
import { Calibrated } from './calibrated.ts';
import { CASE_KINDS, casesOf, MIX } from './cases.ts';
import { run, type Way } from './re-planning.ts';
import { RecentDeliveries } from './risk.ts';
import { settle } from './settling.ts';
import { BEGIN, DAY_MS, deliveredAt, SERVICES, World } from './world.ts';

const POLICY = parsePolicy(readFileSync(new URL('../../../examples/policies/standard.yaml', import.meta.url), 'utf8'));
const WORLD = new World(9_001);
const CASES = casesOf(WORLD.seed, WORLD.parcels);

describe('the simulated world', () => {
  test('given one seed twice, then the same parcels live the same lives; given another, then others', () => {
    const again = new World(9_001);
    const lives = (world: World) => world.parcels.slice(0, 40).map((one) => deliveredAt(world.planned(one)));

    expect(again.parcels).toEqual(WORLD.parcels);
    expect(lives(again)).toEqual(lives(WORLD));
    expect(lives(new World(9_002))).not.toEqual(lives(WORLD));
  });

  test('given another service for a parcel, then it has the same luck: express is not slower than ground of the same carrier', () => {
    const [ground, express] = SERVICES as [(typeof SERVICES)[number], (typeof SERVICES)[number]];
    for (const parcel of WORLD.parcels.slice(0, 100)) {
      const [slow, fast] = [ground, express].map((one) => deliveredAt(WORLD.lifeOf(parcel, one, parcel.readyAt, 1)));
      if (slow !== undefined && fast !== undefined) expect(fast).toBeLessThanOrEqual(slow + DAY_MS);
    }
  });
});

test('given parcels that are paid back at once, then those that come all the same are reversed, and those that are lost are not', () => {
  const givesUp: Way = {
    name: 'gives up',
    review: ({ handedOverAt }) => (handedOverAt === undefined ? undefined : { action: 'refund' }),
  };
  const endings = run(WORLD, givesUp, new RecentDeliveries()).filter(({ isRefunded }) => isRefunded);
  const comes = endings.map(({ parcel }) => deliveredAt(WORLD.planned(parcel)) !== undefined);

  expect(endings.map(({ isReversed }) => isReversed)).toEqual(comes);
  expect(new Set(comes).size).toBe(2);
});

describe('cases', () => {
  test('given a world, then kinds come up about as often as the mix says', () => {
    const judged = WORLD.parcels.filter(({ isJudged }) => isJudged).length;
    for (const kind of CASE_KINDS) {
      const expected = (MIX[kind] * judged) / 1_000;
      const count = CASES.filter((one) => one.kind === kind).length;
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  test('given a case twice, then it is settled alike, no cheaper than by the cheapest, and the policy decides the same on its history', () => {
    for (const one of CASES) {
      const settled = settle(one, POLICY, 0.8);

      expect(settle(one, POLICY, 0.8)).toEqual(settled);
      expect(settled.leastCost).toBeLessThanOrEqual(settled.cost);
      expect(settled.history.at(-1)?.type).toBe('exceptionSettled');
      expect(replayPolicy(POLICY, settled.history, { from: 0, to: Number.MAX_SAFE_INTEGER }).changed).toBe(0);
    }
  });
});

describe('probabilities', () => {
  test('given predictions that come true half as often as said, then they are halved', () => {
    const calibrated = new Calibrated();
    for (let n = 0; n < 100; n++) {
      calibrated.note(`p${n}`, 0.8, 'handedOver', 20, 1_000);
      calibrated.judge(`p${n}`, n % 5 < 2 ? 1_001 : 999);
    }

    expect(calibrated.of(0.8, 'handedOver', 20)).toBeCloseTo(0.4, 1);
    expect(calibrated.of(0.8, 'picked', 20)).toBe(0.8);
    expect(calibrated.of(0.8, 'picked', 20, 'handedOver')).toBeCloseTo(0.4, 1);
  });

  test('given deliveries after one to ten days, then a parcel of the sixth day misses the eighth in two of four cases', () => {
    const model = new RecentDeliveries();
    const leg = { node: 'n', service: 's', postalCode: '10000', km: 500, handedOverAt: BEGIN };
    for (let n = 0; n < 100; n++) {
      const shipmentId = `p${n}`;
      const days = 1 + (n % 10);
      model.observe([{ kind: 'handedOver', shipment: { shipmentId, ...leg } }]);
      model.observe([{ kind: 'delivered', shipmentId, at: BEGIN + days * DAY_MS }]);
    }

    const later = BEGIN + 6.5 * DAY_MS;
    expect(model.missProbability(leg, BEGIN + 8.5 * DAY_MS, later)).toBeCloseTo(0.5, 1);
    expect(model.missProbability(leg, BEGIN + 8.5 * DAY_MS, BEGIN)).toBeCloseTo(0.2, 1);
  });
});
