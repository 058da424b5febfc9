// A worker of a region among others: finds its place, takes over the lanes of workers that died, hands partitions to
// those that the ring names, and tells all others what it holds. What it may do at all the journals decide; this is
// the part that keeps things moving.
import type { PoolRow } from '../../cluster/escrow/index.ts';
import { leave, type Member, type MemberView, replace, setStatus } from '../../cluster/members.ts';
import { Membership } from '../../cluster/membership.ts';
import { MESH_KIND, MeshFailure } from '../../cluster/mesh/port.ts';
import { ownersOf, placed } from '../../cluster/placement.ts';
import type { GridInfo, RegionReport, WorkerReport } from '../shell/grid.ts';
import type { HandoffPeer } from '../shell/handoff.ts';
import {
  decodeHandover,
  decodeRows,
  encodeAnswer,
  type HandoffAnswer,
  type RowsMessage,
} from '../shell/handoff-messages.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import { SHELL_LIMITS, type ShellLimits } from '../shell/limits.ts';
import { pause } from '../shell/runtime.ts';
import { Adoption } from './adoption.ts';
import { HeldLanes } from './held-lanes.ts';
import { takeHome } from './home.ts';
import { Moves } from './moves.ts';
import { RegionDurability } from './region-durability.ts';
import type { RegionWorkerOptions } from './region-worker-options.ts';
import { type Announcement, type LaneHoldings, Routes } from './routes.ts';
import { WorkerGrid } from './worker-grid.ts';

/** Between looks at what there is to adopt or to move, ms. */
const LOOK_MS = 50;
/** What is held is told again so often, ms, and at once when it changes. */
const ANNOUNCE_MS = 1_000;

