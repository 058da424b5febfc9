// One worker of a region: takes any request of the region, serves what its lanes have, passes the rest on to the worker
// that serves it (once), and keeps what nobody serves at the moment until somebody does. The grid that the gateway sees.
import type { PoolRow } from '../../cluster/escrow/index.ts';
import { MESH_KIND, type Mesh, MeshFailure } from '../../cluster/mesh/port.ts';
import {
  type AvailabilityPush,
  type Failure,
  failure,
  type ItemRequest,
  type ListRequest,
  type OrderReservationRequest,
  type Outcome,
  orderIdOf,
  type QueryRequest,
  type ReservationRef,
  type TakeTasksRequest,
} from '../../protocol/index.ts';
import { partitionOf } from '../core/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from '../shell/grid.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import { NOT_COORDINATED } from '../shell/refusals.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { HeldLanes } from './held-lanes.ts';
import {
  decodeOutcome,
  decodeRequest,
  encodeOutcome,
  encodeRequest,
  isItem,
  NOT_SERVED_HERE,
  opCodeOf,
} from './mesh-codec.ts';
import { Parking } from './parking.ts';
import type { PoolLink } from './pool-link.ts';
import { PoolRelay } from './pool-relay.ts';
import type { Routes } from './routes.ts';
import { listAcross, type PageRequest, queryAcross } from './spread.ts';
import { TaskRelay } from './task-relay.ts';
import { WatchRelay } from './watch-relay.ts';

/** A request waits for its partition for so long, ms: a planned move takes a hundredth of it, a take-over half. */
const WAIT_MS = 3_000;
/** An owner that has not answered by then may have died with the request: it is sent again, ms. */
const FORWARD_TIMEOUT_MS = 1_500;
/** What waits is looked at so often, ms. */
const PARKED_LOOK_MS = 20;
const PARKED_MAX = 32_768;
const REACHES_NOBODY =
  'it serves no partition and reaches no other worker of the region: see its log, and compare the secret, TLS and the mesh addresses';

export interface WorkerGridDeps {
  readonly info: () => GridInfo;
  readonly region: string;
  readonly partitions: number;
  readonly lanes: HeldLanes;
  readonly routes: Routes;
  readonly mesh: Mesh;
  readonly runtime: Runtime;
  readonly watchedMax: number;
  readonly forwards: Metrics['forwards'];
  /** To other regions that sell the same pools; without it pooled stock stays where it is. */
  readonly poolLink?: PoolLink;
  /** Told of rows about pooled stock that came here and are not taken in here. */
  readonly rowsNotServed: (result: 'passed' | 'dropped', rows: number) => void;
}

export class WorkerGrid implements Grid {
  readonly #deps: WorkerGridDeps;
  readonly #parking = new Parking(PARKED_MAX);
  readonly #watches: WatchRelay;
  /** Requests passed on, by what came of it: looked up once, as they are counted one by one. */
  readonly #passedOn: Readonly<Record<'ok' | 'moved' | 'failed', { inc(): void }>>;
  readonly #pools: PoolRelay | undefined;
  readonly #tasks: TaskRelay;
  #flush: () => void = () => {};
  #onMoved: () => void = () => {};
  #flushDue = false;
  #refusal: Failure | undefined = failure('UNAVAILABLE', 'the worker is starting: its journal is being read', 500);
  #cancelLook: (() => void) | undefined;

