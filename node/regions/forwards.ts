// Requests for another region: sent to one of its workers, which answers as to its own clients, and requests of other
// regions that come in. Between two regions a request goes once: what comes in for a third one is not carried out.
//
// An attempt without an answer may have taken effect. The same request is then sent again, within the deadline: its
// requestId makes it count once, whichever worker of the region gets it. Nothing else is ever tried instead. While
// nobody of a region answers, one request at a time tries; the others are refused at once.
import { MESH_KIND, type Mesh, MeshFailure } from '../../cluster/mesh/port.ts';
import { failure, type ItemRequest, type Outcome } from '../../protocol/index.ts';
import type { Grid, Respond } from '../shell/grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import {
  decodeOutcome,
  decodeRequest,
  encodeOutcome,
  encodeRequest,
  isItem,
  NOT_SERVED_HERE,
  opCodeOf,
} from '../worker/mesh-codec.ts';
import type { RegionDirectory } from './directory.ts';
import type { RegionsLimits } from './limits.ts';

/** Pauses, ms, after which a refused request may be sent again. */
const RETRY_CROWDED_MS = 100;
const RETRY_UNREACHABLE_MS = 1_000;

export interface ForwardsDeps {
  readonly region: string;
  readonly mesh: Mesh;
  readonly directory: RegionDirectory;
  readonly runtime: Runtime;
  readonly limits: RegionsLimits;
  /** The workers of this region, behind one of them: serves what other regions ask. */
  readonly grid: Pick<Grid, 'submit' | 'readiness'>;
  /** Called once a turn after outcomes were handed out. */
  readonly released: () => void;
  readonly passedOn: (region: string, result: 'ok' | 'failed' | 'refused') => void;
}

/** One request on its way. */
interface Forward {
  readonly region: string;
  readonly request: ItemRequest;
  readonly body: Uint8Array;
  readonly until: number;
  /** The worker that is known to have the sku. */
  readonly holder: string | undefined;
  readonly respond: Respond;
  attempts: number;
  tried: string | undefined;
}

export class RegionForwards {
  readonly #deps: ForwardsDeps;
  /** Requests without an answer, by region. */
  readonly #inFlight = new Map<string, number>();
  #served = 0;
  #releaseDue = false;

  constructor(deps: ForwardsDeps) {
    this.#deps = deps;
    deps.mesh.handle(MESH_KIND.request, (body, reply) => this.#receive(body, reply));
    deps.mesh.onDown((address) => deps.directory.failed(address));
  }

  /**
   * Has a region answer a request.
   * @param holder the worker that has the sku, where that is known
   */
  pass(region: string, request: ItemRequest, holder: string | undefined, respond: Respond): void {
    const { limits, runtime, directory, passedOn } = this.#deps;
    const inFlight = this.#inFlight.get(region) ?? 0;
    if (inFlight >= limits.forwardsMax) {
      passedOn(region, 'refused');
      respond(failure('OVERLOADED', `${inFlight} requests wait for region ${region}`, RETRY_CROWDED_MS));
      return;
    }
    if (inFlight > 0 && directory.isUnreachable(region)) {
      passedOn(region, 'refused');
      respond(unreachable(region, request));
      return;
    }
    this.#inFlight.set(region, inFlight + 1);
    this.#attempt({
      region,
      request,
      // Of its own: it is sent again.
      body: encodeRequest(request).slice(),
      until: runtime.monotonic() + limits.forwardMs,
      holder,
      respond,
      attempts: 0,
      tried: undefined,
    });
  }

  #attempt(forward: Forward): void {
    const { mesh, directory, runtime, limits } = this.#deps;
    const left = forward.until - runtime.monotonic();
    const address =
      forward.attempts < limits.attemptsMax && left > 0
        ? directory.choose(forward.region, forward.holder, forward.tried)
        : undefined;
    if (address === undefined) {
      this.#finish(forward, undefined);
      return;
    }
    forward.attempts += 1;
    forward.tried = address;
    const timeoutMs = Math.min(left, directory.isSilent(address) ? limits.probeMs : limits.attemptMs);
    mesh.call(address, MESH_KIND.request, forward.body, timeoutMs, (answer) => {
      if (answer instanceof MeshFailure) {
        directory.failed(address);
        this.#attempt(forward);
        return;
      }
      directory.answered(address);
      const outcome = decodeOutcome(answer);
      if (outcome === undefined) this.#attempt(forward);
      else this.#finish(forward, outcome);
    });
  }

  /** @param outcome undefined when nobody answered */
  #finish(forward: Forward, outcome: Outcome | undefined): void {
    const { region, request, respond } = forward;
    this.#inFlight.set(region, (this.#inFlight.get(region) ?? 1) - 1);
    this.#deps.passedOn(region, outcome === undefined ? 'failed' : 'ok');
    respond(outcome ?? unreachable(region, request));
    if (this.#releaseDue) return;
    this.#releaseDue = true;
    this.#deps.runtime.defer(() => {
      this.#releaseDue = false;
      this.#deps.released();
    });
  }

  #receive(body: Uint8Array, reply: (body: Uint8Array) => void): void {
    const { region, grid, limits } = this.#deps;
    const request = decodeRequest(body);
    if ('ok' in request) {
      reply(encodeOutcome(request, 0));
      return;
    }
    if (!isItem(request) || regionsOf(request).some((asked) => asked !== region) || !grid.readiness().ready) {
      reply(NOT_SERVED_HERE);
      return;
    }
    if (this.#served >= limits.servedMax) {
      const crowded = `${this.#served} requests of other regions are being served in ${region}`;
      reply(encodeOutcome(failure('OVERLOADED', crowded, RETRY_CROWDED_MS), 0));
      return;
    }
    this.#served += 1;
    const opCode = opCodeOf(request.op);
    grid.submit(request, (outcome) => {
      this.#served -= 1;
      reply(encodeOutcome(outcome, opCode));
    });
  }
}

/** The regions that a request is about. */
function regionsOf(request: ItemRequest): readonly string[] {
  if (request.op === 'query') return request.regions ?? [];
  const region = 'ref' in request ? request.ref.region : request.region;
  return region === undefined ? [] : [region];
}

function unreachable(region: string, request: ItemRequest): Outcome {
  const what = `region ${region} cannot be reached from here at the moment`;
  const advice =
    'requestId' in request
      ? 'send the same requestId again to learn whether it took effect'
      : 'ask again, or ask one of its own workers';
  return failure('UNAVAILABLE', `${what}; ${advice}`, RETRY_UNREACHABLE_MS);
}
