// What goes wrong in a run. Each seed draws its own mix: which kinds of fault occur at all, how often, and how badly;
// so that some seeds are one storm of crashes and others mix everything. The plan is drawn before the run begins.
import type { Random } from './kernel/random.ts';

export type FaultKind =
  | 'crash'
  | 'crash at call'
  | 'pause'
  | 'pause at call'
  | 'restart'
  | 'store down'
  | 'store read-only'
  | 'store slow'
  | 'cut'
  | 'network slow'
  | 'clock jump'
  | 'memory full';

/** One fault at a time of its own. `worker` says whom it strikes; faults of the store and the network strike all. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly at: number;
  /** How long it lasts, ms; a crashed process stays down so long. */
  readonly forMs: number;
  readonly worker: number;
  /** Strikes whoever serves at the time, if anybody does, instead of `worker`. */
  readonly atServing: boolean;
  /** The other end of a cut, or the size of a jump, ms, or a factor. */
  readonly size: number;
  /** Of a fault at a call: strikes when the next call that begins so has landed, before its answer is heard. */
  readonly call: string;
}

export interface FaultMix {
  /** Shares of the calls to the store. */
  readonly lost: number;
  readonly unanswered: number;
  readonly late: number;
  /** Shares of the messages between clients and workers. */
  readonly messagesLost: number;
  readonly notifiesDoubled: number;
  /** How far each worker's wall clock is ahead, ms. */
  readonly aheadMs: readonly number[];
  readonly planned: readonly PlannedFault[];
}

/** How long a fault of each kind lasts, ms: least and most. */
const LASTS_MS: Record<FaultKind, readonly [number, number]> = {
  crash: [20, 3_000],
  'crash at call': [20, 3_000],
  pause: [50, 8_000],
  'pause at call': [50, 8_000],
  restart: [20, 1_000],
  'store down': [20, 4_000],
  'store read-only': [20, 3_000],
  'store slow': [100, 3_000],
  cut: [50, 5_000],
  'network slow': [100, 3_000],
  'clock jump': [0, 0],
  'memory full': [50, 1_000],
};

/**
 * How far a wall clock jumps at most, ms. All of a run together stay below twice the idempotency window: beyond it a
 * requestId is forgotten, as it may be.
 */
const JUMPS_MS = [10, 1_000, 60_000] as const;

/** Calls to the store between whose landing and answer a process is struck. */
const CALLS = [
  'acquire',
  'append',
  'batches',
  'putRows',
  'publish',
  'renew',
  'row',
  'rows',
  'snapshots',
  'trim',
] as const;

const KINDS = Object.keys(LASTS_MS) as readonly FaultKind[];

/** Draws what goes wrong among `workers` within `forMs`. */
export function drawFaults(random: Random, workers: number, forMs: number): FaultMix {
  const share = (most: number): number => (random.chance(0.5) ? random.unit() ** 2 * most : 0);
  const chosen = KINDS.filter(() => random.chance(0.5));
  const kinds = chosen.length === 0 ? [random.pick(KINDS)] : chosen;
  const count = random.int(10, 24);
  const planned: PlannedFault[] = [];
  for (let i = 0; i < count; i++) {
    const kind = random.pick(kinds);
    const [least, most] = LASTS_MS[kind];
    planned.push({
      kind,
      at: random.between(0, forMs),
      forMs: least + random.unit() ** 2 * (most - least),
      worker: random.int(0, workers - 1),
      atServing: random.chance(0.7),
      size: sizeOf(kind, random, workers),
      call: random.pick(CALLS),
    });
  }
  planned.sort((left, right) => left.at - right.at);
  const skewMs = random.chance(0.5) ? random.pick([50, 2_000, 120_000]) : 0;
  return {
    lost: share(0.04),
    unanswered: share(0.05),
    late: share(0.04),
    messagesLost: share(0.1),
    notifiesDoubled: share(0.2),
    aheadMs: Array.from({ length: workers }, () => Math.floor(random.between(-skewMs, skewMs))),
    planned,
  };
}

function sizeOf(kind: FaultKind, random: Random, workers: number): number {
  switch (kind) {
    case 'cut':
      return random.int(0, workers);
    case 'clock jump':
      return Math.floor(random.between(-1, 1) * random.pick(JUMPS_MS));
    default:
      return random.between(5, 100);
  }
}

/** One line for a person. */
export function describeFaults(mix: FaultMix): string {
  const counts = new Map<string, number>();
  for (const { kind } of mix.planned) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].map(([kind, count]) => `${kind} ×${count}`);
  const shares: [string, number][] = [
    ['calls lost', mix.lost],
    ['unanswered', mix.unanswered],
    ['late', mix.late],
    ['messages lost', mix.messagesLost],
  ];
  for (const [name, value] of shares) if (value > 0) parts.push(`${name} ${(value * 100).toFixed(1)} %`);
  if (mix.aheadMs.some((ms) => ms !== 0)) parts.push(`clocks ${mix.aheadMs.join('/')} ms ahead`);
  return parts.join(', ');
}

/** A replica that has fallen behind takes the store's place. */
export interface PlannedFailOver {
  /** When it begins to lag, ms. */
  readonly at: number;
  readonly lagMs: number;
  /** How long nobody is the master, ms. */
  readonly downMs: number;
}

export interface FailOvers {
  /**
   * Appends are acknowledged once the replica has them: then nothing acknowledged is ever lost, whatever else strikes. Without it
   * that is promised only while the owners live, so nothing else strikes meanwhile.
   */
  readonly isReplicated: boolean;
  readonly planned: readonly PlannedFailOver[];
}

/** Draws when the store fails over. @param sessionTtlMs an owner's session outlives a fail-over without `isReplicated` */
export function drawFailOvers(random: Random, forMs: number, sessionTtlMs: number): FailOvers {
  const isReplicated = random.chance(0.6);
  const [lagMax, downMax] = isReplicated ? [4_000, 3_000] : [0.3 * sessionTtlMs, 0.2 * sessionTtlMs];
  const planned = Array.from({ length: random.int(1, 4) }, () => ({
    at: random.between(0, forMs),
    lagMs: random.unit() ** 2 * lagMax,
    downMs: random.unit() ** 2 * downMax,
  }));
  return { isReplicated, planned: planned.sort((left, right) => left.at - right.at) };
}

/** One line for a person. */
export function describeFailOvers({ isReplicated, planned }: FailOvers): string {
  const lags = planned.map(({ lagMs }) => lagMs.toFixed(0));
  return `${isReplicated ? 'replicated' : 'fsync'}, fail-overs that lack ${lags.join(', ')} ms`;
}
