// Snapshots off the hot path: rounds that write what changed, a few rows a turn, into the slot whose turn it is.
// The row of a large actor is packed over many turns, as the actor was when its packing began.
// A row is written only when every event in it is durable, so a snapshot is never ahead of the journal. The
// journal is trimmed to the older of the two snapshots, never further (I7).
import type { AppendResult, Lane, SnapshotManifest, SnapshotRow, SnapshotSlot } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { dueIn, type SnapshotRound } from './changes.ts';
import type { Committer } from './committer.ts';
import type { ActorDirectory, PackedRow, PackingRow } from './directory.ts';
import type { LanePartitions } from './lane-partitions.ts';
import type { ShellLimits } from './limits.ts';
import { isCorrupt, markChangedBetween, type Recovered } from './recovery.ts';
import { nextTurn, type Runtime } from './runtime.ts';
import { RowWriter, wholeRow } from './snapshot-rows.ts';

/** Rows are handed to the store once they come to so many bytes: beside large ones few are kept waiting. */
const ROWS_BYTES_MAX = 1_048_576;
/** Packing so many bytes takes a fraction of a millisecond; then it is the next turn's. */
const TURN_BYTES_MAX = 32_768;
/**
 * Between its turns a round rests this many times as long as they took. With one in each turn of an event loop that has time left
 * it took half of the processor, and requests queued up: that decided their p99.
 */
const REST_PER_TURN = 3;
/** But no longer than this, ms: a turn may have waited for a store that did not answer. */
const REST_MS_MAX = 20;
/** Of a small actor, to pack it and to have the store take it. */
const ROW_MS_AT_FIRST = 0.01;

export interface SnapshotterDeps {
  readonly lane: Lane;
  readonly directory: ActorDirectory;
  readonly partitions: LanePartitions;
  readonly committer: Committer;
  readonly runtime: Runtime;
  readonly limits: ShellLimits;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  /** What was passivated is not in the store any more: the worker must begin again from what is. */
  readonly fatal: (error: Error) => void;
}

export class Snapshotter {
  readonly #deps: SnapshotterDeps;
  /** Of the lane, when the store was last seen to hold `#manifests`. */
  #generation: number;
  /** Newest first. */
  #manifests: readonly SnapshotManifest[];
  #running: Promise<void> | undefined;
  #startedAt: number;
  /** How long the last round packed rows, or the store took them, ms. */
  #busyMs = 0;
  /** The same for each row, ms: what the next round will take is reckoned from it, the first one too. */
  #rowMs = ROW_MS_AT_FIRST;
  /** When the present turn of the round began, monotonic ms. */
  #turnAt = 0;
  #stopped = false;
  /** Nobody is served any more: it takes all the time there is. */
  #hurries = false;
  /** Ends the pause that the round is in, if it is in one. */
  #endPause = (): void => {};
  readonly #rows: RowWriter;
  /** The table of partitions in the newest snapshot is as of this seq. */
  #tableSeq = 0;
  /** What changed between the snapshots that were recovered from is not yet known to be due. */
  #isBehind: boolean;
  /** The last round failed: the next is not due by the length of the tail, which it has not shortened. */
  #gaveUp = false;

  constructor(
    deps: SnapshotterDeps,
    { manifests, isAllDue }: Pick<Recovered, 'manifests' | 'isAllDue'>,
    generation: number,
  ) {
    this.#deps = deps;
    this.#manifests = manifests;
    this.#isBehind = !isAllDue;
    this.#generation = generation;
    this.#startedAt = deps.runtime.monotonic();
    this.#rows = new RowWriter(deps.lane, deps.limits.snapshotPartBytes);
  }

  /** When the newest snapshot was published, ms since the epoch. */
  get newestAt(): number | undefined {
    return this.#manifests[0]?.at;
  }

  /** Records that a restart would have to replay. */
  get tailRecords(): number {
    return this.#deps.committer.durableSeq - (this.#manifests[0]?.coveredSeq ?? 0);
  }

