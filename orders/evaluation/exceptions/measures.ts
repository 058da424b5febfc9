// What one way of re-planning came to in one world, compared parcel by parcel with doing nothing.
import type { Ending } from './re-planning.ts';
import { HOUR_MS } from './world.ts';

/** Of a thousand judged parcels, unless it says otherwise. */
export interface Measures {
  /** First promises that were missed. */
  readonly missed: number;
  /** Missed if nothing is done, and kept. */
  readonly averted: number;
  /** Kept if nothing is done, and missed. */
  readonly caused: number;
  readonly interventions: number;
  /** Share of the interventions on parcels that would have come in time. */
  readonly falseInterventions: number;
  readonly notices: number;
  /** Share of the new promises to customers whose parcel would have come in time. */
  readonly falseNotices: number;
  /** Share of the missed promises of which the customer was told before. */
  readonly told: number;
  /** Median hours from the first thing done until the promise, of parcels that would have missed it. */
  readonly leadHours: number;
  /** Minor units, of one parcel. */
  readonly actionCost: number;
  readonly breachCost: number;
  readonly cost: number;
}

export function measure(endings: readonly Ending[], untouched: readonly Ending[]): Measures {
  const pairs = endings
    .map((one, n) => ({ one, without: untouched[n] as Ending }))
    .filter(({ one }) => one.parcel.isJudged);
  const per = (count: number): number => (1_000 * count) / pairs.length;
  const missed = pairs.filter(({ one }) => one.firstMissed);
  const lead = pairs
    .filter(({ one, without }) => without.firstMissed && one.firstDeedAt !== undefined)
    .map(({ one }) => (one.parcel.promisedAt - (one.firstDeedAt ?? 0)) / HOUR_MS)
    .sort((a, b) => a - b);
  const sum = (of: (one: Ending) => number): number => pairs.reduce((total, { one }) => total + of(one), 0);
  const acted = pairs.filter(({ one }) => one.interventions > 0);
  const noticed = pairs.filter(({ one }) => one.notices > 0);
  return {
    missed: per(missed.length),
    averted: per(pairs.filter(({ one, without }) => without.firstMissed && !one.firstMissed).length),
    caused: per(pairs.filter(({ one, without }) => !without.firstMissed && one.firstMissed).length),
    interventions: per(acted.length),
    falseInterventions: share(acted, ({ without }) => !without.firstMissed),
    notices: per(noticed.length),
    falseNotices: share(noticed, ({ without }) => !without.firstMissed),
    told: share(missed, ({ one }) => one.isTold),
    leadHours: lead[Math.floor(lead.length / 2)] ?? Number.NaN,
    actionCost: sum(({ actionCost }) => actionCost) / pairs.length,
    breachCost: sum(({ breachCost }) => breachCost) / pairs.length,
    cost: sum(({ actionCost, breachCost }) => actionCost + breachCost) / pairs.length,
  };
}

function share<T>(all: readonly T[], is: (one: T) => boolean): number {
  return all.length === 0 ? 0 : all.filter(is).length / all.length;
}
