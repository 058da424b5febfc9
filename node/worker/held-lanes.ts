// The lanes this worker holds: its home, and those it has adopted from workers that died and is emptying. It knows
// which of them serves a partition, and nothing of other workers.

import { PartitionTable } from '../../cluster/handoff/table.ts';
import { FIRST_LANE, type JournalStore } from '../journal/port.ts';
import { JournalLost } from '../shell/committer.ts';
import { InventoryGrid, type InventoryGridOptions } from '../shell/inventory-grid.ts';
import { pause, within } from '../shell/runtime.ts';
import type { LaneHoldings } from './routes.ts';

/** So long a worker that must end looks after its other lanes, ms: the store may be out, and another waits for the lanes. */
const LAST_LOOK_MS = 5_000;
const LAST_LOOK_RETRY_MS = 100;

export type LaneOptions = Omit<InventoryGridOptions, 'lane' | 'nonce'> & {
  /** A random nonce for each lane that is taken. */
  readonly draw: () => string;
};

export class HeldLanes {
  readonly #options: Omit<LaneOptions, 'draw'>;
  readonly #draw: () => string;
  readonly #lanes = new Map<string, InventoryGrid>();
  readonly #opening = new Map<string, Promise<InventoryGrid>>();
  /** By partition. */
  readonly #serving: (InventoryGrid | undefined)[];
  #home: InventoryGrid | undefined;
  /** A lane that is still being taken then is given back. */
  #isClosed = false;
  #flush: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  readonly #reasons: Error[] = [];
  /** Resolves with the reason when a lane was lost and the others were looked after. */
  readonly failed: Promise<Error>;

  constructor(options: LaneOptions) {
    const { draw, ...others } = options;
    this.#options = others;
    this.#draw = draw;
    this.#serving = new Array(options.partitions).fill(undefined);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  get home(): InventoryGrid | undefined {
    return this.#home;
  }

  /** The home lane, while this worker holds no other. */
  get sole(): InventoryGrid | undefined {
    return this.#lanes.size === 1 ? this.#home : undefined;
  }

  all(): InventoryGrid[] {
    return [...this.#lanes.values()];
  }

  has(lane: string): boolean {
    return this.#lanes.has(lane) || this.#opening.has(lane);
  }

  get(lane: string): InventoryGrid | undefined {
    return this.#lanes.get(lane);
  }

  /** The lane that serves the partition; undefined when none of this worker's does. */
  serving(partition: number): InventoryGrid | undefined {
    const lane = this.#serving[partition];
    return lane?.serves(partition) ? lane : undefined;
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
    for (const lane of this.#lanes.values()) lane.onReleased(flush);
  }

  /**
   * Takes a lane and recovers it; waits up to `waitMs` for an owner that is alive.
   * @throws LaneBusy, LayoutMismatch, JournalCorrupt, StoreUnavailable
   */
  take(lane: string, waitMs: number, isHome: boolean): Promise<InventoryGrid> {
    const running = this.#opening.get(lane);
    if (running !== undefined) return running;
    const opening = this.#open(lane, waitMs, isHome).finally(() => this.#opening.delete(lane));
    this.#opening.set(lane, opening);
    return opening;
  }

  async #open(lane: string, waitMs: number, isHome: boolean): Promise<InventoryGrid> {
    const grid = new InventoryGrid({ ...this.#options, lane, nonce: this.#draw() });
    let ended: Error | undefined;
    void grid.failed.then((error) => {
      ended = error;
      if (this.#lanes.get(lane) === grid) void this.#lost(grid, error);
    });
    grid.onReleased(this.#flush);
    await grid.open(waitMs);
    if (ended !== undefined) throw ended;
    if (this.#isClosed) {
      await grid.close();
      throw new Error('the worker is stopping');
    }
    this.#lanes.set(lane, grid);
    if (isHome) this.#home = grid;
    this.note(grid);
    return grid;
  }

  /**
   * The worker must end, and its other lanes with it. What a fail-over of the store took from them nobody else can append
   * again, so each is looked at first (docs/adr/0011).
   */
  async #lost(grid: InventoryGrid, error: Error): Promise<void> {
    this.#reasons.push(error);
    const until = this.#options.runtime.monotonic() + LAST_LOOK_MS;
    const others = this.all().filter((other) => other !== grid);
    await Promise.all(others.map((other) => this.#verifyTail(other, until)));
    // That something acknowledged is gone must be said, whatever else went wrong.
    this.#fail(this.#reasons.find((reason) => reason instanceof JournalLost) ?? error);
  }

  async #verifyTail(grid: InventoryGrid, until: number): Promise<void> {
    const { runtime, log } = this.#options;
    for (;;) {
      const leftMs = Math.max(0, until - runtime.monotonic());
      const reason = await within(runtime, leftMs, grid.verifyTail(), `no answer within ${LAST_LOOK_MS} ms`).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (reason === undefined) return;
      if (runtime.monotonic() >= until) {
        log(`ending without having seen that the store has all of lane ${grid.lane}: ${reason}`);
        return;
      }
      await pause(runtime, LAST_LOOK_RETRY_MS);
    }
  }

  /** To be called when the partitions of a lane have changed. */
  note(grid: InventoryGrid): void {
    for (let partition = 0; partition < this.#serving.length; partition++) {
      if (grid.serves(partition)) this.#serving[partition] = grid;
      else if (this.#serving[partition] === grid) this.#serving[partition] = undefined;
    }
  }

  /** Gives back an adopted lane that has nothing left. */
  async giveBack(grid: InventoryGrid): Promise<void> {
    this.#lanes.delete(grid.lane);
    await grid.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const lanes = this.all();
    this.#lanes.clear();
    this.#home = undefined;
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  holdings(): LaneHoldings[] {
    return this.all().map((grid) => ({
      lane: grid.lane,
      laneEpoch: grid.laneEpoch,
      ...(grid.isLapsed ? { isLapsed: true as const } : {}),
      open: grid
        .holdings()
        .filter(({ isOpen }) => isOpen)
        .map(({ partition, epoch }) => [partition, epoch] as const),
    }));
  }
}

/**
 * Whether a lane has no partition any more, as far as its newest snapshot says: then nobody needs to take it over.
 * @throws StoreUnavailable
 */
export async function isEmptyLane(
  store: JournalStore,
  region: string,
  lane: string,
  partitions: number,
): Promise<boolean> {
  const reader = await store.reader(region, lane);
  const ownership = await reader.ownership();
  const [newest] = await reader.snapshots();
  if (ownership === undefined || ownership.lastSeq === 0) return lane !== FIRST_LANE;
  if (newest === undefined || newest.coveredSeq < ownership.lastSeq) return false;
  const table = new PartitionTable(partitions, lane === FIRST_LANE);
  table.load(newest.partitions);
  return table.having('elsewhere').length === partitions;
}
