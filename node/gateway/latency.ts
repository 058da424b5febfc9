// Request latencies by op and outcome, with every label child looked up once. Between decode and encode nothing else
// is measured.
import type { Op, Outcome } from '../../protocol/index.ts';
import type { Observer } from '../metrics/histogram.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** `invalid` counts what could not be read as any op. */
export type OpLabel = Op | 'invalid';

/** The latencies of one op. */
export class OpLatency {
  readonly #metrics: Metrics;
  readonly #op: OpLabel;
  #ok: Observer | undefined;
  readonly #failed = new Map<string, Observer>();

  constructor(metrics: Metrics, op: OpLabel) {
    this.#metrics = metrics;
    this.#op = op;
  }

  observe(outcome: Outcome, startedAtMs: number, nowMs: number): void {
    const seconds = (nowMs - startedAtMs) / 1000;
    if (outcome.ok) {
      this.#ok ??= this.#child('OK');
      this.#ok.observe(seconds);
      return;
    }
    let observer = this.#failed.get(outcome.code);
    if (observer === undefined) {
      observer = this.#child(outcome.code);
      this.#failed.set(outcome.code, observer);
    }
    observer.observe(seconds);
  }

  #child(code: string): Observer {
    return this.#metrics.requestDuration.labels({ op: this.#op, code });
  }
}

export type Latencies = Readonly<Record<OpLabel, OpLatency>>;

export function createLatencies(metrics: Metrics): Latencies {
  const of = (op: OpLabel): OpLatency => new OpLatency(metrics, op);
  return {
    reserve: of('reserve'),
    extend: of('extend'),
    commit: of('commit'),
    release: of('release'),
    ship: of('ship'),
    adjust: of('adjust'),
    configure: of('configure'),
    pool: of('pool'),
    transfer: of('transfer'),
    get: of('get'),
    getReservation: of('getReservation'),
    query: of('query'),
    list: of('list'),
    captureOrder: of('captureOrder'),
    advanceOrder: of('advanceOrder'),
    getOrder: of('getOrder'),
    takeTasks: of('takeTasks'),
    reserveOrder: of('reserveOrder'),
    commitOrder: of('commitOrder'),
    releaseOrder: of('releaseOrder'),
    subscribe: of('subscribe'),
    unsubscribe: of('unsubscribe'),
    batch: of('batch'),
    hello: of('hello'),
    map: of('map'),
    invalid: of('invalid'),
  };
}
