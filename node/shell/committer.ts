// Group commit and the output gate: records become batches, batches become durable, and only then do the replies
// leave that reveal them (I5, I6). There is no timer: while as many commits are in flight as may be, the next batch
// accumulates.
//
// The order that makes it safe, for each batch:  records in → append → durable → replies, pushes, rows for other regions, out.
// A store that fails leaves the batches here, whose replies are taken back as UNAVAILABLE, and they are sent again
// until they land: an append that already landed answers OK. A store that failed over may have lost what it acknowledged,
// the fence with it: as long as no later epoch is known there, what was kept is appended again, before anything else. A
// fence by a later epoch drops everything and ends the worker.
import type { PoolRow } from '../../cluster/escrow/index.ts';
import { type AvailabilityPush, failure, type Outcome } from '../../protocol/index.ts';
import { ByteWriter } from '../core/index.ts';
import { checksumOf, encodeBatch } from '../journal/batch.ts';
import type { JournalBatch, Lane } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Respond } from './grid.ts';
import { KeptTail, type LinkedBatch } from './kept-tail.ts';
import type { ShellLimits } from './limits.ts';
import { pause, type Runtime } from './runtime.ts';

interface Batch {
  firstSeq: number;
  lastSeq: number;
  /** Undefined while the batch is open. */
  bytes: Uint8Array | undefined;
  checksum: number;
  responders: Respond[];
  outcomes: Outcome[];
  /** The latest availability of each watched sku that the batch changed. */
  pushes: Map<string, AvailabilityPush> | undefined;
  /** What other regions are told of pooled stock. */
  rows: PoolRow[] | undefined;
  state: 'open' | 'sent' | 'landed' | 'failed';
}

export interface CommitterDeps {
  readonly lane: Lane;
  readonly runtime: Runtime;
  readonly limits: ShellLimits;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  /** The checksum of the last batch in the lane, to chain the next to. */
  readonly checksum: number;
  readonly lastSeq: number;
  /** False once the lease has run out: nothing may be acknowledged then. */
  readonly mayAcknowledge: () => boolean;
  readonly publish: (push: AvailabilityPush) => void;
  /** Sends to other regions; what is lost is said again. */
  readonly sendRows: (rows: readonly PoolRow[]) => void;
  /** Called after each group of outcomes was handed out. */
  readonly released: () => void;
  /** The store stopped or resumed answering. */
  readonly stalled: (reason: string | undefined) => void;
  /** The lane is lost or broken: the worker must end. */
  readonly fatal: (error: Error) => void;
}

/** Another owner has the lane: this one must emit nothing more. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** The journal no longer holds what was acknowledged: never silent (I5). */
export class JournalLost extends Error {
  override readonly name = 'JournalLost';
}

/** Nothing is kept of a lane that cannot lose its tail. */
const NOTHING_KEPT = { ms: 0, bytesMax: 0 };

const LOST = 'the journal no longer holds what was acknowledged';

const UNAVAILABLE = failure(
  'UNAVAILABLE',
  'the store did not confirm the write; send the same requestId again to learn whether it took effect',
  250,
);