  constructor(deps: WorkerGridDeps) {
    this.#deps = deps;
    this.#watches = new WatchRelay(deps);
    const { forwards } = deps;
    this.#passedOn = { ok: forwards.labels('ok'), moved: forwards.labels('moved'), failed: forwards.labels('failed') };
    const { region, partitions, mesh, poolLink, rowsNotServed } = deps;
    if (poolLink !== undefined) {
      const whereIs = (partition: number): InventoryGrid | string | undefined => this.whereIs(partition);
      this.#pools = new PoolRelay({ region, partitions, mesh, link: poolLink, whereIs, notServed: rowsNotServed });
    }
    this.#tasks = new TaskRelay({
      lanes: () => deps.lanes.all(),
      others: () => this.#others(),
      pass: (address, request, done) => this.pass(address, request, done),
      runtime: deps.runtime,
    });
    deps.mesh.handle(MESH_KIND.request, (body, reply) => this.#receive(body, reply));
  }

  /** From now on requests are taken. */
  start(): void {
    this.#refusal = undefined;
    this.#watches.start();
  }

  stop(): void {
    this.#refusal = failure('UNAVAILABLE', 'the worker is stopping; connect again', 500);
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#watches.stop();
    this.#parking.expire(Number.POSITIVE_INFINITY);
    this.#flush();
  }

  info(): GridInfo {
    return this.#deps.info();
  }

  readiness(): Readiness {
    if (this.#refusal !== undefined) return { ready: false, reason: this.#refusal.message };
    const home = this.#deps.lanes.home?.readiness() ?? { ready: false, reason: 'the worker holds no lane' };
    return home.ready && this.#isCutOff() ? { ready: false, reason: REACHES_NOBODY } : home;
  }

  /** It serves no partition, and knows of nobody to pass requests on to: nearly all it is asked ends in a refusal. */
  #isCutOff(): boolean {
    const { routes, mesh } = this.#deps;
    return routes
      .workers()
      .every(({ address, lanes }) => address === mesh.address && lanes.every(({ open }) => open.length === 0));
  }

  /** Where other workers are that serve partitions. */
  #others(): string[] {
    const { routes, mesh } = this.#deps;
    const serving = routes.workers().filter(({ lanes }) => lanes.some(({ open }) => open.length > 0));
    return serving.map(({ address }) => address).filter((address) => address !== mesh.address);
  }

  figures(): GridFigures {
    const all = this.#deps.lanes.all().map((lane) => lane.figures());
    const total = (of: (figures: GridFigures) => number): number => all.reduce((sum, figures) => sum + of(figures), 0);
    const ages = all.map(({ snapshotAgeMs }) => snapshotAgeMs);
    return {
      actors: { hot: total((f) => f.actors.hot), packed: total((f) => f.actors.packed) },
      positions: total((f) => f.positions),
      liveReservations: total((f) => f.liveReservations),
      orders: total((f) => f.orders),
      tasksWaiting: total((f) => f.tasksWaiting),
      tasksLent: total((f) => f.tasksLent),
      mailboxDepth: total((f) => f.mailboxDepth) + this.#parking.size,
      journalSeq: total((f) => f.journalSeq),
      durableSeq: total((f) => f.durableSeq),
      tailRecords: total((f) => f.tailRecords),
      snapshotAgeMs: ages.includes(undefined) ? undefined : Math.max(0, ...(ages as number[])),
    };
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
    this.#deps.lanes.onReleased(flush);
  }

  /** With its own lane at its limit a worker has nothing left for passing requests on either. */
  shedding(): Failure | undefined {
    return this.#deps.lanes.sole?.shedding();
  }

  refusedUnread(count: number): void {
    this.#deps.lanes.sole?.refusedUnread(count);
  }

  submit(request: ItemRequest, respond: Respond): void {
    if (this.#refusal !== undefined) {
      respond(this.#refusal);
      return;
    }
    const { region, lanes, partitions } = this.#deps;
    switch (request.op) {
      case 'query':
        queryAcross(request, region, this, respond);
        return;
      case 'list':
        listAcross(request, partitions, this, respond);
        return;
      case 'takeTasks':
        if (request.region !== region) respond(notServed(request.region, region));
        else this.#tasks.take(request, respond);
        return;
      case 'reserveOrder':
      case 'commitOrder':
      case 'releaseOrder':
        respond(NOT_COORDINATED);
        return;
      default: {
        const isByRef = 'ref' in request;
        const asked = isByRef ? request.ref.region : request.region;
        if (asked !== region) {
          respond(notServed(asked, region));
          return;
        }
        const partition = partitionOf(isByRef ? request.ref.sku : subjectOf(request), partitions);
        const lane = lanes.serving(partition);
        if (lane !== undefined) lane.submit(request, respond);
        else this.#elsewhere(partition, request, respond, this.#deps.runtime.monotonic() + WAIT_MS);
      }
    }
  }

  /** Sends what the lanes of this worker have to say about pooled stock. */
  sendRows(rows: readonly PoolRow[]): void {
    this.#pools?.send(rows);
  }

  /** Lends tasks of the orders that this worker holds, at once. */
  takeHere(request: TakeTasksRequest, respond: Respond): void {
    this.#tasks.takeHere(request, respond);
  }

  /** The lane of this worker that serves the partition, or the address of the worker that does. */
  whereIs(partition: number): InventoryGrid | string | undefined {
    const lane = this.#deps.lanes.serving(partition);
    if (lane !== undefined) return lane;
    const address = this.#deps.routes.of(partition)?.address;
    return address === this.#deps.mesh.address ? undefined : address;
  }

  partitionOf(sku: string): number {
    return partitionOf(sku, this.#deps.partitions);
  }

  #elsewhere(partition: number, request: ItemRequest, respond: Respond, until: number): void {
    const place = this.whereIs(partition);
    if (typeof place === 'object') {
      place.submit(request, respond);
      return;
    }
    if (place === undefined) {
      this.#park(partition, request, respond, until);
      return;
    }
    this.pass(place, request, (outcome) => {
      if (outcome !== undefined) respond(outcome);
      else this.#park(partition, request, respond, until);
    });
  }

  /**
   * Asks another worker; `done` gets undefined when it does not serve it, or did not answer: the request may be sent
   * again, as its requestId makes it count once.
   */
  pass(address: string, request: ItemRequest | PageRequest, done: (outcome: Outcome | undefined) => void): void {
    this.#deps.mesh.call(address, MESH_KIND.request, encodeRequest(request), FORWARD_TIMEOUT_MS, (answer) => {
      const outcome = answer instanceof MeshFailure ? undefined : decodeOutcome(answer);
      this.#passedOn[answer instanceof MeshFailure ? 'failed' : outcome === undefined ? 'moved' : 'ok'].inc();
      done(outcome);
      this.#flushSoon();
    });
  }

  /** Outcomes that came over the mesh leave together, once a turn. */
  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#deps.runtime.defer(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #park(partition: number, request: ItemRequest, respond: Respond, until: number): void {
    this.#parking.park(partition, { request, respond, until });
    this.#cancelLook ??= this.#deps.runtime.after(PARKED_LOOK_MS, this.#look);
    this.#flushSoon();
  }

  readonly #look = (): void => {
    this.#cancelLook = undefined;
    for (const partition of this.#parking.partitions()) this.resume(partition);
    this.#parking.expire(this.#deps.runtime.monotonic());
    if (this.#parking.size > 0) this.#cancelLook ??= this.#deps.runtime.after(PARKED_LOOK_MS, this.#look);
    this.#flushSoon();
  };

  /** To be called when a partition may be served again: what waits for it goes on, in order. */
  resume(partition: number): void {
    if (this.#refusal !== undefined || this.whereIs(partition) === undefined) return;
    const now = this.#deps.runtime.monotonic();
    for (const parked of this.#parking.take(partition)) {
      if (parked.until > now) this.#elsewhere(partition, parked.request, parked.respond, parked.until);
      else this.#parking.park(partition, parked);
    }
  }

  /** Calls `listener` when partitions are served elsewhere than before, or the workers have changed. */
  onMoved(listener: () => void): void {
    this.#onMoved = listener;
  }

  /** Partitions are served elsewhere than before; none: the workers have changed. */
  moved(partitions: readonly number[]): void {
    this.#onMoved();
    for (const partition of partitions) this.resume(partition);
    this.#watches.moved(new Set(partitions));
  }

  /** A request that another worker passed on: served here, or not at all. */
  #receive(body: Uint8Array, reply: (body: Uint8Array) => void): void {
    if (this.#refusal !== undefined) {
      reply(NOT_SERVED_HERE);
      return;
    }
    const request = decodeRequest(body);
    // Whoever sent it, or this worker, is of a version that the handshake should have kept out: nothing is guessed.
    if ('ok' in request) throw new Error(`a request that another worker passed on: ${request.message}`);
    if (request.op !== 'page' && !isItem(request))
      throw new Error(`another worker passed on a request to ${request.op}`);
    const opCode = opCodeOf(request.op);
    const respond = (outcome: Outcome): void => reply(encodeOutcome(outcome, opCode));
    switch (request.op) {
      case 'page': {
        const lane = this.#deps.lanes.serving(request.partition);
        if (lane === undefined) reply(NOT_SERVED_HERE);
        else lane.page(request.partition, request.after, request.limit, respond);
        return;
      }
      case 'list':
        reply(NOT_SERVED_HERE);
        return;
      case 'query': {
        const lanes = new Set(request.skus.map((sku) => this.#deps.lanes.serving(this.partitionOf(sku))));
        const [lane] = lanes;
        if (lane === undefined || lanes.size > 1) reply(NOT_SERVED_HERE);
        else lane.submit(request, respond);
        return;
      }
      case 'takeTasks':
        this.#tasks.takeHere(request, respond);
        return;
      case 'reserveOrder':
      case 'commitOrder':
      case 'releaseOrder':
        reply(NOT_SERVED_HERE);
        return;
      default: {
        const lane = this.#deps.lanes.serving(
          this.partitionOf('ref' in request ? request.ref.sku : subjectOf(request)),
        );
        if (lane === undefined) reply(NOT_SERVED_HERE);
        else lane.submit(request, respond);
      }
    }
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void): () => void {
    return this.#watches.watch(sku, listener);
  }
}

function notServed(asked: string, region: string): Failure {
  return failure('NOT_FOUND', `region ${asked} is not served here; this worker serves ${region}`);
}

/** What the partition of a request follows from. */
function subjectOf(
  request: Exclude<ItemRequest, ByRef | QueryRequest | ListRequest | TakeTasksRequest | OrderReservationRequest>,
): string {
  return 'sku' in request ? request.sku : orderIdOf(request);
}

type ByRef = Extract<ItemRequest, { readonly ref: ReservationRef }>;
