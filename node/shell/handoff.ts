// Moving partitions out of a lane and into it. The order that makes it safe:
//   out: copy the actors → sealed, durable → hand over → (opened there, durable) → left
//   in:  keep the copied actors, journaled → opened, journaled after them → durable → answer
// Between sealed and opened nobody serves the partition; either side may die anywhere, and whoever holds its lane
// next goes on from what the journal says (cluster/handoff/SPEC.md).
import type { SnapshotSlot } from '../journal/port.ts';
import type { Arrivals } from './arrivals.ts';
import type { Committer } from './committer.ts';
import type { HandoffAnswer, HandoffRow, HandoverMessage, RowsMessage } from './handoff-messages.ts';
import type { LanePartitions } from './lane-partitions.ts';
import { encodeLaneRecord, type LaneRecord } from './lane-records.ts';
import { nextTurn, pause, type Runtime } from './runtime.ts';

/** Rows of one message: well below what the mesh takes in one frame. */
const MESSAGE_BYTES_MAX = 262_144;
/** Packing so many bytes takes a fraction of a millisecond; then it is the next turn's. */
const TURN_BYTES_MAX = 32_768;
/** Changed actors that are left for the pause: their rows are packed, sent and journaled within a millisecond or two. */
const CHANGED_IN_PAUSE = 32;
/** Rounds of copying what changed meanwhile; a partition that changes faster is sealed all the same. */
const COPY_ROUNDS_MAX = 5;
/** Between attempts to hand over a partition that is sealed already, ms: from, to. */
const RETRY_MS = [10, 500] as const;
/** A copy of which nothing more has come for so long is given up, ms. */
const STAGING_IDLE_MS = 15_000;

/** The lane that a partition goes to, wherever it is held at the moment. A failure means: perhaps later. */
export interface HandoffPeer {
  rows(message: RowsMessage): Promise<HandoffAnswer>;
  handover(message: HandoverMessage): Promise<HandoffAnswer>;
}

export interface HandoffDeps extends Arrivals {
  /** See Snapshotter. */
  readonly passivated: (slot: SnapshotSlot, sku: string) => Promise<Uint8Array | undefined>;
  readonly partitions: LanePartitions;
  readonly committer: Committer;
  readonly runtime: Runtime;
  /** Whether there is memory for more actors. */
  readonly hasRoom: () => boolean;
  /** A random name for an attempt. */
  readonly draw: () => string;
  readonly log: (line: string) => void;
}

/** What the mover tells while a partition moves out. */
export interface MoveProgress {
  /** Nobody serves the partition from now on. */
  sealed(): void;
  /** It is served there, under this epoch. */
  opened(epoch: number): void;
}

export class Handoff {
  readonly #deps: HandoffDeps;
  /** When the last rows of a partition came, monotonic ms. */
  readonly #staging = new Map<number, number>();
  #stopped = false;

  constructor(deps: HandoffDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#stopped = true;
    this.#deps.partitions.unstageAll();
  }

