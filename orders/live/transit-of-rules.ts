// What the rules alone say of parcels on their way, for processes that learn nothing: the bands of a service, given how long it took already.
import type { TransitKnowledge } from '../fulfilment/ports.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import { transitOfBands } from '../sourcing/transit.ts';
import { QUANTILES } from '../transit/model.ts';
import { survivalOf } from '../transit/survival.ts';

const DAY_MS = 86_400_000;
/** Of a service that the rules do not name nothing is known. */
const UNKNOWN = 0.5;

/** @param rules read anew at each question: they may follow feeds */
export function transitOfRulesAlone(rules: () => SourcingRules): TransitKnowledge {
  return {
    observe: async () => undefined,
    missProbability({ service, km, handedOverAt }, deadline, now) {
      const known = rules().services.find((one) => one.service === service);
      if (deadline <= Math.max(now, handedOverAt)) return 1;
      if (known === undefined) return UNKNOWN;
      const days = Object.values(transitOfBands(known, km));
      const after = survivalOf(QUANTILES, days);
      const shareAfter = (at: number): number => after((at - handedOverAt) / DAY_MS);
      return Math.min(1, shareAfter(deadline) / shareAfter(Math.max(now, handedOverAt)));
    },
  };
}
