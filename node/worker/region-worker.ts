// A worker of a region among others: finds its place, takes over the lanes of workers that died, hands partitions to
// those that the ring names, and tells all others what it holds. What it may do at all the journals decide; this is
// the part that keeps things moving.
import { leave, type Member, type MemberView, replace, setStatus } from '../../cluster/members.ts';
import { Membership } from '../../cluster/membership.ts';
import { MESH_KIND, type Mesh, MeshFailure, type MeshKind } from '../../cluster/mesh/port.ts';
import { adopterOf, type Move, nextMoves, ownersOf } from '../../cluster/placement.ts';
import { FIRST_LANE, type JournalStore, LaneBusy } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { GridInfo, RegionReport, WorkerReport } from '../shell/grid.ts';
import type { HandoffPeer } from '../shell/handoff.ts';
import {
  decodeAnswer,
  decodeHandover,
  decodeRows,
  encodeAnswer,
  encodeHandover,
  encodeRows,
  type HandoffAnswer,
  type RowsMessage,
} from '../shell/handoff-messages.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import { SHELL_LIMITS, type ShellLimits } from '../shell/limits.ts';
import { pause, type Runtime } from '../shell/runtime.ts';
import { HeldLanes, isEmptyLane } from './held-lanes.ts';
import { type Announcement, type LaneHoldings, Routes } from './routes.ts';
import { WorkerGrid } from './worker-grid.ts';

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
}

/** Between looks at what there is to adopt or to move, ms. */
const LOOK_MS = 50;
/** Lanes that nobody announces are looked at so often, ms: their owner may have died before it said anything. */
const ORPHANS_MS = 1_000;
/** A worker that is not the first choice for an orphan waits so much longer for each that comes before it, ms. */
const ADOPTER_STEP_MS = 500;
/** A lane whose owner may still live is asked for again so soon, ms. */
const BUSY_RETRY_MS = 100;
/** A lane that could not be recovered is tried again so soon, ms. */
const ADOPT_RETRY_MS = 2_000;
/** What is held is told again so often, ms, and at once when it changes. */
const ANNOUNCE_MS = 1_000;
const HANDOFF_TIMEOUT_MS = 5_000;

export class RegionWorker {
  readonly #options: RegionWorkerOptions;
  readonly #limits: ShellLimits;
  readonly #lanes: HeldLanes;
  readonly #routes: Routes;
  readonly #membership: Membership;
  readonly grid: WorkerGrid;
  /** Partitions on their way out. */
  readonly #moving = new Map<number, Move>();
  /** Since when nobody is known to hold a lane, monotonic ms. */
  readonly #orphans = new Map<string, number>();
  /** The member that each partition belongs to, by the present view. */
  #owners: readonly string[] = [];
  readonly #incarnation: string;
  #announcements = 0;
  #isAnnouncing = false;
  #announcedAt = 0;
  #orphansSeenAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #isStopping = false;
  #cancelLook: () => void = () => {};
  /** Resolves with the reason when a lane was lost and the worker must end. */
  readonly failed: Promise<Error>;

