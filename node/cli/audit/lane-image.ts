// One lane as a journal replay makes it: its actors, its table of partitions, and the actors on their way in. What a
// recovery would refuse to start from is reported here instead, and the replay goes on.
import { createHash } from 'node:crypto';
import { type OpenedEvent, PartitionTable, type TableEvent } from '../../../cluster/handoff/table.ts';
import { FIRST_LANE, type LaneReader, type SnapshotManifest } from '../../journal/port.ts';
import { kindOf } from '../../shell/kind-table.ts';
import type { LaneRecord, StagedRecord } from '../../shell/lane-records.ts';
import { messageOf } from '../exit.ts';
import { Commands } from './commands.ts';
import { ActorImage } from './image.ts';
import { KINDS } from './kinds.ts';
import type { DifferenceSink } from './report.ts';

/** The actors of a partition at the moment it was sealed or opened, by SKU; a digest stands for the actor's bytes. */
export type Cargo = ReadonlyMap<string, { readonly seq: number; readonly digest: string }>;

export interface Sealing {
  readonly partition: number;
  readonly epoch: number;
  readonly toLane: string;
  readonly cargo: Cargo;
}

export interface Opening {
  readonly partition: number;
  readonly epoch: number;
  /** The greatest epoch of the partition that the lane had heard of before. */
  readonly epochBefore: number;
  readonly cargo: Cargo;
}

interface Staging {
  readonly moveId: string;
  readonly actors: Map<string, { readonly seq: number; readonly bytes: Uint8Array }>;
}

export interface LaneIdentity {
  readonly lane: string;
  readonly partitions: number;
}

export class LaneImage {
  readonly actors: ActorImage;
  readonly table: PartitionTable;
  readonly commands = new Commands();
  readonly #staging = new Map<number, Staging>();

  private constructor(actors: ActorImage, table: PartitionTable) {
    this.actors = actors;
    this.table = table;
  }

  /** The rows and the table of a snapshot; undefined: the lane before its first record. */
  static async load(
    reader: LaneReader,
    { lane, partitions }: LaneIdentity,
    manifest: SnapshotManifest | undefined,
    differences: DifferenceSink,
  ): Promise<LaneImage> {
    const table = new PartitionTable(partitions, lane === FIRST_LANE);
    try {
      table.load(manifest?.partitions);
    } catch (error) {
      differences.add({
        check: 'hand-off (I9)',
        sku: undefined,
        seq: manifest?.coveredSeq ?? 0,
        expected: `a table of partitions in snapshot ${manifest?.slot}`,
        found: messageOf(error),
      });
    }
    // What left before the snapshot may still have rows, until both snapshots are past it.
    const isHere = (partition: number): boolean => table.row(partition).status !== 'elsewhere';
    return new LaneImage(await ActorImage.load(reader, partitions, manifest, isHere), table);
  }

  get coveredSeq(): number {
    return this.actors.coveredSeq;
  }

  /** Applies a record under its journal seq. */
  apply(record: LaneRecord, seq: number, differences: DifferenceSink): void {
    if (record.type === 'staged') {
      this.#stage(record, seq, differences);
      return;
    }
    if (!this.#applyToTable(record, seq, differences)) return;
    if (record.type === 'opened') this.#admit(record);
    else if (record.type === 'left') this.actors.drop(record.partition);
  }

  /** Keeps an actor until its partition is opened by the same move; of two rows of an actor the later counts. */
  #stage({ partition, moveId, sku, bytes }: StagedRecord, journalSeq: number, differences: DifferenceSink): void {
    let staging = this.#staging.get(partition);
    if (staging?.moveId !== moveId) {
      staging = { moveId, actors: new Map() };
      this.#staging.set(partition, staging);
    }
    try {
      const { seq } = kindOf(KINDS, sku).summarise(bytes);
      const before = staging.actors.get(sku);
      if (before === undefined || before.seq <= seq) staging.actors.set(sku, { seq, bytes: Uint8Array.from(bytes) });
    } catch (error) {
      differences.add({
        check: 'hand-off (I9)',
        sku,
        seq: journalSeq,
        expected: `a whole row of the actor, staged for partition ${partition} by move ${moveId}`,
        found: messageOf(error),
      });
    }
  }

  #applyToTable(event: TableEvent, seq: number, differences: DifferenceSink): boolean {
    const refuse = (expected: string, found: string): false => {
      differences.add({ check: 'hand-off (I9)', sku: undefined, seq, expected, found });
      return false;
    };
    const expected = `${event.type} of partition ${event.partition} only where its hand-off has come to that`;
    try {
      const { status, epoch } = this.table.row(event.partition);
      // A lane takes in only what it does not have.
      if (event.type === 'opened' && status !== 'elsewhere') {
        return refuse(expected, `opened in epoch ${event.epoch} when it is ${status} in epoch ${epoch} already`);
      }
      this.table.apply(event, seq);
      return true;
    } catch (error) {
      return refuse(expected, messageOf(error));
    }
  }

  #admit({ partition, moveId }: OpenedEvent): void {
    const staging = this.#staging.get(partition);
    this.#staging.delete(partition);
    if (staging?.moveId !== moveId) return;
    for (const [sku, { bytes }] of staging.actors) this.actors.admit(sku, bytes);
  }

  /** The actors of a partition as they are now; `asOf` as for ActorImage.bytes. */
  cargo(partition: number, asOf: number): Cargo {
    const cargo = new Map<string, { seq: number; digest: string }>();
    for (const sku of this.actors.skusOf(partition)) {
      try {
        const bytes = this.actors.bytes(sku, asOf) ?? new Uint8Array();
        const digest = createHash('sha256').update(bytes).digest('base64');
        cargo.set(sku, { seq: this.actors.state(sku)?.seq ?? 0, digest });
      } catch {
        // A damaged row is reported by the check of its lane.
      }
    }
    return cargo;
  }
}
