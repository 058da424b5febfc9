// What a load is and what it comes to: the specification the generator process gets and the result it prints.

/** One load on one server, of one generator process. */
export interface LoadSpec {
  readonly port: number;
  readonly region: string;
  /** SKUs drawn from; 1 is the hot SKU. */
  readonly skus: number;
  /** How unevenly: the n-th SKU is drawn in proportion to n^−zipf; 0 is uniform. */
  readonly zipf: number;
  /** Reserves in one frame: 1 is a frame for each, more are a `batch`. */
  readonly batch: number;
  readonly connections: number;
  /** Closed loop: frames in flight on each connection. Open loop: the most it may have (a bound, not a target). */
  readonly inFlight: number;
  /** Frames a second over all connections, sent on schedule whatever the server does; undefined is a closed loop. */
  readonly ratePerSecond: number | undefined;
  /** Open loop: the same while it warms up, if that is another. */
  readonly warmUpRatePerSecond: number | undefined;
  /** Open loop: a connection keeps a window as the SDK does, and turns away what does not fit. */
  readonly heeds: boolean;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

export interface LoadResult {
  /** Reserves acknowledged within the window, a second. */
  readonly perSecond: number;
  /** Reserves the open loop was asked for and sent, a second; equal to perSecond in a closed loop. */
  readonly offeredPerSecond: number;
  readonly windowMs: number;
  /** Reserves acknowledged from the first request to the last drained one: what the stock must have fallen by. */
  readonly acknowledged: number;
  /** Replies with ok:false, by code, over the whole run. A run with any of them measured something else. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Reserves due within the window that connections turned away, their own window being full. */
  readonly turnedAway: number;
  /** The first few refusals as they came. */
  readonly examples: readonly string[];
  /** Requests without an answer when draining gave up. */
  readonly unanswered: number;
  /** For each frame, µs from the intended send time (open loop) or the send (closed loop) to the reply's arrival. */
  readonly latencyUs: Percentiles;
  /** Open loop: µs from the actual send, and how late the sends were; what CO correction adds is the difference. */
  readonly serviceUs: Percentiles | undefined;
  readonly latenessUs: Percentiles | undefined;
  /** All latencies, for putting those of several generators together: an HDR histogram in its compressed form, base64. */
  readonly histogram: string;
}

/** Lines the generator prints, one JSON value each. The window's edges let the harness sample CPU at them. */
export type GeneratorLine =
  | { readonly event: 'window-start' }
  | { readonly event: 'window-end' }
  | { readonly event: 'result'; readonly result: LoadResult }
  | { readonly event: 'error'; readonly message: string };

/** The SKU of an index; of fixed width, so that a frame is a template with digits patched in. */
export function skuName(index: number): string {
  return `sku-${String(index).padStart(SKU_DIGITS, '0')}`;
}
export const SKU_DIGITS = 8;

/** The ship node that holds the stock of all load tests. */
export const LOAD_NODE = 'dc-1';
