// A flash sale of one pooled SKU in five regions with skewed demand: how many buyers were refused, or would have had to
// wait, while units that could still be sold lay elsewhere. HOLDFAST_FIGURES=1 prints the table of SPEC.md.
import { describe, expect, it } from 'vitest';
import { World } from './testing/world.ts';

const NAMES = ['eu', 'us', 'br', 'za', 'ap'];
/** Share of the demand of each region, in the order of NAMES. */
const SKEW = [0.6, 0.2, 0.1, 0.07, 0.03];
const STEP_MS = 10;
const SECONDS_MAX = 120;

interface Sale {
  readonly units: number;
  readonly latencyMs: number;
  readonly lostPerMille: number;
  readonly buyersPerSecond: number;
  /** All units are minted in the region of the least demand, or an equal part in each. */
  readonly minted: 'far' | 'equal';
  /** After this long the skew turns around: the last becomes first. */
  readonly turnMs?: number;
}

interface Figures {
  /** Buyers who came while a unit was left anywhere, on the way included. */
  readonly buyers: number;
  readonly refused: number;
  /** Of these, before 95 % were sold. */
  readonly refusedEarly: number;
  readonly sold: number;
  /** From the first buyer to the last unit sold, against what a single shelf would need, ms. */
  readonly soldOutMs: number;
  readonly idealMs: number;
  readonly messages: number;
}

/** Buyers come in equal steps, each for one unit; one who is refused does not come again. */
function sale({ units, latencyMs, lostPerMille, buyersPerSecond, minted, turnMs }: Sale): Figures {
  const world = new World(NAMES);
  world.regions.forEach((region, i) => {
    const qty = minted === 'far' ? (i === NAMES.length - 1 ? units : 0) : units / NAMES.length;
    if (qty > 0) region.mint(qty);
    world.flush(region);
  });
  world.run(3_000, { latencyMs, lostPerMille });
  const opened = world.now;
  const due = NAMES.map(() => 0);
  let buyers = 0;
  let refused = 0;
  let refusedEarly = 0;
  let sold = 0;
  let soldOutMs = 0;
  const each = (now: number): void => {
    world.regions.forEach((region, i) => {
      const turned = turnMs !== undefined && now - opened > turnMs;
      const share = SKEW[turned ? NAMES.length - 1 - i : i] ?? 0;
      due[i] = (due[i] ?? 0) + (share * buyersPerSecond * STEP_MS) / 1000;
      for (; (due[i] ?? 0) >= 1; due[i] = (due[i] ?? 0) - 1) {
        if (sold < units) buyers += 1;
        if (region.spend(1)) {
          sold += 1;
          if (sold === units) soldOutMs = now - opened;
        } else if (sold < units) {
          refused += 1;
          if (sold < 0.95 * units) refusedEarly += 1;
        }
      }
    });
  };
  for (let s = 0; s < SECONDS_MAX && sold < units; s++) {
    world.run(1_000, { latencyMs, lostPerMille, stepMs: STEP_MS, each });
  }
  world.check();
  return {
    buyers,
    refused,
    refusedEarly,
    sold,
    soldOutMs,
    idealMs: (units / buyersPerSecond) * 1000,
    messages: world.sent,
  };
}

const BASE: Sale = { units: 10_000, latencyMs: 80, lostPerMille: 0, buyersPerSecond: 1_000, minted: 'equal' };

const CASES: readonly (readonly [string, Sale, number])[] = [
  ['equal parts', BASE, 0.025],
  ['all in the region of least demand', { ...BASE, minted: 'far' }, 0.05],
  ['nothing but the parts, all messages lost', { ...BASE, lostPerMille: 1_000 }, 1],
  ['150 ms one way', { ...BASE, latencyMs: 150 }, 0.045],
  ['5 % of messages lost', { ...BASE, lostPerMille: 50 }, 0.04],
  ['the skew turns around after 3 s', { ...BASE, turnMs: 3_000 }, 0.035],
  ['1,000 units', { ...BASE, units: 1_000 }, 0.32],
  ['100 buyers a second', { ...BASE, units: 2_000, buyersPerSecond: 100 }, 0.025],
];

describe('a flash sale of pooled stock', () => {
  it.each(CASES)(
    'given %s, when five regions sell it, then all of it is sold and few buyers are refused in vain',
    (name, given, most) => {
      const figures = sale(given);
      if (process.env['HOLDFAST_FIGURES'] !== undefined) {
        const { buyers, refused, refusedEarly, soldOutMs, idealMs, messages } = figures;
        const share = (n: number): string => `${((100 * n) / buyers).toFixed(2)} %`;
        console.log(
          `| ${name} | ${share(refused)} | ${share(refusedEarly)} | ${soldOutMs} ms of ${idealMs} | ${messages} |`,
        );
      }
      expect(figures.sold).toBe(given.units);
      expect(figures.refused / figures.buyers).toBeLessThanOrEqual(most);
    },
  );
});
