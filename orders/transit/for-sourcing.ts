// What sourcing asks of the model: some hundred answers for each order, within a microsecond, so each is kept for a while. Its names
// are those of orders/sourcing/transit.ts.
import { TRANSIT_ANSWERS_MAX } from './limits.ts';
import { bandOf } from './location.ts';
import type { TransitDays, TransitModel } from './model.ts';

const DAY_MS = 86_400_000;

/** A shipment that could be. */
interface ShipmentAhead {
  readonly node: { readonly node: string };
  readonly service: { readonly service: string };
  readonly km: number;
  readonly destination: { readonly postalCode: string };
  /** ms since the epoch. */
  readonly handedOverAt: number;
}

export interface TransitAnswers {
  /** Days at the seven quantiles, as the model knew them at the last refresh. */
  readonly transitTimes: (shipment: ShipmentAhead) => TransitDays;
  /** To be called every minute or so: forgets what was answered before `now`, ms since the epoch. */
  readonly refresh: (now: number) => void;
}

export function transitAnswers(model: TransitModel, now: number): TransitAnswers {
  const answers = new Map<string, TransitDays>();
  let asOf = now;
  return {
    transitTimes: ({ node: { node }, service: { service }, km, destination: { postalCode }, handedOverAt }) => {
      const key = `${service}\n${node}\n${postalCode}\n${bandOf(km)} ${Math.floor(handedOverAt / DAY_MS)}`;
      const known = answers.get(key);
      if (known !== undefined) return known;
      const { days } = model.answer({ node, service, postalCode, km, handedOverAt }, asOf);
      if (answers.size >= TRANSIT_ANSWERS_MAX) answers.clear();
      answers.set(key, days);
      return days;
    },
    refresh: (at) => {
      asOf = at;
      answers.clear();
    },
  };
}
