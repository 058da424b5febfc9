// Tasks of the whole region for whoever asks one worker: its own lanes and the other workers have their turns, so that the tasks of none
// wait for a consumer of its own. What is lent and to whom is the lanes' business.
import type { Failure, Outcome, TakeTasksReply, TakeTasksRequest } from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { Runtime } from '../shell/runtime.ts';

/** Where there are several places, those that had nothing are asked again so often, ms. */
const LOOK_AGAIN_MS = 200;

export interface TaskRelayDeps {
  readonly lanes: () => readonly InventoryGrid[];
  /** Addresses of the other workers that serve partitions. */
  readonly others: () => readonly string[];
  /** Asks another worker; undefined: it did not answer, or does not serve. */
  readonly pass: (address: string, request: TakeTasksRequest, done: (outcome: Outcome | undefined) => void) => void;
  readonly runtime: Runtime;
}

export class TaskRelay {
  readonly #deps: TaskRelayDeps;
  #turn = 0;

  constructor(deps: TaskRelayDeps) {
    this.#deps = deps;
  }

  /** For a client: from wherever there are tasks. */
  take(request: TakeTasksRequest, respond: Respond): void {
    const lanes = this.#deps.lanes();
    const [only] = lanes;
    if (only !== undefined && lanes.length === 1 && this.#deps.others().length === 0) only.submit(request, respond);
    else this.#round(request, this.#deps.runtime.monotonic() + request.waitMs, respond);
  }

  /** For another worker: from the lanes of this one, without waiting. */
  takeHere(request: TakeTasksRequest, respond: Respond): void {
    this.#ask(this.#inTurn(this.#deps.lanes()), { ...request, waitMs: 0 }, undefined, respond);
  }

  #round(request: TakeTasksRequest, until: number, respond: Respond): void {
    const places = this.#inTurn([...this.#deps.lanes(), ...this.#deps.others()]);
    this.#ask(places, { ...request, waitMs: 0 }, undefined, (outcome) => {
      const leftMs = until - this.#deps.runtime.monotonic();
      if (!isEmpty(outcome) || leftMs <= 0) respond(outcome);
      else this.#waitHere(request, until, Math.min(leftMs, LOOK_AGAIN_MS), respond);
    });
  }

  /** Something may come to be due here meanwhile. */
  #waitHere(request: TakeTasksRequest, until: number, waitMs: number, respond: Respond): void {
    const next = (): void => this.#round(request, until, respond);
    const [lane] = this.#deps.lanes();
    if (lane === undefined) {
      this.#deps.runtime.after(waitMs, next);
      return;
    }
    lane.submit({ ...request, waitMs: Math.ceil(waitMs) }, (outcome) => {
      if (isEmpty(outcome)) next();
      else respond(outcome);
    });
  }

  /** Asks one place after the other until one has tasks. */
  #ask(
    places: readonly (InventoryGrid | string)[],
    request: TakeTasksRequest,
    failed: Failure | undefined,
    respond: Respond,
  ): void {
    const [place, ...rest] = places;
    if (place === undefined) {
      respond(failed ?? { ok: true, tasks: [] });
      return;
    }
    const take = (outcome: Outcome | undefined): void => {
      if (outcome?.ok && !isEmpty(outcome)) respond(outcome);
      else this.#ask(rest, request, outcome === undefined || outcome.ok ? failed : outcome, respond);
    };
    if (typeof place === 'string') this.#deps.pass(place, request, take);
    else place.submit(request, take);
  }

  /** Each time another one comes first. */
  #inTurn<T>(places: readonly T[]): readonly T[] {
    this.#turn += 1;
    const first = places.length === 0 ? 0 : this.#turn % places.length;
    return [...places.slice(first), ...places.slice(0, first)];
  }
}

function isEmpty(outcome: Outcome): boolean {
  return outcome.ok && (outcome as TakeTasksReply).tasks.length === 0;
}
