// The requests that only look. What they show is free of reservations that are due, and leaves once it is durable.
import {
  type AvailabilityView,
  type Failure,
  failure,
  type GetReservationRequest,
  type Outcome,
  type PoolPartView,
  type QueryRequest,
} from '../../protocol/index.ts';
import { type InventoryState, reservationView, unpack, view } from '../core/index.ts';
import type { SnapshotSlot } from '../journal/port.ts';
import type { Actor, ActorDirectory } from './directory.ts';
import type { Executor } from './executor.ts';
import type { Respond } from './grid.ts';
import type { Pools } from './pools.ts';

/** What durableViews answers. */
export type Views = readonly AvailabilityView[] | undefined;

export class Reads {
  readonly #executor: Executor;
  readonly #directory: ActorDirectory;
  readonly #passivated: (slot: SnapshotSlot, sku: string) => Promise<Uint8Array | undefined>;
  readonly #pools: Pools;

  /** @param passivated see Snapshotter */
  constructor(
    executor: Executor,
    directory: ActorDirectory,
    passivated: (slot: SnapshotSlot, sku: string) => Promise<Uint8Array | undefined>,
    pools: Pools,
  ) {
    this.#executor = executor;
    this.#directory = directory;
    this.#passivated = passivated;
    this.#pools = pools;
  }

  get(sku: string, respond: Respond): void {
    const executor = this.#executor;
    executor.withActor(sku, (actor) => {
      if (actor === undefined) respond(failure('NOT_FOUND', `${sku} is not known in ${executor.ctx.region}`));
      else if ('ok' in actor) respond(actor);
      else {
        const seen = view(actor.state, executor.ctx.region, executor.ctx.epoch);
        const pool = seen.pool && this.#withHints(seen.pool, actor);
        executor.committer.gate(actor.journalSeq, respond, { ok: true, ...seen, ...(pool && { pool }) });
      }
    });
  }

  #withHints(pool: PoolPartView, actor: Actor): PoolPartView {
    const hints = this.#pools.hints(actor, this.#executor.ctx.epoch);
    const regions = pool.regions.map((account) => ({
      ...account,
      ...hints.find(({ region }) => region === account.region),
    }));
    return { ...pool, regions };
  }

  getReservation(request: GetReservationRequest, respond: Respond): void {
    const executor = this.#executor;
    executor.withActor(request.ref.sku, (actor) => {
      if (actor === undefined) respond(failure('NOT_FOUND', `no reservation ${request.reservationId} is known`));
      else if ('ok' in actor) respond(actor);
      else
        executor.committer.gate(
          actor.journalSeq,
          respond,
          reservationView(actor.state, request.ref, executor.now(actor.partition)),
        );
    });
  }

  query(request: QueryRequest, respond: Respond): void {
    const { region } = this.#executor.ctx;
    const regions = request.regions ?? [region];
    const unknown = regions.filter((r) => r !== region).flatMap((r) => request.skus.map((sku) => ({ sku, region: r })));
    if (!regions.includes(region)) {
      respond({ ok: true, positions: [], unknown });
      return;
    }
    this.#views(request.skus, respond, (positions, missing) => {
      for (const sku of missing) unknown.push({ sku, region });
      return { ok: true, positions, unknown };
    });
  }

  /** A page of one partition. */
  page(partition: number, after: string | undefined, limit: number, respond: Respond): void {
    const skus = this.#directory.page(partition, after, limit);
    this.#views(skus, respond, (positions) => ({ ok: true, positions }));
  }

  /**
   * What the actors of these skus are, for one who tells others: nothing is ended that is due, and nobody becomes hot
   * for it. SKUs without an actor are left out. Undefined when a part cannot be had, or did not become durable.
   */
  durableViews(skus: readonly string[], respond: (views: Views) => void): void {
    const executor = this.#executor;
    const views: AvailabilityView[] = [];
    const stored: { sku: string; row: Promise<Uint8Array | undefined> }[] = [];
    let seq = 0;
    const take = (state: InventoryState): void => {
      const { region, epoch } = executor.now(this.#directory.partitionOf(state.sku));
      views.push(view(state, region, epoch));
    };
    for (const sku of skus) {
      const found = this.#directory.peek(sku);
      if (typeof found === 'object') {
        take(found.state);
        seq = Math.max(seq, found.journalSeq);
      } else if (found !== undefined) {
        stored.push({ sku, row: this.#passivated(found, sku) });
      }
    }
    const finish = (): void =>
      executor.committer.gate(seq, ({ ok }) => respond(ok ? views : undefined), { ok: true, positions: views });
    if (stored.length === 0) {
      finish();
      return;
    }
    Promise.all(stored.map(({ row }) => row)).then(
      (rows) => {
        // A row that is not there any more: the actor was loaded meanwhile.
        if (rows.includes(undefined)) {
          respond(undefined);
          return;
        }
        for (const row of rows) take(unpack(row as Uint8Array));
        finish();
      },
      () => respond(undefined),
    );
  }

  /** Views of many skus, answered once all that any of them shows is durable. */
  #views(
    skus: readonly string[],
    respond: Respond,
    finish: (positions: AvailabilityView[], missing: string[]) => Outcome,
  ): void {
    const executor = this.#executor;
    const positions: AvailabilityView[] = [];
    const missing: string[] = [];
    let seq = 0;
    let waiting = skus.length;
    let failed: Failure | undefined;
    const done = (): void => {
      if (failed !== undefined) respond(failed);
      else executor.committer.gate(seq, respond, finish(positions, missing));
    };
    if (waiting === 0) done();
    for (const sku of skus) {
      executor.withActor(sku, (actor) => {
        if (actor === undefined) missing.push(sku);
        else if ('ok' in actor) failed = actor;
        else {
          positions.push(view(actor.state, executor.ctx.region, executor.ctx.epoch));
          seq = Math.max(seq, actor.journalSeq);
        }
        waiting -= 1;
        if (waiting === 0) done();
      });
    }
  }
}