  constructor(options: RegionWorkerOptions) {
    const { region, partitions, store, mesh, runtime, metrics, log } = options;
    this.#options = options;
    this.#limits = { ...SHELL_LIMITS, ...options.limits };
    this.#incarnation = options.draw();
    this.#routes = new Routes(partitions);
    const { ownerId, server, draw } = options;
    const limits = this.#limits;
    this.#lanes = new HeldLanes({ region, partitions, store, ownerId, server, runtime, metrics, limits, log, draw });
    this.failed = this.#lanes.failed;
    void this.failed.then(() => {
      this.#isStopping = true;
      this.#cancelLook();
    });
    this.grid = new WorkerGrid({
      info: () => this.#info(),
      region,
      partitions,
      lanes: this.#lanes,
      routes: this.#routes,
      mesh,
      runtime,
      watchedMax: limits.watchedMax,
      passedOn: (result) => metrics.forwards.labels({ result }).inc(),
    });
    this.#membership = new Membership({ register: store.register(region), runtime, log });
    this.#membership.onChange(() => this.#viewChanged());
    mesh.handle(MESH_KIND.holdings, (body, reply) => {
      this.#heard(announcementIn(body));
      // Told in return, so that a worker that is no member any more, and is told nothing, still knows whom to ask.
      reply(Buffer.from(JSON.stringify(this.#announcement())));
    });
    mesh.handle(MESH_KIND.rows, (body, reply) => {
      const message = decodeRows(body);
      const refusal = this.#mayNotCome(message);
      this.#answer(reply, refusal ?? this.#arrivals(message.toLane).rows(message));
    });
    mesh.handle(MESH_KIND.handover, (body, reply) => {
      const message = decodeHandover(Uint8Array.from(body));
      const opened = this.#arrivals(message.toLane).handover(message);
      this.#answer(reply, opened);
      void opened.then(
        () => this.#holdingsChanged([message.partition]),
        () => {},
      );
    });
    mesh.onDown((address) => this.#peerLost(address));
  }

  #answer(reply: (body: Uint8Array) => void, answer: Promise<HandoffAnswer>): void {
    answer.then(
      (given) => reply(encodeAnswer(given)),
      (error: Error) => reply(encodeAnswer({ status: 'refused', reason: error.message })),
    );
  }

  /**
   * Takes a lane of its own, joins the region's view, and serves.
   * @throws LaneBusy, LayoutMismatch, JournalCorrupt, StoreUnavailable
   */
  async open(waitMs: number): Promise<void> {
    const { id, mesh, host, server, url, runtime } = this.#options;
    const home = await this.#takeHome(runtime.monotonic() + waitMs);
    const member: Member = {
      id,
      mesh: mesh.address,
      url: url(),
      lane: home.lane,
      host,
      status: 'up',
      version: server,
      joinedAt: runtime.now(),
    };
    await this.#membership.update((view) => replace(view, id, member));
    this.#membership.start();
    this.grid.start();
    this.#holdingsChanged(home.holdings().map(({ partition }) => partition));
    this.#look();
  }

  /**
   * A worker takes, of the lanes that nobody holds: the one it had; else, where it is alone, the region's first; else
   * it begins one under its own name.
   */
  async #takeHome(deadline: number): Promise<InventoryGrid> {
    const { id, runtime, log } = this.#options;
    for (let isSaid = false; ; ) {
      const view = await this.#membership.refresh();
      const isTaken = (lane: string): boolean =>
        view.members.some((member) => member.lane === lane && member.id !== id);
      const mine = view.members.find((member) => member.id === id && !isTaken(member.lane))?.lane;
      const isAlone = view.members.every((member) => member.id === id);
      const candidates = mine === undefined ? (isTaken(FIRST_LANE) ? [id] : [FIRST_LANE, id]) : [mine];
      for (const [n, lane] of candidates.entries()) {
        try {
          return await this.#lanes.take(lane, 0, true);
        } catch (error) {
          const isLast = n === candidates.length - 1;
          if (!(error instanceof LaneBusy)) throw error;
          // Alone, the lane is that of a predecessor whose session has not run out; among others it was adopted.
          if (!isAlone && !isLast) continue;
          if (runtime.monotonic() + Math.min(error.retryAfterMs, 100) > deadline) throw error;
          if (!isSaid) log(`${error.message}; waiting for it to end`);
          isSaid = true;
          break;
        }
      }
      await pause(runtime, 50);
    }
  }

  /** Has a member, this one or another, move all it holds to others; it sees that in the view. */
  async askToDrain(id: string): Promise<void> {
    await this.#membership.update((view) => setStatus(view, id, 'draining'));
  }

  /** Moves everything to other workers and leaves the view; resolves when nothing is left here. */
  async drain(): Promise<void> {
    const { id, runtime } = this.#options;
    await this.askToDrain(id);
    while (this.#isMember()) await pause(runtime, LOOK_MS);
  }

  #isMember(): boolean {
    return this.#membership.view.members.some((member) => member.id === this.#options.id);
  }

  /** A member that is draining and holds nothing any more leaves the view. */
  async #leaveWhenDrained(): Promise<void> {
    const { id, log } = this.#options;
    const self = this.#membership.view.members.find((member) => member.id === id);
    if (self?.status !== 'draining' || this.#moving.size > 0) return;
    if (this.#lanes.all().some((lane) => lane.holdings().length > 0)) return;
    await this.#membership.update((view) => leave(view, id));
    log('drained: nothing is left here, and this worker may be stopped');
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    this.#cancelLook();
    this.#membership.stop();
    this.grid.stop();
    await this.#lanes.close();
  }

  view(): MemberView {
    return this.#membership.view;
  }

  /** What this worker holds and does, for status. */
  report(): WorkerReport {
    const { id, host, server, url } = this.#options;
    const lanes = this.#lanes.all().map((lane) => {
      const holdings = lane.holdings();
      const open = holdings.filter(({ isOpen }) => isOpen).length;
      return { lane: lane.lane, epoch: lane.laneEpoch, open, sealed: holdings.length - open };
    });
    return {
      id,
      status: this.#membership.view.members.find((member) => member.id === id)?.status ?? 'draining',
      host,
      pid: process.pid,
      url: url(),
      version: server,
      readiness: this.grid.readiness(),
      figures: this.grid.figures(),
      lanes,
      moving: [...this.#moving.keys()],
    };
  }

  /** Who serves each partition, as far as is known here. */
  placement(): RegionReport['partitions'] {
    return Array.from({ length: this.#options.partitions }, (_, partition) => {
      const route = this.#routes.of(partition);
      return route && { partition, epoch: route.epoch, worker: route.worker, lane: route.lane };
    }).filter((placed) => placed !== undefined);
  }

  #info(): GridInfo {
    const { server, region, store, partitions } = this.#options;
    const home = this.#lanes.home;
    if (home !== undefined) return home.info();
    return { server, region, durability: store.durability, store: store.driver, partitions, epoch: 0, nonce: '' };
  }

  #viewChanged(): void {
    if (this.#isStopping) return;
    this.#owners = ownersOf(this.#membership.view, this.#options.partitions);
    const present = new Set(this.#membership.view.members.map((member) => member.id));
    for (const { worker } of this.#routes.workers()) {
      if (worker !== this.#options.id && !present.has(worker)) this.#routes.forget(worker);
    }
    this.#announce();
  }

  // What is held, told and heard.

  #holdingsChanged(partitions: readonly number[]): void {
    for (const lane of this.#lanes.all()) this.#lanes.note(lane);
    this.#heard(this.#announcement());
    this.grid.moved(partitions);
    if (this.#isAnnouncing) return;
    // What changes in one turn is told once.
    this.#isAnnouncing = true;
    this.#options.runtime.defer(() => {
      this.#isAnnouncing = false;
      if (!this.#isStopping) this.#announce();
    });
  }

  #announcement(): Announcement {
    this.#announcements += 1;
    const { id, mesh } = this.#options;
    return {
      worker: id,
      address: mesh.address,
      incarnation: this.#incarnation,
      number: this.#announcements,
      view: this.#membership.view.version,
      lanes: this.#lanes.holdings(),
    };
  }

  #announce(): void {
    const { id, mesh, runtime } = this.#options;
    this.#announcedAt = runtime.monotonic();
    const body = Buffer.from(JSON.stringify(this.#announcement()));
    for (const member of this.#membership.view.members) {
      if (member.id === id) continue;
      mesh.call(member.mesh, MESH_KIND.holdings, body, ANNOUNCE_MS, (answer) => {
        if (!(answer instanceof MeshFailure) && !this.#isStopping) this.#heard(announcementIn(answer));
      });
    }
  }

  #heard(said: Announcement): void {
    if (said.view > this.#membership.view.version) this.#refreshView();
    const changed = this.#routes.learn(said);
    for (const held of said.lanes) {
      this.#orphans.delete(held.lane);
      if (said.worker !== this.#options.id) this.#concede(held);
    }
    if (changed.length > 0) this.grid.moved(changed);
  }

  /**
   * A partition that is open here and, under a greater epoch, in another lane has left this one: the store has lost the
   * record of it. The later owner is right, and what this lane had is given up, loudly.
   */
  #concede({ lane, open }: LaneHoldings): void {
    for (const [partition, epoch] of open) {
      const own = this.#lanes.serving(partition);
      if (own === undefined || own.lane === lane || own.epochOf(partition) >= epoch) continue;
      this.#options.log(
        `partition ${partition} is open in lane ${lane} under epoch ${epoch}, and here under ${own.epochOf(partition)}: ` +
          `the store of lane ${own.lane} has lost records, and with them perhaps what was acknowledged; given up here`,
      );
      this.#options.metrics.invariantViolations.inc();
      own.concede(partition, lane);
      this.#holdingsChanged([partition]);
    }
  }

  #peerLost(address: string): void {
    const lost = this.#routes.workers().find((other) => other.address === address);
    if (lost === undefined || this.#isStopping) return;
    this.#routes.forget(lost.worker);
    for (const { lane } of lost.lanes) this.#orphans.set(lane, this.#options.runtime.monotonic());
    this.#lookSoon(0);
  }

  // Lanes whose worker died.

  #lookSoon(ms: number): void {
    this.#cancelLook();
    this.#cancelLook = this.#options.runtime.after(ms, () => this.#look());
  }

  #look(): void {
    if (this.#isStopping || this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookOnce()
      .catch((error: Error) => this.#options.log(`looking for what to adopt or move: ${error.message}`))
      .finally(() => {
        this.#isLooking = false;
        if (!this.#isStopping) this.#lookSoon(LOOK_MS);
      });
  }

  async #lookOnce(): Promise<void> {
    const { runtime } = this.#options;
    const now = runtime.monotonic();
    if (now - this.#announcedAt >= ANNOUNCE_MS) this.#announce();
    if (now - this.#orphansSeenAt >= ORPHANS_MS) {
      this.#orphansSeenAt = now;
      await this.#findOrphans();
    }
    for (const [lane, since] of this.#orphans) await this.#adoptWhenDue(lane, since);
    await this.#removeDead();
    await this.#giveBackEmptied();
    await this.#leaveWhenDrained();
    this.#startMoves();
  }

  async #findOrphans(): Promise<void> {
    const { store, region, partitions, runtime } = this.#options;
    for (const lane of await store.lanes(region)) {
      if (this.#lanes.has(lane) || this.#routes.holderOf(lane) !== undefined || this.#orphans.has(lane)) continue;
      const isHome = this.#membership.view.members.some((member) => member.lane === lane);
      const isNeeded = isHome || this.#awaited().has(lane);
      if (!isNeeded && (await isEmptyLane(store, region, lane, partitions))) continue;
      // Its worker may be about to start: who was not seen to die is given a session's time.
      this.#orphans.set(lane, runtime.monotonic() + this.#limits.sessionTtlMs);
    }
  }

  async #adoptWhenDue(lane: string, since: number): Promise<void> {
    const { id, runtime, log } = this.#options;
    const { members } = this.#membership.view;
    const dead = members.find((member) => member.lane === lane && member.id !== id);
    const rank = Math.max(0, adopterOf(lane, this.#membership.view, dead?.id).indexOf(id));
    if (runtime.monotonic() < since + rank * ADOPTER_STEP_MS || this.#lanes.has(lane) || this.#isStopping) return;
    try {
      const adopted = await this.#lanes.take(lane, 0, false);
      this.#orphans.delete(lane);
      this.#options.metrics.adoptions.inc();
      log(`adopted lane ${lane}, with ${adopted.holdings().length} partitions`);
      this.#holdingsChanged(adopted.holdings().map(({ partition }) => partition));
    } catch (error) {
      // Busy: its owner lives, or its session has not run out.
      const isBusy = error instanceof LaneBusy;
      const waitMs = isBusy ? Math.min(error.retryAfterMs, BUSY_RETRY_MS) : ADOPT_RETRY_MS;
      if (!isBusy) log(`lane ${lane} could not be adopted: ${(error as Error).message}; again in ${waitMs} ms`);
      this.#orphans.set(lane, runtime.monotonic() + waitMs - rank * ADOPTER_STEP_MS);
    }
  }

  /** Lanes that partitions of this worker are sealed for: they are needed, though they may be empty. */
  #awaited(): ReadonlySet<string> {
    const sealed = this.#lanes.all().flatMap((lane) => lane.holdings().filter(({ isOpen }) => !isOpen));
    return new Set(sealed.map(({ toLane }) => toLane));
  }

  /**
   * Takes members out of the view whose home lane is held here: they have died. As long as one stays in it, the lane
   * counts as its place and is not emptied, so this goes on until the view can be changed.
   */
  async #removeDead(): Promise<void> {
    const { id } = this.#options;
    for (const lane of this.#lanes.all()) {
      if (lane === this.#lanes.home) continue;
      // Asked of each view that is to be changed: with the lease its owner may have come back, and joined after that.
      const deadIn = (view: MemberView): Member | undefined =>
        lane.readiness().ready
          ? view.members.find((member) => member.lane === lane.lane && member.id !== id)
          : undefined;
      if (deadIn(this.#membership.view) === undefined) continue;
      await this.#membership.update((view) => {
        const dead = deadIn(view);
        return dead === undefined ? view : leave(view, dead.id);
      });
    }
  }

  async #giveBackEmptied(): Promise<void> {
    const awaited = this.#awaited();
    for (const lane of this.#lanes.all()) {
      if (lane === this.#lanes.home || lane.holdings().length > 0 || awaited.has(lane.lane)) continue;
      await this.#lanes.giveBack(lane);
      this.#options.log(`gave back lane ${lane.lane}: it is empty`);
      this.#holdingsChanged([]);
    }
  }

  // Partitions that belong elsewhere.

  #startMoves(): void {
    const { id } = this.#options;
    const lanes = this.#lanes.all();
    for (const from of lanes) {
      for (const { partition, isOpen, toLane } of from.holdings()) {
        if (!isOpen && !this.#moving.has(partition)) this.#move(from, partition, toLane);
      }
    }
    const { view } = this.#membership;
    const home = this.#lanes.home?.lane;
    // Who is not in the view, or not yet, would not know where to.
    if (home === undefined || !view.members.some((member) => member.id === id)) return;
    const moves = nextMoves({
      view,
      owners: this.#owners,
      home,
      lanes: lanes.map((lane) => ({
        lane: lane.lane,
        open: lane
          .holdings()
          .filter(({ isOpen }) => isOpen)
          .map(({ partition }) => partition),
      })),
      moving: [...this.#moving.values()],
    });
    for (const { partition, fromLane, toLane } of moves) {
      const from = this.#lanes.get(fromLane);
      if (from !== undefined) this.#move(from, partition, toLane);
    }
  }

  #move(from: InventoryGrid, partition: number, toLane: string): void {
    const { runtime, metrics, log } = this.#options;
    let sealedAt = 0;
    this.#moving.set(partition, { partition, fromLane: from.lane, toMember: '', toLane });
    const moving = from.moveOut(partition, toLane, this.#peer(toLane), {
      sealed: () => {
        sealedAt = runtime.monotonic();
      },
      opened: (epoch) => {
        const holder = this.#routes.holderOf(toLane);
        if (holder !== undefined) this.#routes.note(partition, { ...holder, lane: toLane, epoch });
        metrics.moves.labels({ result: 'moved' }).inc();
        if (sealedAt > 0) metrics.movePause.observe((runtime.monotonic() - sealedAt) / 1_000);
        this.#holdingsChanged([partition]);
      },
    });
    moving
      .catch((error: Error) => {
        log(`partition ${partition} did not move to lane ${toLane}: ${error.message}`);
        return false;
      })
      .then((moved) => {
        this.#moving.delete(partition);
        if (!moved) metrics.moves.labels({ result: 'refused' }).inc();
        // The next one at once; one that was refused is tried again with the next look.
        else if (!this.#isStopping) this.#lookSoon(0);
      });
  }

  /** The lane of this name, wherever it is held at each call. */
  #peer(lane: string): HandoffPeer {
    const ask = (kind: MeshKind, body: Uint8Array): Promise<HandoffAnswer> => {
      const holder = this.#routes.holderOf(lane);
      if (holder === undefined) return Promise.reject(new MeshFailure(`nobody is known to hold lane ${lane}`));
      return new Promise((resolve, reject) => {
        this.#options.mesh.call(holder.address, kind, body, HANDOFF_TIMEOUT_MS, (answer) => {
          if (answer instanceof MeshFailure) reject(answer);
          else resolve(decodeAnswer(answer));
        });
      });
    };
    return {
      rows: (message) => this.#lanes.get(lane)?.arrivals.rows(message) ?? ask(MESH_KIND.rows, encodeRows(message)),
      handover: async (message) => {
        const own = this.#lanes.get(lane);
        if (own === undefined) return ask(MESH_KIND.handover, encodeHandover(message));
        const opened = await own.arrivals.handover(message);
        this.#holdingsChanged([message.partition]);
        return opened;
      },
    };
  }

  /** Two workers with different views would send a partition to and fro: it is taken by who expects it. */
  #mayNotCome({ partition, isSealed }: RowsMessage): Promise<HandoffAnswer> | undefined {
    const owner = this.#owners[partition];
    if (isSealed || owner === this.#options.id) return undefined;
    this.#refreshView();
    const { version } = this.#membership.view;
    return Promise.resolve({
      status: 'refused',
      reason: `by view ${version} partition ${partition} belongs to ${owner ?? 'nobody'}`,
    });
  }

  /** Reads the view before its time: somebody knows a newer one. */
  #refreshView(): void {
    void this.#membership.refresh().catch(() => {
      // The next poll says so, if it goes on.
    });
  }

  #arrivals(lane: string): HandoffPeer {
    const own = this.#lanes.get(lane);
    if (own !== undefined) return own.arrivals;
    const refused = async (): Promise<HandoffAnswer> => ({
      status: 'refused',
      reason: `lane ${lane} is not held here`,
    });
    return { rows: refused, handover: refused };
  }
}

function announcementIn(bytes: Uint8Array): Announcement {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as Announcement;
}
