// What is measured besides what k6 measures by itself. Latency counts from when a request was due, so that a stall of the grid,
// or of k6, shows in every request that it delayed (coordinated omission).
import { Counter, Rate, Trend } from 'k6/metrics';

/** ms from when the request was due to its reply; tags op, code (OK or the refusal's), window. */
export const latency = new Trend('holdfast_latency', true);
/** ms from when the request was due to when k6 sent it: k6 itself is the limit where this grows. */
export const lateness = new Trend('holdfast_lateness', true);
export const acknowledged = new Counter('holdfast_acknowledged');
/** Tag code. */
export const refused = new Counter('holdfast_refused');
/** Pushes of availability. */
export const pushes = new Counter('holdfast_pushes');
/** Requests with an answer that the scenario does not expect, or none at all. */
export const unexpected = new Rate('holdfast_unexpected');

/** A report shows a run in so many windows at most. */
export const WINDOWS = 30;

/** Thresholds that nothing fails: k6 sums up by tag only what a threshold asks for, and the report needs these. */
export function windowThresholds(): Record<string, string[]> {
  const thresholds: Record<string, string[]> = {};
  for (let window = 0; window < WINDOWS; window++) {
    thresholds[`holdfast_latency{window:${window}}`] = ['max>=0'];
    thresholds[`holdfast_acknowledged{window:${window}}`] = ['count>=0'];
    thresholds[`holdfast_refused{window:${window}}`] = ['count>=0'];
  }
  for (const op of ['get', 'reserve', 'commit', 'release', 'extend', 'ship']) {
    thresholds[`holdfast_latency{op:${op}}`] = ['max>=0'];
  }
  return thresholds;
}
