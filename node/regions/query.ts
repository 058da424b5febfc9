// One query over several regions: each region is asked for its part, and the parts are put together in the order of the
// question. The parts that wait for the slowest grow older meanwhile.
import type { AvailabilityView, Failure, Outcome } from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';
import { aged } from './reads.ts';

type Part = Outcome & {
  readonly positions: readonly AvailabilityView[];
  readonly unknown: readonly { readonly sku: string; readonly region: string }[];
};

/**
 * @param now monotonic, ms
 * @param ask asks one region for all the skus; it answers once, as a query of that region alone would be
 */
export function answerQuery(
  regions: readonly string[],
  respond: Respond,
  now: () => number,
  ask: (region: string, done: Respond) => void,
): void {
  const asked = [...new Set(regions)];
  const parts: { readonly outcome: Outcome; readonly at: number }[] = new Array(asked.length);
  let waiting = asked.length;
  for (const [at, region] of asked.entries()) {
    ask(region, (outcome) => {
      parts[at] = { outcome, at: now() };
      waiting -= 1;
      if (waiting > 0) return;
      const failed = parts.map((part) => part.outcome).find((part): part is Failure => !part.ok);
      if (failed !== undefined) {
        respond(failed);
        return;
      }
      const endedAt = now();
      respond({
        ok: true,
        positions: parts.flatMap(({ outcome: part, at: cameAt }) => {
          const waitedMs = Math.ceil(endedAt - cameAt);
          return (part as Part).positions.map((view) => aged(view, waitedMs));
        }),
        unknown: parts.flatMap(({ outcome: part }) => (part as Part).unknown),
      });
    });
  }
}
