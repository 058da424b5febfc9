// What is believed of a disruption: how likely it is on, how slow parcels are in it, how far it has come; and what that makes of a
// parcel's days. SPEC.md, "Disruptions". Pure.

/** Shares of the usual speed that parcels have in a disruption. */
export const SPEEDS = [0.7, 0.5, 0.3] as const;
/** Each is passed after a random time without memory, so that an old disruption is nearer to its end than a new one. */
export const STAGES = 2;
/** A probability for usual times, then one for each speed in each stage; their sum is 1. */
export const BELIEFS = 1 + SPEEDS.length * STAGES;
export type Belief = Float64Array;

/** Where nothing was heard of parcels for longer, days, no more disruptions are believed to have begun. */
const SUSPECTED_DAYS = 0.25;
/** Probabilities below this make no difference to an answer. */
const NEGLIGIBLE = 2e-4;
/** Remaining times are taken at the middles of so many equal shares. */
const SLICES = 4;
/** From the first and from the last stage on, in mean lengths of a stage. */
const REMAINING: readonly (readonly number[])[] = [STAGES, 1].map((stages) =>
  Array.from({ length: SLICES }, (_, n) => remainingAt(stages, (n + 0.5) / SLICES)),
);
/** No disruption makes a quantile longer than at the least speed, for ever. */
const LONGEST = Math.log(1 / Math.min(...SPEEDS)) + 0.5;
/** Quantiles are found to a hundredth of the share beyond them. */
const PRECISION = 0.01;
const STEPS_MAX = 12;

/** Where its probability for a speed and a stage stands in a belief. */
export function placeOf(speed: number, stage: number): number {
  return 1 + speed * STAGES + stage;
}

/** Nothing is disrupted. */
export function usualTimes(): Belief {
  const belief = new Float64Array(BELIEFS);
  belief[0] = 1;
  return belief;
}

/**
 * Makes a belief what it becomes in so many days without news: disruptions go on to their second stage, end, and begin.
 * @param onsetsPerDay disruptions that begin; @param lengthDays of a disruption, on the average
 */
export function age(belief: Belief, days: number, onsetsPerDay: number, lengthDays: number): void {
  const rate = STAGES / lengthDays;
  const kept = Math.exp(-rate * days);
  let disrupted = 0;
  for (let speed = 0; speed < SPEEDS.length; speed++) {
    const [first, last] = [placeOf(speed, 0), placeOf(speed, 1)];
    belief[last] = ((belief[last] as number) + (belief[first] as number) * rate * days) * kept;
    belief[first] = (belief[first] as number) * kept;
    disrupted += (belief[first] as number) + (belief[last] as number);
  }
  const begun = (1 - disrupted) * (1 - Math.exp(-onsetsPerDay * Math.min(days, SUSPECTED_DAYS)));
  for (let speed = 0; speed < SPEEDS.length; speed++) {
    belief[placeOf(speed, 0)] = (belief[placeOf(speed, 0)] as number) + begun / SPEEDS.length;
  }
  belief[0] = 1 - disrupted - begun;
}

/** The mean share of the usual speed. */
export function speedOf(belief: Belief): number {
  let mean = belief[0] as number;
  for (let n = 1; n < BELIEFS; n++) mean += (belief[n] as number) * speedAt(n);
  return mean;
}

/** Of several that may slow a parcel, independently of each other, the worst does. */
export function worstOf(beliefs: readonly Belief[]): Belief {
  const worst = new Float64Array(BELIEFS);
  worst[0] = beliefs.reduce((product, belief) => product * (belief[0] as number), 1);
  const faster = beliefs.map((belief) => belief[0] as number);
  let above = worst[0];
  for (let speed = 0; speed < SPEEDS.length; speed++) {
    let [product, first, last] = [1, 0, 0];
    for (const [n, belief] of beliefs.entries()) {
      const [early, late] = [belief[placeOf(speed, 0)] as number, belief[placeOf(speed, 1)] as number];
      faster[n] = Math.min(1, (faster[n] as number) + early + late);
      product *= faster[n] as number;
      first += early;
      last += late;
    }
    const share = Math.max(0, product - above);
    above = product;
    if (first + last === 0) continue;
    worst[placeOf(speed, 0)] = (share * first) / (first + last);
    worst[placeOf(speed, 1)] = (share * last) / (first + last);
  }
  return worst;
}

/**
 * The share of parcels, 0 to 1, that are still on their way in `days`. While a disruption lasts a day counts for a part of one.
 * @param usual the same after so many days of usual times
 */
export function stillOnWay(belief: Belief, lengthDays: number, days: number, usual: (days: number) => number): number {
  let sum = (belief[0] as number) * usual(days);
  for (let n = 1; n < BELIEFS; n++) {
    const share = belief[n] as number;
    if (share < NEGLIGIBLE) {
      sum += share * usual(days);
      continue;
    }
    const slow = 1 - speedAt(n);
    let part = 0;
    for (const stages of REMAINING[(n - 1) % STAGES] as readonly number[]) {
      part += usual(days - slow * Math.min(days, (stages * lengthDays) / STAGES));
    }
    sum += (share * part) / SLICES;
  }
  return sum;
}

/**
 * The days that a share of parcels does not exceed, found by regula falsi (Illinois) in their logarithm.
 * @param usualDays the same in usual times
 */
export function slowedQuantile(
  belief: Belief,
  lengthDays: number,
  share: number,
  usualDays: number,
  usual: (days: number) => number,
): number {
  const left = 1 - share;
  if (1 - (belief[0] as number) < left / 20) return usualDays;
  const excess = (log: number): number => Math.log(stillOnWay(belief, lengthDays, Math.exp(log), usual) / left);
  let low = Math.log(usualDays);
  let high = low + LONGEST;
  let [atLow, atHigh] = [excess(low), excess(high)];
  if (atLow <= 0) return usualDays;
  let side = 0;
  for (let step = 0; step < STEPS_MAX; step++) {
    const middle = (low * atHigh - high * atLow) / (atHigh - atLow);
    const found = excess(middle);
    if (Math.abs(found) < PRECISION) return Math.exp(middle);
    if (found > 0) {
      [low, atLow] = [middle, found];
      if (side > 0) atHigh /= 2;
      side = 1;
    } else {
      [high, atHigh] = [middle, found];
      if (side < 0) atLow /= 2;
      side = -1;
    }
  }
  return Math.exp((low + high) / 2);
}

function speedAt(place: number): number {
  return SPEEDS[Math.floor((place - 1) / STAGES)] as number;
}

/** Quantile of the sum of one or two exponential times of mean 1, by bisection. */
function remainingAt(stages: number, share: number): number {
  let [low, high] = [0, 50];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    const passed = 1 - Math.exp(-middle) * (stages === 1 ? 1 : 1 + middle);
    if (passed < share) low = middle;
    else high = middle;
  }
  return low;
}