export class Committer {
  readonly #deps: CommitterDeps;
  readonly #writer = new ByteWriter(65_536);
  #open: Batch;
  /** In order of seq; the first is released first. */
  readonly #inFlight: Batch[] = [];
  #flushScheduled = false;
  #stalled = false;
  #resending = false;
  /** The store may lack what was acknowledged: nothing is sent or released until that is settled. */
  #inDoubt = false;
  readonly #doubters: ((isOurs: boolean) => void)[] = [];
  readonly #kept: KeptTail;
  /** Why nothing will be acknowledged any more. */
  #dead: Error | undefined;
  #durableSeq: number;
  #durableChecksum: number;
  /** The checksum of the last batch sent. */
  #checksum: number;
  #pending = 0;
  #answered = 0;
  /** By sku: the latest that became durable while nothing could be acknowledged. */
  readonly #withheld = new Map<string, AvailabilityPush>();
  readonly #waiters: { seq: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
    this.#durableSeq = deps.lastSeq;
    this.#checksum = deps.checksum;
    this.#durableChecksum = deps.checksum;
    this.#open = newBatch(deps.lastSeq + 1);
    const { tailKeptMs: ms, tailKeptBytesMax: bytesMax } = deps.limits;
    this.#kept = new KeptTail(deps.lane.mayLoseTail ? { ms, bytesMax } : NOTHING_KEPT, deps.lastSeq, deps.checksum);
  }

  /** The last seq that is durable. */
  get durableSeq(): number {
    return this.#durableSeq;
  }

  /** Whether nothing is kept any more that could be appended again after a fail-over. */
  get keepsNothing(): boolean {
    return this.#kept.hasAged(this.#deps.runtime.monotonic());
  }

  /** The chained checksum at durableSeq. */
  get durableChecksum(): number {
    return this.#durableChecksum;
  }

  /** The last seq handed out. */
  get lastSeq(): number {
    return this.#open.lastSeq;
  }

  /** Replies waiting for their batch. */
  get pending(): number {
    return this.#pending;
  }

  /** Replies handed out since the beginning. */
  get answered(): number {
    return this.#answered;
  }

  /** Where the next record is to be written; follow with `recorded`. */
  get writer(): ByteWriter {
    return this.#writer;
  }

  /**
   * Closes the record just written and returns its journal seq.
   * @param isLast false where records follow at once that mean nothing without it: they are kept in one batch, which is durable as one
   */
  recorded(isLast = true): number {
    const { firstSeq } = this.#open;
    this.#open.lastSeq += 1;
    const seq = this.#open.lastSeq;
    const records = seq - firstSeq + 1;
    // A long turn has filled a batch worth sending: its commit runs while the rest of the turn is decided. Worth it is
    // as much as is on its way already: fewer, larger batches cost less, and two of a size overlap as well as many.
    const isWorthIt = records >= this.#deps.limits.batchRecordsEarly && records >= firstSeq - 1 - this.#durableSeq;
    if (isLast && isWorthIt) this.#flushNow();
    else this.#schedule();
    return seq;
  }

  /** Lets `outcome` out once `seq` is durable: at once if it is. */
  gate(seq: number, respond: Respond, outcome: Outcome): void {
    if (seq <= this.#durableSeq) {
      this.#answered += 1;
      respond(this.#deps.mayAcknowledge() ? outcome : UNAVAILABLE);
      return;
    }
    const batch = this.#holding(seq);
    batch.responders.push(respond);
    batch.outcomes.push(outcome);
    this.#pending += 1;
  }

  /** Publishes the availability of a watched sku once `seq` is durable; within a batch the last one counts. */
  gatePush(seq: number, push: AvailabilityPush): void {
    if (seq <= this.#durableSeq) {
      this.#publish(push, this.#deps.mayAcknowledge());
      return;
    }
    const batch = this.#holding(seq);
    batch.pushes ??= new Map();
    batch.pushes.set(push.sku, push);
  }

  #publish(push: AvailabilityPush, lawful: boolean): void {
    if (lawful) {
      this.#withheld.delete(push.sku);
      this.#deps.publish(push);
    } else {
      this.#withheld.set(push.sku, push);
    }
  }

  /** To be called again and again: publishes what became durable while the lease had run out, once it holds again. */
  publishWithheld(): void {
    if (this.#withheld.size === 0 || this.#inDoubt || this.#dead !== undefined || !this.#deps.mayAcknowledge()) return;
    for (const push of this.#withheld.values()) this.#deps.publish(push);
    this.#withheld.clear();
    this.#deps.released();
  }

  /** Lets rows out to other regions once `seq` is durable: at once if it is. */
  gateRows(seq: number, rows: readonly PoolRow[]): void {
    if (seq <= this.#durableSeq) {
      if (this.#deps.mayAcknowledge()) this.#deps.sendRows(rows);
      return;
    }
    const batch = this.#holding(seq);
    batch.rows ??= [];
    for (const row of rows) batch.rows.push(row);
  }

  /**
   * Resolves once `seq` is durable.
   * @throws Fenced, JournalLost when it never will be
   */
  reached(seq: number): Promise<void> {
    if (seq <= this.#durableSeq) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) reject(this.#dead);
      else this.#waiters.push({ seq, resolve, reject });
    });
  }

  #holding(seq: number): Batch {
    if (seq >= this.#open.firstSeq) return this.#open;
    for (const batch of this.#inFlight) if (seq <= batch.lastSeq) return batch;
    return this.#open;
  }

  #schedule(): void {
    if (this.#flushScheduled || this.#stalled || this.#dead !== undefined) return;
    if (this.#inFlight.length >= this.#deps.limits.commitsInFlightMax) return;
    this.#flushScheduled = true;
    this.#deps.runtime.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    this.#flushNow();
  };

  #flushNow(): void {
    const batch = this.#open;
    if (this.#stalled || this.#dead !== undefined || isEmpty(batch)) return;
    if (this.#inFlight.length >= this.#deps.limits.commitsInFlightMax) return;
    const { lane, metrics } = this.#deps;
    const count = batch.lastSeq - batch.firstSeq + 1;
    batch.bytes = encodeBatch(
      { epoch: lane.epoch, nonce: lane.nonce, firstSeq: batch.firstSeq, count, prevChecksum: this.#checksum },
      this.#writer.view(),
    );
    batch.checksum = checksumOf(batch.bytes);
    this.#checksum = batch.checksum;
    this.#writer.reset();
    this.#open = newBatch(batch.lastSeq + 1);
    this.#inFlight.push(batch);
    metrics.batchRecords.observe(count);
    this.#send(batch);
  }

  #send(batch: Batch): void {
    const { lane, runtime, metrics } = this.#deps;
    batch.state = 'sent';
    const sentAt = runtime.monotonic();
    lane.append(toJournal(batch)).then(
      (result) => {
        metrics.commitDuration.observe((runtime.monotonic() - sentAt) / 1000);
        if (this.#dead !== undefined) return;
        if (result === 'OK') {
          batch.state = 'landed';
          if (this.#stalled) this.#settled();
          else this.#release();
        } else if (result === 'FENCED') {
          metrics.appendFailures.labels({ result: 'fenced' }).inc();
          this.#inDoubt = true;
          this.#failed(batch, 'the lane is not ours there');
        } else {
          // A predecessor in flight failed, so this one did not fit; both go again, in order.
          metrics.appendFailures.labels({ result: 'gap' }).inc();
          this.#failed(batch, 'the journal refused a batch out of order');
        }
      },
      (error: unknown) => {
        metrics.appendFailures.labels({ result: 'unavailable' }).inc();
        if (this.#dead === undefined) this.#failed(batch, error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** Releases landed batches from the front: acknowledgements leave in the order of the journal. */
  #release(): void {
    let any = false;
    for (let head = this.#inFlight[0]; head?.state === 'landed'; head = this.#inFlight[0]) {
      this.#inFlight.shift();
      this.#acknowledge(head);
      any = true;
    }
    if (!any) return;
    this.#deps.released();
    this.#wake();
    if (!isEmpty(this.#open)) this.#schedule();
  }

  #acknowledge(batch: Batch): void {
    this.#durableSeq = batch.lastSeq;
    this.#durableChecksum = batch.checksum;
    this.#kept.push(batch as LinkedBatch, this.#deps.runtime.monotonic());
    const { responders, outcomes, pushes, rows } = batch;
    const lawful = this.#deps.mayAcknowledge();
    this.#pending -= responders.length;
    this.#answered += responders.length;
    for (let i = 0; i < responders.length; i++) {
      (responders[i] as Respond)(lawful ? (outcomes[i] as Outcome) : UNAVAILABLE);
    }
    if (pushes !== undefined) for (const push of pushes.values()) this.#publish(push, lawful);
    if (rows !== undefined && lawful) this.#deps.sendRows(rows);
  }

  #failed(batch: Batch, reason: string): void {
    batch.state = 'failed';
    this.#stall(reason);
    this.#settled();
  }

  #stall(reason: string): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#deps.log(`the store does not confirm writes (${reason}); refusing work until it does`);
    this.#deps.stalled(reason);
  }

  /** What is in flight behind a batch that failed settles first, so that nothing lands while it is sent again. */
  #settled(): void {
    if (this.#resending || this.#inFlight.some((b) => b.state === 'sent')) return;
    this.#resending = true;
    this.#takeBackReplies();
    void this.#resend().finally(() => {
      this.#resending = false;
    });
  }

  #takeBackReplies(): void {
    for (const batch of [...this.#inFlight, this.#open]) {
      if (batch.state === 'landed') continue;
      this.#pending -= batch.responders.length;
      for (const respond of batch.responders) respond(UNAVAILABLE);
      batch.responders = [];
      batch.outcomes = [];
    }
    this.#deps.released();
  }

  async #resend(): Promise<void> {
    const { runtime, limits, log } = this.#deps;
    let waitMs = limits.storeRetryMs[0];
    while (this.#dead === undefined && (this.#inDoubt || this.#inFlight.length > 0)) {
      const isDone = await (this.#inDoubt ? this.#restoreTail() : this.#resendFirst()).catch(() => false);
      if (isDone) continue;
      await pause(runtime, waitMs);
      waitMs = Math.min(waitMs * 2, limits.storeRetryMs[1]);
    }
    if (this.#dead !== undefined) return;
    this.#stalled = false;
    log('the store confirms writes again');
    this.#deps.stalled(undefined);
    this.#deps.released();
    this.#wake();
    if (!isEmpty(this.#open)) this.#schedule();
  }

  /** False: try again after a pause. */
  async #resendFirst(): Promise<boolean> {
    const batch = this.#inFlight[0] as Batch;
    if (batch.state !== 'landed') {
      const result = await this.#deps.lane.append(toJournal(batch));
      if (result !== 'OK') {
        this.#inDoubt = true;
        return true;
      }
    }
    if (this.#dead !== undefined || this.#inDoubt) return true;
    this.#inFlight.shift();
    this.#acknowledge(batch);
    return true;
  }

  /** Makes the lane ours again, with all that was acknowledged, or ends the worker. False: try again after a pause. */
  async #restoreTail(): Promise<boolean> {
    const { lane, log } = this.#deps;
    const tail = await lane.reassert(this.#kept.fromSeq);
    if (tail === 'FENCED' || tail === 'GAP') {
      await this.#endWithout();
      return true;
    }
    const missing = this.#kept.behind(tail, this.#inFlight);
    if (missing === undefined) {
      const why = `it ends at seq ${tail.lastSeq} with a batch that is not ours`;
      this.#end(
        new JournalLost(`${LOST}: ${why}, and seq ${this.#durableSeq} was acknowledged in epoch ${lane.epoch}`),
      );
      return true;
    }
    for (const batch of missing) if ((await lane.append(toJournal(batch))) !== 'OK') return false;
    if (missing.length > 0) {
      log(
        `the store had lost what it acknowledged, from seq ${tail.lastSeq + 1} to ${this.#durableSeq}; it is appended again`,
      );
    }
    for (const batch of this.#inFlight) batch.state = 'failed';
    this.#inDoubt = false;
    for (const settled of this.#doubters.splice(0)) settled(true);
    return true;
  }

  /** A later epoch owns the lane, or more of it is lost than was kept: that is a loss (I5). */
  async #endWithout(): Promise<void> {
    const { lane } = this.#deps;
    const owner = await lane.ownership();
    if (owner !== undefined && owner.epoch > lane.epoch && owner.lastSeq >= this.#durableSeq) {
      this.#end(
        new Fenced(`epoch ${lane.epoch} was fenced: ${owner.ownerId} owns this lane now, in epoch ${owner.epoch}`),
      );
      return;
    }
    const holds = owner === undefined ? 'it is empty' : `it ends at seq ${owner.lastSeq}`;
    this.#end(
      new JournalLost(`${LOST}: ${holds}, and seq ${this.#durableSeq} was acknowledged in epoch ${lane.epoch}`),
    );
  }

  /**
   * The store says that the lane is not ours, or lacks its end: settles which. Resolves with true once the lane is ours
   * again and whole, with false when the worker ends.
   */
  async fenced(): Promise<boolean> {
    if (this.#dead !== undefined) return false;
    this.#inDoubt = true;
    this.#stall('the lane is not ours there, or its end is missing');
    const settled = new Promise<boolean>((resolve) => this.#doubters.push(resolve));
    this.#settled();
    return settled;
  }

  /** Settles it when the store, though it still calls the lane ours, has lost a tail that was acknowledged (I5). */
  async verifyTail(): Promise<void> {
    const acknowledged = this.#durableSeq;
    const owner = await this.#deps.lane.ownership();
    if (owner === undefined || owner.lastSeq < acknowledged) await this.fenced();
  }

  #end(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#takeBackReplies();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    for (const settled of this.#doubters.splice(0)) settled(false);
    this.#deps.fatal(error);
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.seq <= this.#durableSeq) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}

function newBatch(firstSeq: number): Batch {
  return {
    firstSeq,
    lastSeq: firstSeq - 1,
    bytes: undefined,
    checksum: 0,
    responders: [],
    outcomes: [],
    pushes: undefined,
    rows: undefined,
    state: 'open',
  };
}

function toJournal({ firstSeq, lastSeq, bytes }: Pick<Batch, 'firstSeq' | 'lastSeq' | 'bytes'>): JournalBatch {
  return { firstSeq, lastSeq, bytes: bytes as Uint8Array };
}

function isEmpty(batch: Batch): boolean {
  return batch.lastSeq < batch.firstSeq;
}
