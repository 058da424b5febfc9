// Results of several generators that ran at the same time, as one.
import { LatencyHistogram } from './histogram.ts';
import type { LoadResult, Percentiles } from './load.ts';

/** @throws RangeError without results */
export function together(results: readonly LoadResult[]): LoadResult {
  const [first, ...others] = results;
  if (first === undefined) throw new RangeError('no results to put together');
  if (others.length === 0) return first;
  const sum = (of: (result: LoadResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const latency = new LatencyHistogram();
  for (const { histogram } of results) latency.add(histogram);
  const refusals: Record<string, number> = {};
  for (const result of results) {
    for (const [code, count] of Object.entries(result.refusals)) refusals[code] = (refusals[code] ?? 0) + count;
  }
  return {
    perSecond: sum(({ perSecond }) => perSecond),
    offeredPerSecond: sum(({ offeredPerSecond }) => offeredPerSecond),
    windowMs: first.windowMs,
    acknowledged: sum(({ acknowledged }) => acknowledged),
    refusals,
    turnedAway: sum(({ turnedAway }) => turnedAway),
    examples: results.flatMap(({ examples }) => examples),
    unanswered: sum(({ unanswered }) => unanswered),
    latencyUs: latency.summary(),
    serviceUs: worst(results.map(({ serviceUs }) => serviceUs)),
    latenessUs: worst(results.map(({ latenessUs }) => latenessUs)),
    histogram: latency.encoded(),
  };
}

/** Of those that there are: the generator that was latest is the one to know of. */
function worst(all: readonly (Percentiles | undefined)[]): Percentiles | undefined {
  const known = all.filter((percentiles) => percentiles !== undefined);
  return known.toSorted((a, b) => b.p99 - a.p99)[0];
}
