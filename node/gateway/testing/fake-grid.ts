// A Grid for tests of the gateway: answers at once, at the end of the turn, or when told to. It counts what it was
// asked; it keeps no stock.
import type { AvailabilityPush, Failure, ItemRequest, Outcome } from '../../../protocol/index.ts';
import { failure } from '../../../protocol/index.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from '../../shell/grid.ts';

/** `turn` is how a real grid answers: groups of outcomes, each followed by a release. */
export type AnswerMode = 'immediate' | 'turn' | 'held';

const VERSION = { epoch: 1, seq: 1 };

export class FakeGrid implements Grid {
  mode: AnswerMode;
  submitted = 0;
  releases = 0;
  isReady: Readiness = { ready: true, reason: 'serving' };
  /** What the grid answers; replace it to answer something else. */
  decide: (request: ItemRequest) => Outcome = defaultOutcome;
  /** By sku, and of the other region by `region/sku`. */
  readonly watchers = new Map<string, Set<(push: AvailabilityPush) => void>>();
  #held: (() => void)[] = [];
  #scheduled = false;
  #flush: () => void = () => {};

  /** What it sheds work that takes stock with. */
  refusal: Failure | undefined;

  shedding(): Failure | undefined {
    return this.refusal;
  }

  unread = 0;

  refusedUnread(count: number): void {
    this.unread += count;
  }

  constructor(mode: AnswerMode = 'turn') {
    this.mode = mode;
  }

  info(): GridInfo {
    return {
      server: 'holdfast/test',
      region: 'eu-west',
      durability: 'memory',
      store: 'fake',
      partitions: 128,
      epoch: 7,
      nonce: '',
      otherRegions: ['us-east'],
    };
  }

  readiness(): Readiness {
    return this.isReady;
  }

  figures(): GridFigures {
    return {
      actors: { hot: 3, packed: 4 },
      positions: 5,
      liveReservations: 6,
      orders: 7,
      tasksWaiting: 2,
      tasksLent: 1,
      mailboxDepth: this.#held.length,
      journalSeq: 12,
      durableSeq: 10,
      tailRecords: 8,
      snapshotAgeMs: 1_500,
    };
  }

  submit(request: ItemRequest, respond: Respond): void {
    this.submitted += 1;
    if (this.mode === 'immediate') {
      respond(this.decide(request));
      return;
    }
    this.#held.push(() => respond(this.decide(request)));
    if (this.mode === 'turn' && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.release();
      });
    }
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
  }

  /** Answers everything that was held, then releases. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const answer of held) answer();
    this.releases += 1;
    this.#flush();
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void, region = REGION): () => void {
    const key = keyOf(region, sku);
    let listeners = this.watchers.get(key);
    if (listeners === undefined) {
      listeners = new Set();
      this.watchers.set(key, listeners);
    }
    listeners.add(listener);
    listener(availability(sku, 0, region));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.watchers.delete(key);
    };
  }

  /** A change of the sku became durable, or was heard of. */
  publish(sku: string, seq: number, region = REGION): void {
    for (const listener of this.watchers.get(keyOf(region, sku)) ?? []) listener(availability(sku, seq, region));
    this.#flush();
  }
}

const REGION = 'eu-west';

function keyOf(region: string, sku: string): string {
  return region === REGION ? sku : `${region}/${sku}`;
}

function availability(sku: string, seq: number, region: string): AvailabilityPush {
  return { push: 'availability', sku, region, availableToSell: 100 - seq, version: { epoch: 1, seq } };
}

export function defaultOutcome(request: ItemRequest): Outcome {
  switch (request.op) {
    case 'reserve':
      return {
        ok: true,
        reservationId: `1.1.${request.region}/${request.sku}`,
        qty: request.qty,
        node: 'DC1',
        expiresAt: 1_700_000_000_000,
        availableToSell: 42,
        version: VERSION,
      };
    case 'release':
      return { ok: true, state: 'RELEASED', version: VERSION };
    case 'get':
      if (request.sku === 'UNKNOWN') return failure('NOT_FOUND', 'no such sku');
      return {
        ok: true,
        sku: request.sku,
        region: request.region,
        onHand: 100,
        reserved: 0,
        allocated: 0,
        availableToSell: 100,
        nodes: [],
        version: VERSION,
      };
    default:
      return failure('UNAVAILABLE', `the fake grid does not serve ${request.op}`, 10);
  }
}
