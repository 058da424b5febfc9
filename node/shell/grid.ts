// The seam between the gateway and the actors: what a gateway may ask of the grid, and when it is answered.
import type {
  AvailabilityPush,
  Durability,
  Failure,
  ItemRequest,
  Outcome,
  PartitionMap,
} from '../../protocol/index.ts';

/** What hello and status tell about the worker. */
export interface GridInfo {
  readonly server: string;
  readonly region: string;
  /** Of the region: the weakest of its members', as any of them may have answered. */
  readonly durability: Durability;
  readonly store: string;
  readonly partitions: number;
  readonly epoch: number;
  /** Drawn with the epoch: together they tell one owner's journal from all others. '' before the lane is owned. */
  readonly nonce: string;
  /** Other regions that this worker passes requests on to; absent where it knows of none. */
  readonly otherRegions?: readonly string[];
}

/** Whether the worker owns its partitions and can commit; `reason` says what it waits for. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
}

/** Figures of the moment, for status and metrics. */
export interface GridFigures {
  readonly actors: { readonly hot: number; readonly packed: number };
  readonly positions: number;
  readonly liveReservations: number;
  readonly orders: number;
  /** Due tasks of orders that nobody has taken, about. */
  readonly tasksWaiting: number;
  /** Those that were taken and are not closed. */
  readonly tasksLent: number;
  /** Requests accepted and not yet answered. */
  readonly mailboxDepth: number;
  readonly journalSeq: number;
  readonly durableSeq: number;
  /** Records a restart would have to replay. */
  readonly tailRecords: number;
  /** Milliseconds since the newest snapshot was published; undefined before the first. */
  readonly snapshotAgeMs: number | undefined;
}

export type Respond = (outcome: Outcome) => void;

export interface Grid {
  info(): GridInfo;
  readiness(): Readiness;
  figures(): GridFigures;
  /**
   * Decides on one request. `respond` is called exactly once, and not before everything the outcome reveals is
   * durable (I6); it may be called before submit returns when nothing has to be waited for.
   */
  submit(request: ItemRequest, respond: Respond): void;
  /** Why work that takes stock is refused at this moment, whatever it is: to be asked before it is read. Undefined: it is not. */
  shedding(): Failure | undefined;
  /** To be told once a turn how many were refused with that. */
  refusedUnread(count: number): void;
  /** Called each time a group of outcomes has been handed to its responders: the moment to write to sockets. */
  onReleased(flush: () => void): void;
  /**
   * Calls `listener` with the latest durable availability of the sku, now and after each change, never backward.
   * Unknown SKUs are watched too: they may come to exist. Returns the way to stop.
   * @param region default: the grid's own; else one of its other regions, whose changes come as they are heard of
   */
  watch(sku: string, listener: (push: AvailabilityPush) => void, region?: string): () => void;
}

/** One worker of the region, as it sees itself. */
export interface WorkerReport {
  readonly id: string;
  /** drained: it holds nothing, is no member any more, and passes requests on until it is stopped. */
  readonly status: 'up' | 'draining' | 'drained';
  readonly host: string;
  readonly pid: number;
  readonly url: string;
  readonly version: string;
  /** What it acknowledges at itself; earlier software does not say. */
  readonly durability?: Durability;
  readonly readiness: Readiness;
  readonly figures: GridFigures;
  readonly lanes: readonly {
    readonly lane: string;
    readonly epoch: number;
    /** Partitions that are served, and those that are on their way out and served nowhere. */
    readonly open: number;
    readonly sealed: number;
  }[];
  /** Partitions that it is moving to another lane. */
  readonly moving: readonly number[];
}

/** The region as one worker sees it. */
export interface RegionReport {
  /** The version of the view of members. */
  readonly view: number;
  readonly workers: readonly WorkerReport[];
  /** Members that did not answer. */
  readonly silent: readonly string[];
  /** Who serves each partition; those that nobody is known to serve are missing. */
  readonly partitions: readonly {
    readonly partition: number;
    readonly epoch: number;
    readonly worker: string;
    readonly lane: string;
  }[];
  /** Other regions, as the worker that was asked knows them. */
  readonly others?: readonly OtherRegion[];
}

/** Another region, seen from a worker of this one. */
export interface OtherRegion {
  readonly region: string;
  /** Its workers, as it told last. */
  readonly workers: readonly { readonly id: string; readonly url: string }[];
  /** Addresses of it that answered the last time. */
  readonly reachable: number;
  /** How old what is shown of it here is at most, ms; before all of it was heard, how long that has taken so far. */
  readonly stalenessMs: number;
}

/** Who serves each partition of the region, as far as this worker has heard. */
export interface Placement {
  map(): PartitionMap;
  /** Calls `listener` once the map has changed, several changes together; returns the way to stop. */
  onChange(listener: () => void): () => void;
}

/** What may be asked of all workers of the region through one of them. */
export interface RegionControl {
  report(): Promise<RegionReport>;
  /** Has the worker move all it holds to others; undefined once that has begun. */
  drain(worker: string): Promise<Failure | undefined>;
  /** The metrics of the other workers of this host, as prom-client's JSON. */
  metricsOfOthers(): Promise<readonly object[]>;
}
