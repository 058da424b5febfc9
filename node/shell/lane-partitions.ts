// The partitions of one lane as its shell sees them: the table that its journal makes, the epoch each is served
// under, and the actors that are on their way in.
import { HandoffViolation, type OpenedEvent, PartitionTable, type TableEvent } from '../../cluster/handoff/table.ts';
import { FIRST_LANE } from '../journal/port.ts';
import { type Arrivals, noteArrival } from './arrivals.ts';
import { partitionOfKey } from './keys.ts';
import { type ActorKinds, kindOf } from './kind-table.ts';
import type { RowSummary } from './kinds.ts';

/** A partition in a lane. */
export interface Holding {
  readonly partition: number;
  readonly epoch: number;
  /** False: sealed, and on its way to `toLane`. */
  readonly isOpen: boolean;
  readonly toLane: string;
}

interface StagedActor {
  readonly bytes: Uint8Array;
  readonly summary: RowSummary;
}

interface Staging {
  readonly moveId: string;
  readonly actors: Map<string, StagedActor>;
}

export class LanePartitions {
  readonly table: PartitionTable;
  /** The journal seq of the last record that changed the table. */
  changedAtSeq = 0;
  /** Partitions that have left so far: their actors are in no later snapshot. */
  departures = 0;
  #laneEpoch = 0;
  /** As `holdings` found them last, and the table's version and the lane's epoch they are of. */
  #holdings: readonly Holding[] = [];
  #holdingsOf = { version: -1, laneEpoch: 0 };
  readonly #staging = new Map<number, Staging>();

  readonly #kinds: ActorKinds;

  constructor(partitions: number, lane: string, kinds: ActorKinds) {
    this.#kinds = kinds;
    this.table = new PartitionTable(partitions, lane === FIRST_LANE);
  }

  /** The epoch of the batch that is replayed, and at last that of the lane itself. */
  set laneEpoch(epoch: number) {
    this.#laneEpoch = epoch;
  }

  /** What is here, open or sealed: first those that are open. Asked for many times between two changes. */
  holdings(): readonly Holding[] {
    const { version } = this.table;
    const laneEpoch = this.#laneEpoch;
    if (this.#holdingsOf.version !== version || this.#holdingsOf.laneEpoch !== laneEpoch) {
      this.#holdings = [...this.table.having('open'), ...this.table.having('sealed')].map((partition) => {
        const { status, toLane } = this.table.row(partition);
        return { partition, epoch: this.epochOf(partition), isOpen: status === 'open', toLane };
      });
      this.#holdingsOf = { version, laneEpoch };
    }
    return this.#holdings;
  }

  epochOf(partition: number): number {
    return this.table.epochOf(partition, this.#laneEpoch);
  }

  readonly epochOfSku = (sku: string): number => this.epochOf(this.partitionOf(sku));

  partitionOf(sku: string): number {
    return partitionOfKey(sku, this.table.partitions);
  }

  isOpenFor(sku: string): boolean {
    return this.table.isOpen(this.partitionOf(sku));
  }

  /** Whether rows of any partition wait to be opened: a snapshot would let the journal forget them. */
  get isStaging(): boolean {
    return this.#staging.size > 0;
  }

  /** How many actors wait for the move. */
  staged(partition: number, moveId: string): number {
    const staging = this.#staging.get(partition);
    return staging?.moveId === moveId ? staging.actors.size : 0;
  }

  /**
   * Keeps an actor until its partition is opened by the same move; of two rows of an actor the later counts.
   * @throws CorruptRecord when the row is damaged
   */
  stage(partition: number, moveId: string, sku: string, bytes: Uint8Array): void {
    let staging = this.#staging.get(partition);
    if (staging?.moveId !== moveId) {
      staging = { moveId, actors: new Map() };
      this.#staging.set(partition, staging);
    }
    const summary = kindOf(this.#kinds, sku).summarise(bytes);
    const before = staging.actors.get(sku);
    if (before !== undefined && before.summary.seq > summary.seq) return;
    staging.actors.set(sku, { bytes: Uint8Array.from(bytes), summary });
  }

  /** Gives up what was staged for a move that will not be finished. */
  unstage(partition: number): void {
    this.#staging.delete(partition);
  }

  /** Gives up all that was staged: nothing more will be opened here. */
  unstageAll(): void {
    this.#staging.clear();
  }

  /**
   * Admits the actors of an opened partition. To be called when its record is written, or read.
   * @throws HandoffViolation when the journal that is read lacks some of them
   */
  admit(event: OpenedEvent, into: Arrivals): void {
    const staging = this.#staging.get(event.partition);
    this.#staging.delete(event.partition);
    const found = staging?.moveId === event.moveId ? staging.actors.size : 0;
    if (event.actors !== undefined && found !== event.actors) {
      const text = `partition ${event.partition} was opened with ${event.actors} actors, and the journal has ${found}`;
      throw new HandoffViolation(`${text}: it is damaged`);
    }
    if (staging?.moveId !== event.moveId) return;
    for (const [sku, { bytes, summary }] of staging.actors) {
      into.directory.admitRow(sku, bytes);
      into.directory.changes.mark(sku, event.partition);
      noteArrival(sku, event.partition, summary, into);
    }
  }

  /** Applies what the journal says, or will say, under `seq`. @throws HandoffViolation */
  apply(event: TableEvent, seq: number): void {
    this.table.apply(event, seq);
    this.changedAtSeq = seq;
    if (event.type === 'left') this.departures += 1;
  }
}
