// The grid that a gateway sees where there are several regions: requests for this region go to its workers, those for
// another one to that region. It decides nothing about stock.
import {
  type AvailabilityPush,
  type Failure,
  failure,
  type ItemRequest,
  type QueryRequest,
} from '../../protocol/index.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from '../shell/grid.ts';
import type { RegionDirectory } from './directory.ts';
import type { RegionForwards } from './forwards.ts';
import type { OwnWrites } from './own-writes.ts';
import { answerQuery } from './query.ts';
import type { RemoteReads } from './reads.ts';
import type { RemoteWatches } from './watches.ts';

/** How long a region is asked to wait for tasks, ms; well within one attempt. */
const TAKE_WAIT_MS = 1_000;

export interface RegionsGridDeps {
  readonly region: string;
  /** This region's workers, behind one of them. */
  readonly grid: Grid;
  readonly directory: RegionDirectory;
  readonly forwards: RegionForwards;
  readonly reads: RemoteReads;
  readonly ownWrites: OwnWrites;
  readonly watches: RemoteWatches;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export class RegionsGrid implements Grid {
  readonly #deps: RegionsGridDeps;
  #flush: () => void = () => {};

  constructor(deps: RegionsGridDeps) {
    this.#deps = deps;
  }

  info(): GridInfo {
    return { ...this.#deps.grid.info(), otherRegions: this.#deps.directory.regions() };
  }

  readiness(): Readiness {
    return this.#deps.grid.readiness();
  }

  figures(): GridFigures {
    return this.#deps.grid.figures();
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
    this.#deps.grid.onReleased(flush);
  }

  /** Outcomes that came from other regions were handed out. */
  released(): void {
    this.#flush();
  }

  shedding(): Failure | undefined {
    return this.#deps.grid.shedding();
  }

  refusedUnread(count: number): void {
    this.#deps.grid.refusedUnread(count);
  }

  submit(request: ItemRequest, respond: Respond): void {
    const { region: own, grid } = this.#deps;
    if (request.op === 'query') {
      this.#query(request, respond);
      return;
    }
    const region = 'ref' in request ? request.ref.region : (request.region ?? own);
    if (region === own) grid.submit(request, respond);
    else this.#elsewhere(region, request, respond);
  }

  #elsewhere(region: string, request: ItemRequest, respond: Respond): void {
    const { directory, forwards, reads, ownWrites } = this.#deps;
    if (!directory.knows(region)) {
      respond(this.#unknown(region));
      return;
    }
    if (request.op === 'get') {
      reads.get(request, respond);
      return;
    }
    if (request.op === 'takeTasks') {
      // An attempt takes no longer than that: what was lent would have gone to nobody.
      forwards.pass(region, { ...request, waitMs: Math.min(request.waitMs, TAKE_WAIT_MS) }, undefined, respond);
      return;
    }
    const sku = 'ref' in request ? request.ref.sku : 'sku' in request ? request.sku : undefined;
    if (sku === undefined) forwards.pass(region, request, undefined, respond);
    else if (!('requestId' in request)) forwards.pass(region, request, reads.holder(region, sku), respond);
    else {
      forwards.pass(region, request, reads.holder(region, sku), (outcome) => {
        ownWrites.note(region, sku, outcome);
        respond(outcome);
      });
    }
  }

  #query(request: QueryRequest, respond: Respond): void {
    const { region: own, grid, directory, reads, now } = this.#deps;
    const regions = request.regions ?? [own];
    if (regions.every((region) => region === own)) {
      grid.submit(request, respond);
      return;
    }
    answerQuery(regions, respond, now, (region, done) => {
      if (region === own) grid.submit({ op: 'query', skus: request.skus, regions: [own] }, done);
      else if (directory.knows(region)) reads.query(request, region, done);
      else done({ ok: true, positions: [], unknown: request.skus.map((sku) => ({ sku, region })) });
    });
  }

  #unknown(region: string): Failure {
    const { region: own, directory } = this.#deps;
    const known = [own, ...directory.regions()].join(', ');
    return failure('NOT_FOUND', `region ${region} is not known here; there are ${known}`);
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void, region = this.#deps.region): () => void {
    const { region: own, grid, watches } = this.#deps;
    return region === own ? grid.watch(sku, listener) : watches.watch(region, sku, listener);
  }
}
