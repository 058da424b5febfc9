// Requests about many skus, asked of the workers that serve them and put together again.
import {
  type AvailabilityView,
  type Failure,
  failure,
  type ItemRequest,
  type ListRequest,
  type Outcome,
  type QueryRequest,
} from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';

type PositionsReply = Outcome & { readonly positions: AvailabilityView[] };

/** One partition's part of a list. */
export interface PageRequest {
  readonly op: 'page';
  readonly partition: number;
  readonly region: string;
  readonly after: string | undefined;
  readonly limit: number;
}

/** What is needed of the worker. */
export interface Spreader {
  whereIs(partition: number): InventoryGrid | string | undefined;
  partitionOf(sku: string): number;
  pass(address: string, request: QueryRequest | PageRequest, done: (outcome: Outcome | undefined) => void): void;
  /** Takes one request whoever serves it, and waits where nobody does. */
  submit(request: ItemRequest, respond: Respond): void;
}

/** Answers in the order of the question, as one worker would that served all of it. */
export function queryAcross(request: QueryRequest, region: string, worker: Spreader, respond: Respond): void {
  const regions = request.regions ?? [region];
  const unknown = regions.filter((r) => r !== region).flatMap((r) => request.skus.map((sku) => ({ sku, region: r })));
  if (!regions.includes(region)) {
    respond({ ok: true, positions: [], unknown });
    return;
  }
  const groups = new Map<InventoryGrid | string | undefined, string[]>();
  for (const sku of request.skus) {
    const place = worker.whereIs(worker.partitionOf(sku));
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [sku]);
    else group.push(sku);
  }
  const views = new Map<string, AvailabilityView>();
  let failed: Failure | undefined;
  let waiting = groups.size;
  const done = (): void => {
    waiting -= 1;
    if (waiting > 0) return;
    if (failed !== undefined) {
      respond(failed);
      return;
    }
    const positions: AvailabilityView[] = [];
    for (const sku of request.skus) {
      const view = views.get(sku);
      if (view === undefined) unknown.push({ sku, region });
      else positions.push(view);
    }
    respond({ ok: true, positions, unknown });
  };
  const take = (outcome: Outcome): void => {
    if (isFailure(outcome)) failed = outcome;
    else for (const view of (outcome as PositionsReply).positions) views.set(view.sku, view);
    done();
  };
  /** One by one: each then waits for its own partition. */
  const singly = (skus: readonly string[]): void => {
    waiting += skus.length;
    done();
    for (const sku of skus) {
      worker.submit({ op: 'get', sku, region }, (outcome) => {
        if (!isFailure(outcome)) views.set(sku, outcome as unknown as AvailabilityView);
        else if (outcome.code !== 'NOT_FOUND') failed = outcome;
        done();
      });
    }
  };
  if (waiting === 0) {
    waiting = 1;
    done();
  }
  for (const [place, skus] of groups) {
    const part: QueryRequest = { op: 'query', skus, regions: [region] };
    if (place === undefined) singly(skus);
    else if (typeof place === 'object') place.submit(part, take);
    else
      worker.pass(place, part, (outcome) => {
        if (outcome === undefined) singly(skus);
        else take(outcome);
      });
  }
}

/** Pages go through the partitions in turn: each is listed by the worker that serves it. */
export function listAcross(request: ListRequest, partitions: number, worker: Spreader, respond: Respond): void {
  const found: AvailabilityView[] = [];
  let partition = request.after === undefined ? 0 : worker.partitionOf(request.after);
  let { after } = request;
  const finish = (next: string | undefined): void => {
    respond(next === undefined ? { ok: true, positions: found } : { ok: true, positions: found, next });
  };
  const step = (): void => {
    for (;;) {
      if (found.length === request.limit) {
        finish(found[found.length - 1]?.sku);
        return;
      }
      if (partition >= partitions) {
        finish(undefined);
        return;
      }
      const { region, limit } = request;
      const part: PageRequest = { op: 'page', partition, region, after, limit: limit - found.length };
      // Local partitions are listed in this loop, so that a page over many of them does not grow the stack.
      let isAnsweredNow = false;
      let isLoopOver = false;
      ask(part, (outcome) => {
        if (isFailure(outcome)) {
          respond(outcome);
          return;
        }
        found.push(...(outcome as PositionsReply).positions);
        partition += 1;
        after = undefined;
        if (isLoopOver) step();
        else isAnsweredNow = true;
      });
      isLoopOver = true;
      if (!isAnsweredNow) return;
    }
  };
  const ask = (part: PageRequest, take: (outcome: Outcome) => void): void => {
    const place = worker.whereIs(part.partition);
    if (place === undefined) take(NOT_SERVED);
    else if (typeof place === 'object') place.page(part.partition, part.after, part.limit, take);
    else worker.pass(place, part, (outcome) => take(outcome ?? NOT_SERVED));
  };
  step();
}

const NOT_SERVED = failure('UNAVAILABLE', 'a partition is moving to another worker; ask again', 100);

function isFailure(outcome: Outcome): outcome is Failure {
  return !outcome.ok;
}