  /** Starts a round when one is due; called from the shell's tick. */
  tick(): void {
    const { runtime, limits, directory, partitions } = this.#deps;
    if (this.#running !== undefined || this.#stopped || partitions.isStaging) return;
    if (directory.changes.count === 0 && this.#tableSeq === partitions.changedAtSeq) return;
    const { tailRecords } = this;
    const sinceMs = runtime.monotonic() - this.#startedAt;
    const busyMs = Math.max(this.#busyMs, directory.changes.atLeast * this.#rowMs);
    const pauseMs = Math.max(limits.snapshotPauseMs, busyMs / limits.snapshotShareMax);
    const isDueSooner = tailRecords >= limits.snapshotSoonerRecords && sinceMs >= pauseMs;
    const isDue =
      ((tailRecords >= limits.snapshotEveryRecords || isDueSooner) && !this.#gaveUp) ||
      (tailRecords > 0 && sinceMs >= limits.snapshotEveryMs);
    if (isDue) void this.run();
  }

  /** Writes one snapshot; resolves when it is published or given up. One runs at a time. */
  run(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A last snapshot, without rest, since nobody is served any more. */
  async finish(): Promise<void> {
    this.#hurry();
    await this.run();
    await this.stop();
  }

  #hurry(): void {
    this.#hurries = true;
    this.#endPause();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#hurry();
    await this.#running;
  }

  async #round(): Promise<void> {
    const { lane, directory, partitions, committer, runtime, metrics, log } = this.#deps;
    this.#startedAt = runtime.monotonic();
    try {
      await this.lookAgain();
    } catch (error) {
      this.#gaveUp = true;
      log(`no snapshot: ${error instanceof Error ? error.message : String(error)}; the journal keeps its tail`);
      return;
    }
    if (this.#isBehind && !(await this.#catchUp())) return;
    const generation = this.#generation;
    const slot: SnapshotSlot = this.#manifests[0]?.slot === 'a' ? 'b' : 'a';
    try {
      // The table goes into the manifest as it is at coveredSeq, no later.
      while (partitions.changedAtSeq > committer.durableSeq) await committer.reached(partitions.changedAtSeq);
    } catch {
      return;
    }
    // Rows that wait for their partition are in the journal alone: a snapshot past them would lose them. Asked here, as
    // the first of them may have come during the waits above.
    if (partitions.isStaging) return;
    // All events up to here will be in the rows: what changed by now is due, and is written once it is durable.
    const coveredSeq = committer.durableSeq;
    const checksum = committer.durableChecksum;
    const table = partitions.table.encode();
    const tableSeq = partitions.changedAtSeq;
    const { departures } = partitions;
    const round = directory.changes.beginRound();
    this.#busyMs = 0;
    try {
      this.#expectNoneDropped(round);
      await this.#writeRows(slot, round);
      this.#expectNoneDropped(round);
      // The table has it still, and its rows may be missing: the journal's tail could not be replayed over them.
      if (partitions.departures !== departures) throw new PartitionLeft('a partition left meanwhile');
      this.#expectGeneration(generation);
      const { hot, packed, passivated } = directory.counts;
      const actors = hot + packed + passivated;
      const manifest: SnapshotManifest = {
        slot,
        coveredSeq,
        checksum,
        at: runtime.now(),
        actors,
        ...(table === '' ? {} : { partitions: table }),
      };
      ensureOk(await lane.publish(manifest));
      this.#expectGeneration(generation);
      const older = this.#manifests[0];
      this.#manifests = older === undefined ? [manifest] : [manifest, older];
      this.#tableSeq = tableSeq;
      // With one snapshot only, the journal from its beginning is the older one.
      if (older !== undefined) ensureOk(await lane.trim(Math.min(older.coveredSeq, coveredSeq)));
      if (older !== undefined) await this.#forgetRows(older.coveredSeq);
      directory.passivate(round, slot);
      metrics.snapshotDuration.observe((runtime.monotonic() - this.#startedAt) / 1000);
      this.#gaveUp = false;
    } catch (error) {
      // What a partition that leaves has spoilt the next round can do, and soon: the tail grows meanwhile.
      this.#gaveUp = !(error instanceof PartitionLeft);
      directory.changes.abandonRound(round);
      log(
        `snapshot ${slot} given up: ${error instanceof Error ? error.message : String(error)}; the journal keeps its tail`,
      );
    }
  }

  /** Before the first round: what the slot that it writes does not have. False: it was stopped, or the store is out. */
  async #catchUp(): Promise<boolean> {
    const { lane, directory, runtime, log } = this.#deps;
    const turn = async (): Promise<void> => {
      await nextTurn(runtime);
      this.#expectNotStopped();
    };
    try {
      await markChangedBetween(lane, this.#manifests, directory, turn);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!isCorrupt(error)) {
        this.#gaveUp = true;
        log(`no snapshot: ${reason}; the journal keeps its tail`);
        return false;
      }
      log(`${reason}, before the newest snapshot, which has all that was there; all actors are written anew`);
      directory.markAllChanged();
    }
    this.#isBehind = false;
    return true;
  }

  /** Partitions that left before both snapshots: no recovery will ask for their rows again. */
  async #forgetRows(olderCoveredSeq: number): Promise<void> {
    const { lane, partitions } = this.#deps;
    for (const partition of partitions.table.having('elsewhere')) {
      const { leftAtSeq } = partitions.table.row(partition);
      if (leftAtSeq === 0 || leftAtSeq > olderCoveredSeq) continue;
      ensureOk(await lane.forgetRows(partition));
      partitions.table.forgot(partition);
    }
  }

  /**
   * After a fail-over the store may lack snapshots that were published: then the rounds go on from those it has, with
   * every row due again, since the journal is trimmed by what is believed here. Before a row is read or a round begins.
   */
  async lookAgain(): Promise<void> {
    const { lane, directory, committer, fatal } = this.#deps;
    const { generation } = lane;
    if (generation === this.#generation) return;
    // A snapshot must not be ahead of the journal, nor its rows.
    await committer.verifyTail();
    const stored = await lane.snapshots();
    const isThere = ({ slot, coveredSeq, at }: SnapshotManifest) =>
      stored.some((other) => other.slot === slot && other.coveredSeq === coveredSeq && other.at === at);
    if (!this.#manifests.every(isThere)) {
      if (directory.counts.passivated > 0) {
        const error = new Error('a fail-over of the store lost a snapshot that passivated actors are in');
        fatal(error);
        throw error;
      }
      this.#manifests = stored;
      this.#isBehind = false;
      directory.markAllChanged();
    }
    this.#expectGeneration(generation);
    this.#generation = generation;
  }

  /**
   * The row of a passivated actor, for whoever needs it outside of a round. One that a fail-over of the store has set back
   * is not given: it would pass for the actor, without what was acknowledged since.
   * @returns undefined when there is none in the slot
   * @throws StoreUnavailable, or an Error when the store was connected to anew meanwhile: ask again
   */
  async passivated(slot: SnapshotSlot, sku: string): Promise<Uint8Array | undefined> {
    const { lane, directory } = this.#deps;
    await this.lookAgain();
    const generation = this.#generation;
    const bytes = await wholeRow(lane, slot, directory.partitionOf(sku), sku);
    this.#expectGeneration(generation);
    return bytes;
  }

  /** What was written under an earlier generation may be gone: nothing may be published that rests on it. */
  #expectGeneration(generation: number): void {
    if (this.#deps.lane.generation !== generation) throw new Error('the store was connected to anew meanwhile');
  }

  async #writeRows(slot: SnapshotSlot, round: SnapshotRound): Promise<void> {
    const { directory, committer, limits, runtime } = this.#deps;
    let rows: SnapshotRow[] = [];
    let rowsBytes = 0;
    let turnBytes = 0;
    let rowsSeq = 0;
    let written = 0;
    const flush = async (): Promise<void> => {
      const chunk = rows;
      rows = [];
      rowsBytes = 0;
      turnBytes = 0;
      // A row may show events that are still in flight: it waits for them, or is never written.
      await committer.reached(rowsSeq);
      this.#expectNotStopped();
      ensureOk(await this.#rows.put(slot, chunk));
    };
    this.#turnAt = runtime.monotonic();
    for (const sku of dueIn(round)) {
      const packing = directory.packInTurns(sku);
      const row =
        packing === undefined
          ? (directory.row(sku) ?? (await this.#passivatedRow(sku, slot)))
          : await this.#packedInTurns(packing, round);
      if (row === undefined) continue;
      written += 1;
      const stored = { partition: directory.partitionOf(sku), sku, bytes: row.bytes };
      if (this.#rows.isLarge(row.bytes)) {
        await committer.reached(row.journalSeq);
        this.#expectNotStopped();
        ensureOk(await this.#rows.putLarge(slot, stored, () => this.#restBetweenParts()));
        continue;
      }
      rows.push(stored);
      rowsSeq = Math.max(rowsSeq, row.journalSeq);
      rowsBytes += row.bytes.length;
      turnBytes += row.bytes.length;
      if (rows.length >= limits.snapshotRowsPerTurn || rowsBytes >= ROWS_BYTES_MAX) {
        await flush();
        await this.#rest();
      } else if (turnBytes >= TURN_BYTES_MAX) {
        turnBytes = 0;
        await this.#leaveTurn();
      }
    }
    if (rows.length > 0) await flush();
    this.#busyMs += runtime.monotonic() - this.#turnAt;
    if (written > 0) this.#rowMs = this.#busyMs / written;
  }

  #expectNotStopped(): void {
    if (this.#stopped) throw new Error('the worker is stopping');
  }

  /** The parts of a row are of no use to each other on two servers. */
  async #restBetweenParts(): Promise<void> {
    await this.#rest();
    this.#expectGeneration(this.#generation);
  }

  /** Leaves the turn to others, and some time. @throws Error when the worker is stopping */
  async #leaveTurn(): Promise<void> {
    if (await this.#rest()) return;
    await nextTurn(this.#deps.runtime);
    this.#turnAt = this.#deps.runtime.monotonic();
    this.#expectNotStopped();
  }

  /** Leaves time to others, after a turn that ended with waiting for the store. False: there is nothing to rest from. */
  async #rest(): Promise<boolean> {
    const { runtime } = this.#deps;
    const tookMs = runtime.monotonic() - this.#turnAt;
    this.#busyMs += tookMs;
    const restMs = this.#hurries ? 0 : Math.min(REST_PER_TURN * tookMs, REST_MS_MAX);
    if (restMs > 0) await this.#pause(restMs);
    this.#turnAt = runtime.monotonic();
    this.#expectNotStopped();
    return restMs > 0;
  }

  /** Ends early when the worker stops. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#endPause = resolve;
      this.#deps.runtime.after(ms, resolve);
    });
  }

  async #packedInTurns({ packing, journalSeq }: PackingRow, round: SnapshotRound): Promise<PackedRow> {
    const { limits } = this.#deps;
    try {
      while (!packing.step(limits.snapshotRowsPerTurn)) {
        await this.#leaveTurn();
      }
      this.#expectNoneDropped(round);
      return { bytes: packing.bytes(), journalSeq };
    } finally {
      packing.cancel();
    }
  }

  /** Without the row of an actor that stopped a snapshot would claim events it lacks, and trimming would lose them. */
  #expectNoneDropped(round: SnapshotRound): void {
    const sku = this.#deps.directory.droppedIn(round);
    if (sku !== undefined) throw new Error(`the actor of ${sku} stopped, and only the journal can rebuild it`);
  }

  /** An actor that is only in the other slot is copied from there: each slot is to be whole by itself. */
  async #passivatedRow(sku: string, slot: SnapshotSlot): Promise<PackedRow | undefined> {
    const { lane, directory } = this.#deps;
    const from = directory.passivatedIn(sku);
    if (from === undefined || from === slot) return undefined;
    const bytes = await wholeRow(lane, from, directory.partitionOf(sku), sku);
    if (bytes === undefined) throw new Error(`snapshot ${from} has no row for ${sku}`);
    return { bytes, journalSeq: 0 };
  }
}

/** Rows of the round may be missing; nothing is wrong with the store. */
class PartitionLeft extends Error {}

function ensureOk(result: AppendResult): void {
  if (result !== 'OK') throw new Error(`the store answered ${result}`);
}
