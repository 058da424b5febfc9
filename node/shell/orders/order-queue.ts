// Requests about orders wait here for the turns of the event loop, a few in each; and where shoppers want stock meanwhile, most of the time is
// theirs, however many orders are captured or worked on. First in, first out.
import type { Failure } from '../../../protocol/index.ts';
import type { Respond } from '../grid.ts';
import { STOPPED } from '../refusals.ts';
import type { Runtime } from '../runtime.ts';

export interface OrderQueueDeps<Request> {
  readonly runtime: Pick<Runtime, 'defer' | 'monotonic' | 'after'>;
  /** Requests that are carried out in one turn at most. */
  readonly perTurn: number;
  /** No further one is begun in a turn once its requests took so long, ms. */
  readonly turnMs: number;
  /** A turn is followed by a rest of so many times its length, if something else was asked for since the one before, */
  readonly restPerTurn: number;
  /** and of only so many once requests have waited without a break for so long, ms: a surge goes first, but not for ever. */
  readonly restPerTurnBehind: number;
  readonly behindMs: number;
  readonly run: (request: Request, respond: Respond) => void;
  /** Why nothing may be decided now. */
  readonly refusal: () => Failure | undefined;
  /** Called at the end of each turn: outcomes may have been handed out. */
  readonly released: () => void;
}

interface Waiting<Request> {
  readonly request: Request;
  readonly respond: Respond;
}

export class OrderQueue<Request> {
  readonly #deps: OrderQueueDeps<Request>;
  #waiting: (Waiting<Request> | undefined)[] = [];
  #head = 0;
  #isScheduled = false;
  #othersWait = false;
  /** Since when some request has always waited, ms of the monotonic clock; undefined: none does. */
  #waitingSinceMs: number | undefined;

  constructor(deps: OrderQueueDeps<Request>) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#waiting.length - this.#head;
  }

  push(request: Request, respond: Respond): void {
    this.#waiting.push({ request, respond });
    this.#schedule();
  }

  /** Something that is not about orders was asked for. */
  others(): void {
    this.#othersWait = true;
  }

  #schedule(restMs = 0): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (restMs > 0) this.#deps.runtime.after(restMs, this.#turn);
    else this.#deps.runtime.defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    const { runtime, perTurn, turnMs, run, refusal, released } = this.#deps;
    const why = refusal();
    const began = runtime.monotonic();
    for (let n = 0; n < perTurn && (n === 0 || runtime.monotonic() < began + turnMs); n++) {
      const next = this.#shift();
      if (next === undefined) break;
      if (why !== undefined) next.respond(why);
      else run(next.request, next.respond);
    }
    this.#waitingSinceMs = this.size === 0 ? undefined : (this.#waitingSinceMs ?? began);
    if (this.size > 0) this.#schedule(this.#othersWait ? this.#restMs(runtime.monotonic(), began) : 0);
    this.#othersWait = false;
    released();
  };

  #restMs(nowMs: number, beganMs: number): number {
    const { restPerTurn, restPerTurnBehind, behindMs } = this.#deps;
    const isBehind = nowMs - (this.#waitingSinceMs ?? nowMs) >= behindMs;
    return (nowMs - beganMs) * (isBehind ? restPerTurnBehind : restPerTurn);
  }

  #shift(): Waiting<Request> | undefined {
    const next = this.#waiting[this.#head];
    if (next === undefined) return undefined;
    this.#waiting[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#waiting.length || this.#head >= 1_024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return next;
  }

  /** Answers all that wait: nothing more will be carried out. */
  stop(): void {
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) next.respond(STOPPED);
  }
}