export class RegionWorker {
  readonly #options: RegionWorkerOptions;
  readonly #limits: ShellLimits;
  readonly #lanes: HeldLanes;
  readonly #routes: Routes;
  readonly #membership: Membership;
  readonly grid: WorkerGrid;
  readonly #durability: RegionDurability;
  readonly #moves: Moves;
  readonly #adoption: Adoption;
  /** The member that each partition belongs to, by the present view. */
  #owners: readonly string[] = [];
  readonly #incarnation: string;
  #announcements = 0;
  #isAnnouncing = false;
  #announcedAt = 0;
  /** What went wrong at the last look: said once, not at each. */
  #lookFailed = '';
  /** Also before it has a home: it would adopt that, and wait for itself to give it up. */
  #isLooking = true;
  #isStopping = false;
  /** Of its entry in the view: one of an earlier time is not its own. */
  #joinedAt = 0;
  /** It was asked to, and goes on to whatever becomes of the view. */
  #isDraining = false;
  /** It was drained, and is no member any more. */
  #hasLeft = false;
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
    const { poolOptions, orderCore, askOrder, changed } = options;
    this.#lanes = new HeldLanes({
      region,
      partitions,
      store,
      ownerId,
      server,
      runtime,
      metrics,
      limits,
      log,
      draw,
      sendRows: (rows: readonly PoolRow[]) => this.grid.sendRows(rows),
      ...(poolOptions === undefined ? {} : { poolOptions }),
      ...(orderCore === undefined ? {} : { orderCore }),
      ...(askOrder === undefined ? {} : { askOrder }),
      ...(changed === undefined ? {} : { changed }),
    });
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
      forwards: metrics.forwards,
      rowsNotServed: (result, rows) => metrics.poolRows.labels({ result }).inc(rows),
      ...(options.poolLink === undefined ? {} : { poolLink: options.poolLink }),
    });
    this.#membership = new Membership({
      register: store.register(region),
      runtime,
      log,
      place: (view, before) => placed(view, before, partitions),
    });
    this.#durability = new RegionDurability({ region, own: store.durability, membership: this.#membership, log });
    this.#adoption = new Adoption({
      id: options.id,
      region,
      partitions,
      store,
      runtime,
      log,
      lanes: this.#lanes,
      routes: this.#routes,
      membership: this.#membership,
      sessionTtlMs: limits.sessionTtlMs,
      isStopping: () => this.#isStopping,
      adopted: (lane) => {
        metrics.adoptions.inc();
        this.#holdingsChanged(lane.holdings().map(({ partition }) => partition));
      },
      gaveBack: () => this.#holdingsChanged([]),
    });
    this.#moves = new Moves({
      id: options.id,
      mesh,
      runtime,
      metrics,
      log,
      lanes: this.#lanes,
      routes: this.#routes,
      membership: this.#membership,
      changed: (holdings) => this.#holdingsChanged(holdings),
      moved: () => {
        if (!this.#isStopping) this.#lookSoon(0);
      },
    });
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
    const { id, runtime, log } = this.#options;
    const deadline = runtime.monotonic() + waitMs;
    const home = await takeHome({ id, runtime, log, lanes: this.#lanes, membership: this.#membership }, deadline);
    await this.#join(home);
    this.#membership.start();
    this.grid.start();
    this.#holdingsChanged(home.holdings().map(({ partition }) => partition));
    this.#isLooking = false;
    this.#look();
  }

  async #join(home: InventoryGrid): Promise<void> {
    const { id, mesh, host, server, url, runtime, regionsMesh, store } = this.#options;
    const { lane } = home;
    const { durability } = store;
    const joinedAt = runtime.now();
    this.#joinedAt = joinedAt;
    const member: Member = {
      id,
      mesh: mesh.address,
      url: url(),
      lane,
      host,
      status: 'up',
      version: server,
      joinedAt,
      durability,
      ...(regionsMesh === undefined ? {} : { regionsMesh }),
    };
    await this.#membership.update((view) => {
      // Whose home this was has lost it: the lane is here.
      const former = view.members.find((other) => other.lane === lane && other.id !== id);
      return replace(former === undefined ? view : leave(view, former.id), id, member);
    });
  }

  /** Who serves and is missing in the view was taken for dead, or the store has lost its entry: it joins again. */
  async #joinWhenMissing(): Promise<void> {
    const { home } = this.#lanes;
    if (home?.readiness().ready !== true || this.#hasLeft) return;
    if (this.#self?.joinedAt === this.#joinedAt) {
      await this.#durability.restore(this.#self);
      return;
    }
    await this.#join(home);
    this.#options.log('joined again: the view of the region did not have this worker');
  }

  /** Has a member, this one or another, move all it holds to others; it sees that in the view. */
  async askToDrain(id: string): Promise<void> {
    await this.#membership.update((view) => setStatus(view, id, 'draining'));
  }

  /** Moves everything to other workers and leaves the view; resolves when nothing is left here. */
  async drain(): Promise<void> {
    const { id, runtime } = this.#options;
    await this.askToDrain(id);
    while (this.#self !== undefined) await pause(runtime, LOOK_MS);
  }

  /** Its entry in the view. */
  get #self(): Member | undefined {
    return this.#membership.view.members.find((member) => member.id === this.#options.id);
  }

  /** A member that is draining and holds nothing any more leaves the view. */
  async #leaveWhenDrained(): Promise<void> {
    const { id, log } = this.#options;
    const self = this.#self;
    if (self?.joinedAt !== this.#joinedAt) return;
    if (self.status === 'draining') this.#isDraining = true;
    // The store has lost that.
    else if (this.#isDraining) await this.askToDrain(id);
    if (self.status !== 'draining' || this.#moves.moving.length > 0) return;
    if (this.#lanes.all().some((lane) => lane.holdings().length > 0)) return;
    await this.#membership.update((view) => leave(view, id));
    this.#hasLeft = true;
    log('drained: nothing is left here, and this worker may be stopped');
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    this.#cancelLook();
    this.#membership.stop();
    this.grid.stop();
    await this.#lanes.close();
  }

  /** The lanes that this worker holds. */
  get lanes(): Pick<HeldLanes, 'serving'> {
    return this.#lanes;
  }

  view(): MemberView {
    return this.#membership.view;
  }

  /** Read anew: a worker that has just joined is in it. */
  latestView(): Promise<MemberView> {
    return this.#membership.refresh();
  }

  /** The mesh addresses of workers that were drained and still run: no members any more, and they still tell of themselves. */
  drained(): string[] {
    const members = new Set(this.view().members.map(({ id }) => id));
    const gone = this.#routes.workers().filter(({ worker }) => worker !== this.#options.id && !members.has(worker));
    return gone.map(({ address }) => address);
  }

  /** What this worker holds and does, for status. */
  report(): WorkerReport {
    const { id, host, server, url, store } = this.#options;
    const lanes = this.#lanes.all().map((lane) => {
      const holdings = lane.holdings();
      const open = holdings.filter(({ isOpen }) => isOpen).length;
      return { lane: lane.lane, epoch: lane.laneEpoch, open, sealed: holdings.length - open };
    });
    return {
      id,
      status: this.#self?.status ?? (this.#hasLeft ? 'drained' : 'draining'),
      host,
      pid: process.pid,
      url: url(),
      version: server,
      durability: store.durability,
      readiness: this.grid.readiness(),
      figures: this.grid.figures(),
      lanes,
      moving: this.#moves.moving.map(({ partition }) => partition),
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
    const durability = this.#durability.weakest;
    if (home !== undefined) return { ...home.info(), durability };
    return { server, region, durability, store: store.driver, partitions, epoch: 0, nonce: '' };
  }

  #viewChanged(): void {
    if (this.#isStopping) return;
    this.#owners = ownersOf(this.#membership.view, this.#options.partitions);
    const present = new Set(this.#membership.view.members.map((member) => member.id));
    for (const { worker } of this.#routes.workers()) {
      if (worker !== this.#options.id && !present.has(worker)) this.#routes.forget(worker);
    }
    this.grid.moved([]);
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
    if (said.view > this.#membership.view.version) {
      // Once more when the newer view is known: with it those are forgotten who have left it, also who still tells.
      this.#refreshView(() => this.#learn(said));
    }
    this.#learn(said);
  }

  #learn(said: Announcement): void {
    const changed = this.#routes.learn(said);
    for (const held of said.lanes) {
      if (held.isLapsed !== true) this.#adoption.held(held.lane);
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
      // A worker that was stopped for long is to learn that from the store, which fences it.
      if (!own.readiness().ready) continue;
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
    this.grid.moved(this.#routes.forget(lost.worker));
    for (const { lane } of lost.lanes) this.#adoption.lost(lane);
    // The link may have been lost and not the worker: then its answer says what it holds.
    this.#announce();
    this.#lookSoon(0);
  }

  // What is looked at again and again.

  #lookSoon(ms: number): void {
    this.#cancelLook();
    this.#cancelLook = this.#options.runtime.after(ms, () => this.#look());
  }

  #look(): void {
    if (this.#isStopping || this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookOnce()
      .then(
        () => {
          this.#lookFailed = '';
        },
        (error: Error) => {
          if (error.message !== this.#lookFailed)
            this.#options.log(`looking for what to adopt or move: ${error.message}`);
          this.#lookFailed = error.message;
        },
      )
      .finally(() => {
        this.#isLooking = false;
        if (!this.#isStopping) this.#lookSoon(LOOK_MS);
      });
  }

  async #lookOnce(): Promise<void> {
    if (this.#options.runtime.monotonic() - this.#announcedAt >= ANNOUNCE_MS) this.#announce();
    await this.#adoption.look();
    await this.#leaveWhenDrained();
    await this.#joinWhenMissing();
    this.#moves.start(this.#owners);
  }

  // Partitions that arrive.

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
  #refreshView(done: () => void = () => {}): void {
    void this.#membership.refresh().then(done, () => {
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