  /**
   * Moves an open or sealed partition to another lane; resolves when it is served there, or, as long as it is not
   * sealed, when the other side cannot take it now: then it is still open here.
   * @throws Fenced, JournalLost when this lane is lost meanwhile
   */
  async moveOut(partition: number, toLane: string, peer: HandoffPeer, progress: MoveProgress): Promise<boolean> {
    const { directory, partitions } = this.#deps;
    let moveId = this.#deps.draw();
    let changed: readonly string[] = [];
    if (partitions.table.isOpen(partition)) {
      directory.changes.beginCopying(partition);
      try {
        const last = await this.#copy({ partition, toLane, moveId, isSealed: false }, peer);
        // An actor that stopped is rebuilt from this journal, so it cannot leave it.
        if (last === undefined || this.#stopped || directory.hasDropped(partition)) return false;
        // In the same turn as the seal: nothing may change between the two.
        changed = [...new Set([...last, ...directory.changes.whileCopying(partition)])];
        this.#record({ type: 'sealed', partition, epoch: partitions.epochOf(partition), toLane });
        progress.sealed();
      } finally {
        directory.changes.copied(partition);
      }
    }
    // Also for a seal that was found here: an earlier call may have ended while its record was on the way.
    await this.#durable();
    const { epoch } = partitions.table.row(partition);
    for (let waitMs: number = RETRY_MS[0]; !this.#stopped; ) {
      const skus = directory.keysOf(partition);
      const rows = await this.#rowsOf(changed);
      const answer = await peer
        .handover({ partition, toLane, moveId, isSealed: true, rows, epoch, actors: skus.length })
        .catch(unreachable);
      if (answer.status === 'ok') {
        this.#left(partition);
        progress.opened(answer.epoch);
        return true;
      }
      if (answer.status === 'incomplete') {
        moveId = this.#deps.draw();
        changed = [];
        await this.#send({ partition, toLane, moveId, isSealed: true }, skus, peer);
      } else {
        await pause(this.#deps.runtime, waitMs);
        waitMs = Math.min(waitMs * 2, RETRY_MS[1]);
      }
    }
    return false;
  }

  /** Copies all actors, then what changed meanwhile, until little is left: that is returned. Undefined: not taken. */
  async #copy(move: Move, peer: HandoffPeer): Promise<readonly string[] | undefined> {
    const { directory } = this.#deps;
    let skus: readonly string[] = directory.keysOf(move.partition);
    for (let round = 0; ; round++) {
      if (!(await this.#send(move, skus, peer))) return undefined;
      skus = [...directory.changes.whileCopying(move.partition)];
      if (skus.length <= CHANGED_IN_PAUSE || round === COPY_ROUNDS_MAX) return skus;
    }
  }

  async #send(move: Move, skus: readonly string[], peer: HandoffPeer): Promise<boolean> {
    for (let at = 0; at < skus.length && !this.#stopped; ) {
      const rows: HandoffRow[] = [];
      for (let bytes = 0; at < skus.length && bytes < MESSAGE_BYTES_MAX; at++) {
        const before = Math.floor(bytes / TURN_BYTES_MAX);
        for (const row of await this.#rowsOf([skus[at] as string])) {
          rows.push(row);
          bytes += row.bytes.length + row.sku.length;
        }
        if (Math.floor(bytes / TURN_BYTES_MAX) > before) await nextTurn(this.#deps.runtime);
      }
      const answer = await peer.rows({ ...move, rows }).catch(unreachable);
      if (answer.status !== 'ok') return false;
    }
    return !this.#stopped;
  }

  async #rowsOf(skus: readonly string[]): Promise<HandoffRow[]> {
    const { directory, passivated } = this.#deps;
    const rows: HandoffRow[] = [];
    for (const sku of skus) {
      const row = directory.row(sku);
      if (row !== undefined) {
        rows.push({ sku, bytes: row.bytes });
        continue;
      }
      const slot = directory.passivatedIn(sku);
      const bytes = slot && (await passivated(slot, sku));
      // Loaded while the store was asked: then memory has it.
      const found = bytes ?? directory.row(sku)?.bytes;
      if (found === undefined) throw new Error(`${sku} is in no snapshot and not in memory`);
      rows.push({ sku, bytes: found });
    }
    return rows;
  }

  /** Resolves once all that was decided on partitions is durable. @throws Fenced, JournalLost when it never will be */
  #durable(): Promise<void> {
    const { partitions, committer } = this.#deps;
    return committer.reached(partitions.changedAtSeq);
  }

  #left(partition: number): void {
    this.#record({ type: 'left', partition });
    for (const key of this.#deps.directory.keysOf(partition)) this.#deps.board.forget(key);
    this.#deps.directory.dropPartition(partition);
  }

  /** Lets go at once of a partition that has been opened elsewhere already. */
  concede(partition: number, toLane: string): void {
    this.#record({ type: 'sealed', partition, epoch: this.#deps.partitions.epochOf(partition), toLane });
    this.#left(partition);
  }

  /** Journals the record and applies it; returns its seq. */
  #record(record: LaneRecord): number {
    const { committer, partitions } = this.#deps;
    encodeLaneRecord(committer.writer, record);
    const seq = committer.recorded();
    if (record.type !== 'staged') partitions.apply(record, seq);
    return seq;
  }

  /** Takes in a copy of actors. They count once `open` is called with the same attempt. */
  stage(message: RowsMessage): HandoffAnswer {
    const { partitions, runtime } = this.#deps;
    const refusal = this.#mayNotTake(message.partition);
    if (refusal !== undefined) return refusal;
    this.#staging.set(message.partition, runtime.monotonic());
    for (const { sku, bytes } of message.rows) {
      partitions.stage(message.partition, message.moveId, sku, bytes);
      this.#record({ type: 'staged', partition: message.partition, moveId: message.moveId, sku, bytes });
    }
    return { status: 'ok', epoch: 0 };
  }

  #mayNotTake(partition: number): HandoffAnswer | undefined {
    const { partitions, hasRoom } = this.#deps;
    const { status } = partitions.table.row(partition);
    if (status !== 'elsewhere') return refused(`partition ${partition} is ${status} in this lane`);
    if (this.#stopped) return refused('the lane is being given back');
    return hasRoom() ? undefined : refused('the worker has no memory left for more actors');
  }

  /**
   * Opens a partition that was sealed elsewhere; the answer says so once that is durable. The same seal may come any
   * number of times.
   * @throws Fenced, JournalLost
   */
  async open(message: HandoverMessage): Promise<HandoffAnswer> {
    const { partitions } = this.#deps;
    const { partition, moveId } = message;
    if (!partitions.table.hasOpened(partition, message.epoch)) {
      const staged = this.stage(message);
      if (staged.status !== 'ok') return staged;
      this.#staging.delete(partition);
      if (partitions.staged(partition, moveId) !== message.actors) {
        partitions.unstage(partition);
        return { status: 'incomplete' };
      }
      const epoch = Math.max(partitions.epochOf(partition), message.epoch + 1);
      const event = { type: 'opened', partition, epoch, moveId, actors: message.actors } as const;
      this.#record(event);
      partitions.admit(event, this.#deps);
    }
    await this.#durable();
    return { status: 'ok', epoch: partitions.epochOf(partition) };
  }

  /** Gives up copies that nobody goes on with: while there is one no snapshot is made. */
  tick(): void {
    const now = this.#deps.runtime.monotonic();
    for (const [partition, at] of this.#staging) {
      if (now - at < STAGING_IDLE_MS) continue;
      this.#staging.delete(partition);
      this.#deps.partitions.unstage(partition);
    }
  }
}

type Move = Omit<RowsMessage, 'rows'>;

function refused(reason: string): HandoffAnswer {
  return { status: 'refused', reason };
}

function unreachable(error: unknown): HandoffAnswer {
  return refused(error instanceof Error ? error.message : String(error));
}
