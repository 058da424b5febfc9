// What a worker of a region is given.

import type { PoolOptions } from '../../cluster/escrow/index.ts';
import type { Mesh } from '../../cluster/mesh/port.ts';
import type { OrderCore } from '../../protocol/index.ts';
import type { JournalStore } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ShellLimits } from '../shell/limits.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { AskOrder } from '../shell/tentatives.ts';
import type { PoolLink } from './pool-link.ts';

export interface RegionWorkerOptions {
  /** Names the worker in its region, the same over restarts. */
  readonly id: string;
  readonly region: string;
  /** Fixed when the region is created. */
  readonly partitions: number;
  readonly store: JournalStore;
  readonly mesh: Mesh;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits?: Partial<ShellLimits>;
  /** What hello says of the software. */
  readonly server: string;
  readonly host: string;
  /** Where clients reach this worker and no other; known once it listens. */
  readonly url: () => string;
  /** Unique to this process incarnation. */
  readonly ownerId: string;
  /** Draws a random name. */
  readonly draw: () => string;
  readonly log: (line: string) => void;
  /** Where workers of other regions reach it. */
  readonly regionsMesh?: string;
  /** To other regions that sell the same pools; without it pooled stock stays where it is. */
  readonly poolLink?: PoolLink;
  /** How rights of pooled stock are spread. */
  readonly poolOptions?: PoolOptions;
  /** What an order is. Default: no orders are served. */
  readonly orderCore?: OrderCore<unknown>;
  /** See InventoryGridOptions.askOrder. */
  readonly askOrder?: AskOrder;
  /** See ExecutorDeps.changed. */
  readonly changed?: (sku: string) => void;
}
