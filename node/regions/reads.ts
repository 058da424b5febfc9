// What is shown of other regions, from what this worker has heard of them: with its age where it has heard all, and
// asked for there where it has not.
import type { Replica } from '../../cluster/gossip/index.ts';
import {
  type AvailabilityPush,
  type AvailabilityView,
  failure,
  type GetRequest,
  type Outcome,
  type QueryRequest,
} from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { RegionForwards } from './forwards.ts';
import type { OwnWrites } from './own-writes.ts';
import { availableIn, decodeView } from './view-codec.ts';

export interface RemoteReadsDeps {
  /** What has been heard. */
  readonly heard: Pick<Replica, 'get' | 'covers'>;
  readonly forwards: Pick<RegionForwards, 'pass'>;
  readonly ownWrites: OwnWrites;
  readonly runtime: Runtime;
}

type Positions = Outcome & {
  readonly positions: readonly AvailabilityView[];
  readonly unknown: readonly { readonly sku: string; readonly region: string }[];
};

/**
 * What was heard of a sku. `view`: it may be shown, and when it is not `isWhole`, better is asked for first. No view: there
 * is no such sku when that `isWhole`, else only the region itself can say.
 */
interface Found {
  readonly view: AvailabilityView | undefined;
  readonly isWhole: boolean;
}

export class RemoteReads {
  readonly #deps: RemoteReadsDeps;

  constructor(deps: RemoteReadsDeps) {
    this.#deps = deps;
  }

  get(request: GetRequest, respond: Respond): void {
    const { region, sku } = request;
    const found = this.#find(region, sku);
    if (found.isWhole) {
      respond(found.view === undefined ? unknownThere(sku, region) : { ok: true, ...found.view });
      return;
    }
    const askedAt = this.#deps.runtime.monotonic();
    this.#deps.forwards.pass(region, request, this.holder(region, sku), (outcome) => {
      // What was shown once is not taken back by what was heard before.
      this.#deps.ownWrites.note(region, sku, outcome);
      if (outcome.ok) respond({ ...outcome, ageMs: this.#since(askedAt) } as Outcome);
      else if (found.view !== undefined && outcome.retriable) {
        respond({ ok: true, ...aged(found.view, this.#since(askedAt)) });
      } else respond(outcome);
    });
  }

  /** The part of a query that is about one other region. */
  query(request: QueryRequest, region: string, respond: Respond): void {
    const found = new Map<string, Found>();
    for (const sku of request.skus) found.set(sku, this.#find(region, sku));
    const asked = [...found].filter(([, { isWhole }]) => !isWhole).map(([sku]) => sku);
    const foundAt = this.#deps.runtime.monotonic();
    const told = new Map<string, AvailabilityView>();
    const finish = (): void => {
      const positions: AvailabilityView[] = [];
      const unknown: { sku: string; region: string }[] = [];
      const waitedMs = this.#since(foundAt);
      for (const sku of request.skus) {
        const heard = found.get(sku)?.view;
        const view = told.get(sku) ?? (heard && aged(heard, waitedMs));
        if (view !== undefined) positions.push(view);
        else unknown.push({ sku, region });
      }
      respond({ ok: true, positions, unknown });
    };
    if (asked.length === 0) {
      finish();
      return;
    }
    const part: QueryRequest = { op: 'query', skus: asked, regions: [region] };
    this.#deps.forwards.pass(region, part, this.holder(region, asked[0] as string), (outcome) => {
      const isHeardOfAll = asked.every((sku) => found.get(sku)?.view !== undefined);
      if (!outcome.ok && !(outcome.retriable && isHeardOfAll)) {
        respond(outcome);
        return;
      }
      const ageMs = this.#since(foundAt);
      for (const view of outcome.ok ? (outcome as Positions).positions : []) {
        told.set(view.sku, { ...view, ageMs });
        this.#deps.ownWrites.note(region, view.sku, { ok: true, ...view });
      }
      finish();
    });
  }

  /** The worker that has the sku, where that is known. */
  holder(region: string, sku: string): string | undefined {
    return this.#deps.heard.covers(region, sku, this.#deps.runtime.monotonic()).holder;
  }

  /** For subscribers: the latest that was heard. */
  availability(region: string, sku: string): AvailabilityPush | undefined {
    const heard = this.#deps.heard.get(region, sku, this.#deps.runtime.monotonic());
    if (heard === undefined) return undefined;
    const { epoch, seq, value } = heard;
    return { push: 'availability', sku, region, availableToSell: availableIn(value), version: { epoch, seq } };
  }

  #find(region: string, sku: string): Found {
    const { heard, runtime, ownWrites } = this.#deps;
    const now = runtime.monotonic();
    const register = heard.get(region, sku, now);
    const isBehind = ownWrites.isBefore(region, sku, register);
    if (register === undefined) {
      return { view: undefined, isWhole: !isBehind && heard.covers(region, sku, now).complete };
    }
    const { epoch, seq, value, ageMs } = register;
    // No bound can be given before all of its partition was heard once.
    if (ageMs === Number.POSITIVE_INFINITY) return { view: undefined, isWhole: false };
    const { view, isWhole } = decodeView(value, sku, region, { epoch, seq });
    return { view: { ...view, ageMs: Math.ceil(ageMs) }, isWhole: isWhole && !isBehind };
  }

  #since(askedAt: number): number {
    return Math.ceil(this.#deps.runtime.monotonic() - askedAt);
  }
}

/** What was shown with its age, or without one, some time later. */
export function aged(view: AvailabilityView, byMs: number): AvailabilityView {
  return view.ageMs === undefined ? view : { ...view, ageMs: view.ageMs + byMs };
}

function unknownThere(sku: string, region: string): Outcome {
  return failure('NOT_FOUND', `${sku} is not known in ${region}`);
}
