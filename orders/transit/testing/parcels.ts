// Parcels of tests: handed over at a steady rate, delivered after days that a test gives, told to a model as they become known.
import type { Observation, Shipment, TransitModel } from '../model.ts';

export const DAY_MS = 86_400_000;
/** A Monday. */
export const START = Date.UTC(2024, 0, 1);

export interface Sent {
  readonly shipment: Shipment;
  /** Undefined for one that is never delivered. */
  readonly days: number | undefined;
}

/** A sequence between 0 and 1 without gaps, the same in each run (the golden ratio's multiples). */
export function spread(n: number): number {
  return (n * 0.618_033_988_749_895) % 1;
}

/** Around `median` days, with the quantiles of a distribution whose tail falls with the fourth power. */
export function daysAround(median: number, share: number): number {
  return median * ((1 / (1 - share)) ** 0.25 - 0.19);
}

export function sent(n: number, day: number, days: number | undefined, changes: Partial<Shipment> = {}): Sent {
  const shipment = {
    shipmentId: `p-${n}`,
    node: 'chicago',
    service: 'ground',
    postalCode: '10007',
    km: 1_150,
    handedOverAt: START + Math.round(day * DAY_MS),
    ...changes,
  };
  return { shipment, days };
}

/** So many parcels on each day, an hour's part after the other. */
export function steady(from: number, until: number, perDay: number, daysOf: (share: number, day: number) => number) {
  const all: Sent[] = [];
  for (let n = 0; n < (until - from) * perDay; n++) {
    const day = from + n / perDay;
    all.push(sent(from * 100_000 + n, day, daysOf(spread(n), day)));
  }
  return all;
}

/** All that happens to parcels until a day, by time. */
export function newsOf(parcels: readonly Sent[], untilDay: number): Observation[] {
  const until = START + untilDay * DAY_MS;
  const news = parcels.flatMap(({ shipment, days }): Observation[] => [
    { kind: 'handedOver', shipment },
    ...(days === undefined
      ? []
      : [{ kind: 'delivered' as const, shipmentId: shipment.shipmentId, at: shipment.handedOverAt + days * DAY_MS }]),
  ]);
  return news.filter((one) => timeOf(one) <= until).sort((a, b) => timeOf(a) - timeOf(b));
}

/** Tells it each as it happens. */
export function tell(model: TransitModel, news: readonly Observation[]): void {
  for (const one of news) model.observe([one], timeOf(one));
}

function timeOf(observation: Observation): number {
  return observation.kind === 'handedOver' ? observation.shipment.handedOverAt : observation.at;
}
