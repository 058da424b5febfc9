// Lets a model answer for each parcel as it is handed over, tells it what becomes known in between, and scores the answers.
import { QUANTILES, type TransitDays, type TransitModel } from '../../transit/model.ts';
import type { Case } from './lanes.ts';

const DAY_MS = 86_400_000;

type News = { readonly kind: 'scan' | 'delivered'; readonly shipmentId: string; readonly at: number } & {
  readonly knownAt: number;
};

export interface Scored {
  readonly handedOverAt: number;
  readonly disruptedDays: number | undefined;
  /** As answered. */
  readonly speed: number;
  /** Days that it took, at least 0. */
  readonly days: number;
  readonly answered: readonly number[];
}

/** All parcels that were delivered, with what was answered for them at their hand-over. */
export function replay(model: TransitModel, cases: readonly Case[]): Scored[] {
  const news = cases
    .flatMap(({ shipment: { shipmentId }, deliveredAt, knownAt, scans = [] }): News[] => [
      ...scans.map((scan) => ({ kind: 'scan' as const, shipmentId, ...scan })),
      ...(deliveredAt === undefined || knownAt === undefined
        ? []
        : [{ kind: 'delivered' as const, shipmentId, at: deliveredAt, knownAt }]),
    ])
    .sort((a, b) => a.knownAt - b.knownAt);
  const scored: Scored[] = [];
  let told = 0;
  for (const { shipment, deliveredAt, disruptedDays } of cases) {
    const now = shipment.handedOverAt;
    for (let next = news[told]; next !== undefined && next.knownAt <= now; next = news[++told]) {
      const { knownAt, ...observation } = next;
      model.observe([observation], knownAt);
    }
    const { days: answered, speed } = model.answer(shipment, now);
    model.observe([{ kind: 'handedOver', shipment }], now);
    if (deliveredAt === undefined) continue;
    const days = Math.max(0, (deliveredAt - now) / DAY_MS);
    scored.push({ handedOverAt: now, disruptedDays, days, answered: valuesOf(answered), speed });
  }
  return scored;
}

function valuesOf({ p50, p75, p85, p90, p95, p97, p99 }: TransitDays): number[] {
  return [p50, p75, p85, p90, p95, p97, p99];
}

/** Mean over the seven quantiles and all parcels, days. */
export function pinball(scored: readonly Scored[]): number {
  let sum = 0;
  for (const { days, answered } of scored) {
    for (const [n, share] of QUANTILES.entries()) {
      const short = days - (answered[n] as number);
      sum += short > 0 ? share * short : (share - 1) * short;
    }
  }
  return sum / scored.length / QUANTILES.length;
}

/** The share of parcels that took no longer than the quantile. */
export function coverage(scored: readonly Scored[], quantile: number): number {
  const n = (QUANTILES as readonly number[]).indexOf(quantile);
  return scored.filter(({ days, answered }) => days <= (answered[n] as number) + 1e-9).length / scored.length;
}

/** The same, of those that took less. */
export function coverageBelow(scored: readonly Scored[], quantile: number): number {
  const n = (QUANTILES as readonly number[]).indexOf(quantile);
  return scored.filter(({ days, answered }) => days < (answered[n] as number) - 1e-9).length / scored.length;
}
