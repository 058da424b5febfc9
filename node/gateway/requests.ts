// What every transport does with a request once it is decoded: hands it to the grid, takes a batch apart and puts it
// together again, says hello.
import { type Encoding, SUBPROTOCOL } from '../../protocol/codec.ts';
import * as bounds from '../../protocol/index.ts';
import {
  type BatchReply,
  type BatchRequest,
  type Failure,
  failure,
  type HelloReply,
  type Id,
  type ItemRequest,
  type Outcome,
  type Request,
} from '../../protocol/index.ts';
import type { Grid, Respond } from '../shell/grid.ts';
import type { Latencies } from './latency.ts';
import type { GatewayLimits } from './limits.ts';
import type { MapNews } from './map-news.ts';

export interface RequestsDeps {
  readonly grid: Grid;
  readonly latencies: Latencies;
  readonly limits: GatewayLimits;
  readonly mapNews: MapNews;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

type Item = BatchReply['items'][number];

export class Requests {
  readonly #deps: RequestsDeps;

  constructor(deps: RequestsDeps) {
    this.#deps = deps;
  }

  /** Hands one request to the grid. A defect there becomes INTERNAL for this request and disturbs no other. */
  submit(request: ItemRequest, respond: Respond): void {
    try {
      this.#deps.grid.submit(request, respond);
    } catch (error) {
      this.#deps.onError(error);
      respond(
        failure('INTERNAL', 'the request failed through a defect of the server; it may or may not have taken effect'),
      );
    }
  }

  /** Submits all items at once and answers when all are answered, in their order. */
  batch(batch: BatchRequest, startedAtMs: number, respond: Respond): void {
    const { latencies, now } = this.#deps;
    const items: Item[] = new Array(batch.items.length);
    let missing = batch.items.length;
    const answer = (index: number, id: Id | undefined, outcome: Outcome): void => {
      if (items[index] !== undefined) return;
      items[index] = id === undefined ? outcome : { id, ...outcome };
      missing -= 1;
      if (missing === 0) respond({ ok: true, items });
    };
    if (missing === 0) respond({ ok: true, items });
    for (const [index, { id, request }] of batch.items.entries()) {
      if (isFailure(request)) {
        latencies.invalid.observe(request, startedAtMs, now());
        answer(index, id, request);
        continue;
      }
      const latency = latencies[request.op];
      this.submit(request, (outcome) => {
        latency.observe(outcome, startedAtMs, now());
        answer(index, id, outcome);
      });
    }
  }

  hello(encoding: Encoding): HelloReply {
    const { grid, limits, mapNews } = this.#deps;
    const info = grid.info();
    return {
      ok: true,
      server: info.server,
      protocol: SUBPROTOCOL[encoding],
      region: info.region,
      durability: info.durability,
      limits: {
        frameBytesMax: bounds.FRAME_BYTES_MAX,
        batchItemsMax: bounds.BATCH_ITEMS_MAX,
        querySkusMax: bounds.QUERY_SKUS_MAX,
        listPageMax: bounds.LIST_PAGE_MAX,
        inFlightMax: limits.inFlightMax,
        subscriptionsMax: limits.subscriptionsMax,
        qtyMax: bounds.QTY_MAX,
        ttlMsMin: bounds.TTL_MS_MIN,
        ttlMsMax: bounds.TTL_MS_MAX,
        idempotencyWindowMs: bounds.IDEMPOTENCY_WINDOW_MS,
      },
      partitions: { count: info.partitions, view: mapNews.view },
      now: steadyNow(),
    };
  }
}

/**
 * The time that the grid goes by: the wall clock of the start, carried on by one that never jumps. Clients make requestIds
 * by it; by a wall clock that was set back an hour they would all be too old.
 */
function steadyNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}

/** How many replies of one item's size a request asks for; at least 1. */
export function weightOf(request: Request): number {
  switch (request.op) {
    case 'batch': {
      let weight = 1;
      for (const item of request.items) if (!isFailure(item.request)) weight += weightOf(item.request);
      return weight;
    }
    case 'query':
      return Math.max(1, request.skus.length * (request.regions?.length ?? 1));
    case 'list':
    case 'takeTasks':
      return request.limit;
    default:
      return 1;
  }
}

export function isFailure(request: object): request is Failure {
  return 'ok' in request;
}
