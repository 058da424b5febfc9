// The scenarios and their options: what the command line offers and what the scenarios read. Node and k6 both load this file, so it
// imports nothing.

/** What an option means. Times are written with their unit (250ms, 30s, 5m, 2h) and kept in ms; the others are whole numbers. */
export const OPTIONS = {
  durationMs: { flag: 'duration', value: 'time', about: 'over which requests are due' },
  rate: { flag: 'rate', value: 'count', about: 'requests due a second, of all connections together' },
  peak: { flag: 'peak', value: 'count', about: 'requests due a second at the end' },
  factor: { flag: 'factor', value: 'count', about: 'the rate of the middle third, as a multiple of the other thirds' },
  connections: { flag: 'connections', value: 'count', about: 'of buyers; each is a virtual user of k6' },
  watchers: { flag: 'watchers', value: 'count', about: 'connections that ask for more than they read' },
  stallMs: { flag: 'stall', value: 'time', about: 'how long a watcher stands still at each message' },
  skus: { flag: 'skus', value: 'count', about: 'drawn from with equal chances' },
  units: { flag: 'units', value: 'count', about: 'in stock' },
  buyers: { flag: 'buyers', value: 'count', about: 'each wants one unit; they come evenly over the duration' },
  p99Ms: { flag: 'p99', value: 'time', about: 'the run fails where the 99th percentile of latency is not below' },
} as const satisfies Record<string, { flag: string; value: 'time' | 'count'; about: string }>;

export type OptionName = keyof typeof OPTIONS;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Of each scenario: what it is for, and the options it has, with what they are when nobody says. */
export const SCENARIOS = {
  smoke: { about: 'every op of a buyer once, one after the other: does it work at all?', usual: {} },
  steady: {
    about: 'reserves at a constant rate',
    usual: { durationMs: 30 * SECOND, rate: 1_000, connections: 10, skus: 100, p99Ms: 100 },
  },
  ramp: {
    about: 'ever more reserves a second, up to the rate at which latency leaves its bound',
    usual: { durationMs: 2 * MINUTE, rate: 500, peak: 20_000, connections: 20, skus: 100, p99Ms: 1_000 },
  },
  spike: {
    about: 'ten times the rate for 30 s, then as before',
    usual: { durationMs: 90 * SECOND, rate: 300, factor: 10, connections: 10, skus: 100, p99Ms: 250 },
  },
  'flash-sale': {
    about: 'one SKU, more buyers than units: exactly the units are sold, and the others are told so',
    usual: { durationMs: 2 * MINUTE, units: 100_000, buyers: 300_000, connections: 20, p99Ms: 250 },
  },
  mixed: {
    about: 'browse, reserve, then commit, release or let it expire',
    usual: { durationMs: 30 * SECOND, rate: 500, connections: 10, skus: 100, p99Ms: 100 },
  },
  soak: {
    about: 'the same for hours, at a rate that is no effort: leaks show here',
    usual: { durationMs: 2 * HOUR, rate: 200, connections: 10, skus: 1_000, p99Ms: 100 },
  },
  'slow-consumers': {
    about: 'watchers ask for more than they read, and buyers must not notice',
    usual: {
      durationMs: 30 * SECOND,
      rate: 500,
      connections: 10,
      watchers: 10,
      stallMs: 500,
      skus: 100,
      p99Ms: 100,
    },
  },
} as const satisfies Record<string, { about: string; usual: Partial<Record<OptionName, number>> }>;

export type ScenarioName = keyof typeof SCENARIOS;

/** The options of a scenario; times in ms. */
export type SettingsOf<S extends ScenarioName> = { readonly [K in keyof (typeof SCENARIOS)[S]['usual']]: number };

/** What the runner tells k6, as JSON in the variable RUN_VARIABLE. */
export interface Run {
  readonly scenario: ScenarioName;
  readonly protocol: 'msgpack' | 'json';
  /** Of the grid: ws://host:port. */
  readonly url: string;
  readonly region: string;
  /** Where the summary and the page go, without the ending of a file's name. */
  readonly report: string;
  /** Part of the names of SKUs and requests, so that runs against one grid do not meet. */
  readonly id: string;
  readonly settings: Readonly<Partial<Record<OptionName, number>>>;
}

export const RUN_VARIABLE = 'HOLDFAST_LOADTEST';
