// Taking over the lanes of workers that died, and giving them back once they are empty.
import { leave, type Member, type MemberView } from '../../cluster/members.ts';
import type { Membership } from '../../cluster/membership.ts';
import { adopterOf } from '../../cluster/placement.ts';
import { type JournalStore, LaneBusy } from '../journal/port.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import { type HeldLanes, isEmptyLane } from './held-lanes.ts';
import type { Routes } from './routes.ts';

/** Lanes that nobody announces are looked at so often, ms: their owner may have died before it said anything. */
const ORPHANS_MS = 1_000;
/** A worker that is not the first choice for an orphan waits so much longer for each that comes before it, ms. */
const ADOPTER_STEP_MS = 500;
/** A lane whose owner may still live is asked for again so soon, ms. */
const BUSY_RETRY_MS = 100;
/** A lane that could not be recovered is tried again so soon, ms. */
const ADOPT_RETRY_MS = 2_000;
/** Replicas that lack the end of a lane are asked again so soon, ms: to ask holds up what else is written. */
const LEAVE_RETRY_MS = 500;

export interface AdoptionDeps {
  readonly id: string;
  readonly region: string;
  readonly partitions: number;
  readonly store: JournalStore;
  readonly runtime: Runtime;
  readonly log: (line: string) => void;
  readonly lanes: HeldLanes;
  readonly routes: Routes;
  readonly membership: Membership;
  readonly sessionTtlMs: number;
  readonly isStopping: () => boolean;
  /** A lane was taken over. */
  readonly adopted: (lane: InventoryGrid) => void;
  /** A lane was given back. */
  readonly gaveBack: () => void;
}

export class Adoption {
  readonly #deps: AdoptionDeps;
  /** Since when nobody is known to hold a lane, monotonic ms; later: not before then. */
  readonly #orphans = new Map<string, number>();
  #seenAt = Number.NEGATIVE_INFINITY;
  /** When the lease of this worker itself was last out. */
  #lapsedAt = Number.NEGATIVE_INFINITY;
  /** No lane is given back before then. */
  #leaveAt = Number.NEGATIVE_INFINITY;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /** Somebody says that it holds the lane. */
  held(lane: string): void {
    this.#orphans.delete(lane);
  }

  /** Whoever held the lane cannot be reached any more. */
  lost(lane: string): void {
    this.#orphans.set(lane, this.#deps.runtime.monotonic());
  }

  /** Does what is due. @throws StoreUnavailable */
  async look(): Promise<void> {
    const now = this.#deps.runtime.monotonic();
    if (this.#deps.lanes.home?.isLapsed === true) this.#lapsedAt = now;
    if (now - this.#seenAt >= ORPHANS_MS) {
      this.#seenAt = now;
      await this.#findOrphans();
    }
    for (const [lane, since] of this.#orphans) await this.#adoptWhenDue(lane, since);
    await this.#removeDead();
    await this.#giveBackEmptied();
  }

  async #findOrphans(): Promise<void> {
    const { store, region, partitions, runtime } = this.#deps;
    for (const lane of await store.lanes(region)) {
      if (this.#deps.lanes.has(lane) || this.#orphans.has(lane)) continue;
      if (this.#deps.routes.holderOf(lane)?.isLapsed === false) continue;
      const isHome = this.#deps.membership.view.members.some((member) => member.lane === lane);
      const isNeeded = isHome || this.#awaited().has(lane);
      if (!isNeeded && (await isEmptyLane(store, region, lane, partitions))) continue;
      // Its worker may be about to start, or to reach the store again: who was not seen to die is given a session's time.
      this.#orphans.set(lane, runtime.monotonic() + this.#deps.sessionTtlMs);
    }
  }

  async #adoptWhenDue(lane: string, since: number): Promise<void> {
    const { id, runtime, log } = this.#deps;
    if (runtime.monotonic() < since) return;
    const { members } = this.#deps.membership.view;
    const dead = members.find((member) => member.lane === lane && member.id !== id);
    const rank = Math.max(0, adopterOf(lane, this.#deps.membership.view, dead?.id).indexOf(id));
    if (runtime.monotonic() < since + rank * ADOPTER_STEP_MS || this.#deps.lanes.has(lane) || this.#deps.isStopping())
      return;
    if (this.#mayBeRenewed(lane)) return;
    try {
      const adopted = await this.#deps.lanes.take(lane, 0, false);
      this.#orphans.delete(lane);
      this.#deps.adopted(adopted);
      log(`adopted lane ${lane}, with ${adopted.holdings().length} partitions`);
    } catch (error) {
      // Busy: its owner lives, or its session has not run out.
      const isBusy = error instanceof LaneBusy;
      const waitMs = isBusy ? Math.min(error.retryAfterMs, BUSY_RETRY_MS) : ADOPT_RETRY_MS;
      if (!isBusy) log(`lane ${lane} could not be adopted: ${(error as Error).message}; again in ${waitMs} ms`);
      this.#orphans.set(lane, runtime.monotonic() + waitMs - rank * ADOPTER_STEP_MS);
    }
  }

  /**
   * Its owner lives, and has lost its way to the store; where this worker had as well, the store was out for all, and who
   * comes back first must not take the others for dead.
   */
  #mayBeRenewed(lane: string): boolean {
    const { routes, runtime, sessionTtlMs } = this.#deps;
    return routes.holderOf(lane)?.isLapsed === true && runtime.monotonic() < this.#lapsedAt + sessionTtlMs;
  }

  /** Lanes that partitions of this worker are sealed for: they are needed, though they may be empty. */
  #awaited(): ReadonlySet<string> {
    const awaited = new Set<string>();
    for (const lane of this.#deps.lanes.all()) {
      for (const { isOpen, toLane } of lane.holdings()) if (!isOpen) awaited.add(toLane);
    }
    return awaited;
  }

  /**
   * Takes members out of the view whose home lane is held here: they have died. As long as one stays in it, the lane
   * counts as its place and is not emptied, so this goes on until the view can be changed.
   */
  async #removeDead(): Promise<void> {
    const { id } = this.#deps;
    for (const lane of this.#deps.lanes.all()) {
      if (lane === this.#deps.lanes.home) continue;
      // Asked of each view that is to be changed: with the lease its owner may have come back, and joined after that.
      const deadIn = (view: MemberView): Member | undefined =>
        lane.readiness().ready
          ? view.members.find((member) => member.lane === lane.lane && member.id !== id)
          : undefined;
      if (deadIn(this.#deps.membership.view) === undefined) continue;
      await this.#deps.membership.update((view) => {
        const dead = deadIn(view);
        return dead === undefined ? view : leave(view, dead.id);
      });
    }
  }

  async #giveBackEmptied(): Promise<void> {
    const isEmptied = (lane: InventoryGrid): boolean => lane !== this.#deps.lanes.home && lane.holdings().length === 0;
    for (const lane of this.#deps.lanes.all().filter(isEmptied)) {
      if (this.#deps.runtime.monotonic() < this.#leaveAt) return;
      if (!(await lane.mayBeLeft())) this.#leaveAt = this.#deps.runtime.monotonic() + LEAVE_RETRY_MS;
      else if (isEmptied(lane) && !this.#awaited().has(lane.lane)) {
        await this.#deps.lanes.giveBack(lane);
        this.#deps.log(`gave back lane ${lane.lane}: it is empty`);
        this.#deps.gaveBack();
      }
    }
  }
}
