// What a consumer gets of a feed: a value and where it comes from. A feed that is stale, empty or failing says so, and the value is then
// the default that its owner stated; nothing else is ever made up. Pure.

export interface Reading<T> {
  readonly value: T;
  readonly source: 'feed' | 'default';
  /** Of what was measured, ms since the epoch; undefined where nothing is known. */
  readonly asOf?: number;
  /** Why it is the default. */
  readonly reason?: string;
}

export interface Terms<T> {
  /** A value older than this counts no more. */
  readonly staleAfterMs: number;
  readonly fallback: T;
}

export interface Timed<T> {
  /** ms since the epoch. */
  readonly at: number;
  readonly value: T;
}

/** The latest of `series`, which is sorted by `at`, that is not of the future. */
export function readingAt<T>(series: readonly Timed<T>[] | undefined, terms: Terms<T>, now: number): Reading<T> {
  const { staleAfterMs, fallback } = terms;
  if (series === undefined) return { value: fallback, source: 'default', reason: 'nothing was loaded yet' };
  const found = latest(series, now);
  if (found === undefined) return { value: fallback, source: 'default', reason: 'it has nothing up to now' };
  const { at, value } = found;
  if (now - at <= staleAfterMs) return { value, source: 'feed', asOf: at };
  const hours = ((now - at) / 3_600_000).toFixed(1);
  const bound = (staleAfterMs / 3_600_000).toFixed(1);
  return {
    value: fallback,
    source: 'default',
    asOf: at,
    reason: `stale: of ${hours} hours ago, at most ${bound} count`,
  };
}

/** The last that is not after `now`. */
function latest<T>(series: readonly Timed<T>[], now: number): Timed<T> | undefined {
  let low = 0;
  let high = series.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((series[middle]?.at ?? Number.POSITIVE_INFINITY) <= now) low = middle + 1;
    else high = middle;
  }
  return series[low - 1];
}

/** What is wrong with a document of a feed. Readers throw nothing else. */
export class FeedMalformed extends Error {
  override readonly name = 'FeedMalformed';
}
