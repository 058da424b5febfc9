// What the orders of a lane need around them.
import type { Failure } from '../../../protocol/index.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { ActorLoader } from '../actor-loader.ts';
import type { Committer } from '../committer.ts';
import type { ActorDirectory, OrderActor } from '../directory.ts';
import type { LanePartitions } from '../lane-partitions.ts';
import type { ShellLimits } from '../limits.ts';
import type { Runtime } from '../runtime.ts';
import type { TaskBoard } from './task-board.ts';

export interface OrdersDeps {
  readonly region: string;
  readonly loader: ActorLoader;
  readonly committer: Committer;
  readonly directory: ActorDirectory;
  readonly partitions: LanePartitions;
  readonly board: TaskBoard;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits: ShellLimits;
  readonly log: (line: string) => void;
  /** Called after outcomes were handed out in a turn of its own. */
  readonly released: () => void;
  /** Why nothing may be decided now. */
  readonly refusal: () => Failure | undefined;
}

/** Receives the order; undefined when there is none; a refusal when it cannot be had. */
export type WithOrder = (actor: OrderActor | undefined | Failure) => void;
