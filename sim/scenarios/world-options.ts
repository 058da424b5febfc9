// What a world is made of, and what it tells of those in it.
import type { ShellLimits } from '../../node/shell/limits.ts';
import type { AvailabilityPush } from '../../protocol/index.ts';
import type { FailOvers, FaultMix } from '../faults.ts';
import type { SimProcess } from '../kernel/process.ts';
import type { Random } from '../kernel/random.ts';
import type { Subject, SubjectFactory } from '../subject.ts';

export interface WorldOptions {
  readonly random: Random;
  readonly workers: number;
  readonly mix: FaultMix;
  readonly limits: Partial<ShellLimits>;
  readonly storeTimeoutMs: number;
  readonly factory: SubjectFactory;
  readonly keepTrace: boolean;
  /** SKUs that each worker's listener watches. */
  readonly watched: readonly string[];
  /** Default: 8. */
  readonly partitions?: number;
  /** When each worker starts for the first time, ms; default: all at once. */
  readonly startsAt?: readonly number[];
  readonly drains?: readonly PlannedDrain[];
  readonly failOvers?: FailOvers;
  /** The region of each worker; without it all are of one, and there is no mesh between regions. */
  readonly regionOf?: readonly string[];
  /** What the distance between two regions adds to each delay of a message, ms. */
  readonly farMs?: number;
  readonly pushed: (listener: string, push: AvailabilityPush) => void;
}

/** A worker is asked to move everything away; then, or when that takes too long, it stops and comes back later. */
export interface PlannedDrain {
  readonly at: number;
  readonly worker: number;
  readonly graceMs: number;
  readonly downMs: number;
}

/** How an answer came about. */
export interface Told {
  /** The incarnation of the worker. */
  readonly by: string;
  /** When the worker gave it, ms, and in which turn of the simulation: several may be of one moment. */
  readonly at: number;
  readonly turn: number;
  /** Before anything else could happen. */
  readonly isAtOnce: boolean;
  /** The worker could have asked the region that the request is about. */
  readonly isReached: boolean;
}

export interface Serving {
  readonly process: SimProcess;
  readonly subject: Subject;
  readonly region: string;
}
