// One query over several regions: each region is asked for its part, and the parts are put together in the order of the
// question.
import type { AvailabilityView, Failure, Outcome } from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';

type Part = Outcome & {
  readonly positions: readonly AvailabilityView[];
  readonly unknown: readonly { readonly sku: string; readonly region: string }[];
};

/** @param ask asks one region for all the skus; it answers once, as a query of that region alone would be */
export function answerQuery(
  regions: readonly string[],
  respond: Respond,
  ask: (region: string, done: Respond) => void,
): void {
  const asked = [...new Set(regions)];
  const parts: Outcome[] = new Array(asked.length);
  let waiting = asked.length;
  for (const [at, region] of asked.entries()) {
    ask(region, (outcome) => {
      parts[at] = outcome;
      waiting -= 1;
      if (waiting > 0) return;
      const failed = parts.find((part): part is Failure => !part.ok);
      if (failed !== undefined) respond(failed);
      else
        respond({
          ok: true,
          positions: parts.flatMap((part) => (part as Part).positions),
          unknown: parts.flatMap((part) => (part as Part).unknown),
        });
    });
  }
}
