// What is measured besides what k6 measures by itself. Latency counts from when a request was due, so that a stall of the grid,
// or of k6, shows in every request that it delayed (coordinated omission).
import { Counter, Rate, Trend } from 'k6/metrics';
import { ERROR_CODES } from '../../../protocol/errors.ts';

/** ms from when the request was due to its reply, retries included; tags op, code (OK or the refusal's), window. */
export const latency = new Trend('holdfast_latency', true);
/** ms from when the request was due to when k6 sent it: where this grows, k6 is the limit. */
export const lateness = new Trend('holdfast_lateness', true);
/** Requests granted; tags op, window. */
export const acknowledged = new Counter('holdfast_acknowledged');
/** Requests refused for good; tags op, code, window. */
export const refused = new Counter('holdfast_refused');
/** Requests sent again after a refusal that may pass; tags op, code. */
export const retries = new Counter('holdfast_retries');
/** Requests with an answer that the scenario does not expect, or none at all. */
export const unexpected = new Rate('holdfast_unexpected');
/** Units whose sale was acknowledged, less those that the grid has as sold when all is over: more or less than 0 is a lie. */
export const unaccounted = new Counter('holdfast_unaccounted_units');

/** A report shows a run in so many windows; a request counts in that in which it was due. */
export const WINDOWS = 30;

/** Nothing fails it: k6 sums up by tag only where a threshold asks for it, and the report needs these sums. */
const SUM_UP = { latency: 'max>=0', count: 'count>=0' } as const;

export function isSumUp(threshold: string): boolean {
  return threshold === SUM_UP.latency || threshold === SUM_UP.count;
}

/** Thresholds that make k6 sum up by window, by op and code, and by code. */
export function sumsFor(ops: readonly string[], codes: readonly string[]): Record<string, string[]> {
  const sums: Record<string, string[]> = {};
  for (let window = 0; window < WINDOWS; window++) {
    sums[`holdfast_latency{window:${window}}`] = [SUM_UP.latency];
    sums[`holdfast_acknowledged{window:${window}}`] = [SUM_UP.count];
    sums[`holdfast_refused{window:${window}}`] = [SUM_UP.count];
  }
  for (const op of ops) {
    for (const code of ['OK', ...codes]) sums[latencyOf(op, code)] = [SUM_UP.latency];
  }
  for (const code of ERROR_CODES) {
    sums[`holdfast_refused{code:${code}}`] = [SUM_UP.count];
    sums[`holdfast_retries{code:${code}}`] = [SUM_UP.count];
  }
  return sums;
}

/** The name under which k6 sums up the latency of one op with one code. */
export function latencyOf(op: string, code: string): string {
  return `holdfast_latency{op:${op},code:${code}}`;
}
