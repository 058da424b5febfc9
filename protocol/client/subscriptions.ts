// Who listens to which SKU, and the latest availability each has heard. Delivers never backward, also across
// reconnects; asks the grid for each SKU once however many listen, and again on each new connection.
import { QUERY_SKUS_MAX, SUBSCRIPTIONS_PER_CONNECTION_MAX } from '../limits.ts';
import type { AvailabilityPush } from '../types.ts';
import type { Version } from '../version.ts';
import { HoldfastError } from './errors.ts';
import type { Emitter } from './events.ts';
import type { CallOptions } from './options.ts';

export type AvailabilityListener = (push: AvailabilityPush) => void;

export interface Subscription {
  readonly region: string;
  readonly skus: readonly string[];
  /** The latest availability heard of one of its SKUs. */
  latest(sku: string): AvailabilityPush | undefined;
  /** Stops the listener at once; resolves when the grid has been told, where nobody else listens. */
  unsubscribe(options?: CallOptions): Promise<void>;
}

/** Sends `subscribe` or `unsubscribe` and resolves once the grid accepts. */
export type SendSubscription = (
  op: 'subscribe' | 'unsubscribe',
  region: string,
  skus: readonly string[],
  options: CallOptions,
) => Promise<unknown>;

interface Watched {
  readonly region: string;
  readonly sku: string;
  readonly listeners: Set<AvailabilityListener>;
  latest: AvailabilityPush | undefined;
  /** The grid has accepted it once; until then the call itself is resent, after that the client asks anew. */
  confirmed: boolean;
}

export class Subscriptions {
  readonly #send: SendSubscription;
  readonly #emitter: Emitter;
  readonly #later: (task: () => void) => void;
  readonly #watched = new Map<string, Watched>();
  /** One request at a time, so that a retried subscribe can never overtake the unsubscribe after it. */
  #tail: Promise<unknown> = Promise.resolve();
  #renewalPlanned = false;

  /** `later` runs a task after a pause, for a renewal that the grid was too busy for. */
  constructor(send: SendSubscription, emitter: Emitter, later: (task: () => void) => void) {
    this.#send = send;
    this.#emitter = emitter;
    this.#later = later;
  }

  get size(): number {
    return this.#watched.size;
  }

  async subscribe(
    region: string,
    skus: readonly string[],
    listener: AvailabilityListener,
    options: CallOptions,
  ): Promise<Subscription> {
    const unique = [...new Set(skus)];
    const fresh = unique.filter((sku) => !this.#watched.has(keyOf(region, sku)));
    if (this.#watched.size + fresh.length > SUBSCRIPTIONS_PER_CONNECTION_MAX) {
      const why = `a connection has at most ${SUBSCRIPTIONS_PER_CONNECTION_MAX} subscriptions; unsubscribe some`;
      throw new HoldfastError('TOO_LARGE', why);
    }
    // A listener of its own for each subscription: two with one function do not end each other.
    const own: AvailabilityListener = (push) => listener(push);
    for (const sku of unique) this.#watch(region, sku).listeners.add(own);
    try {
      await this.#inTurn(async () => {
        const unconfirmed = unique.filter((sku) => this.#watched.get(keyOf(region, sku))?.confirmed === false);
        for (const chunk of chunksOf(unconfirmed, QUERY_SKUS_MAX)) {
          await this.#send('subscribe', region, chunk, options);
          for (const sku of chunk) this.#confirm(region, sku);
        }
      });
    } catch (error) {
      this.#forget(region, unique, own);
      throw error;
    }
    // Those that others watch already: what they have heard is news to this listener.
    for (const sku of unique) {
      const latest = fresh.includes(sku) ? undefined : this.#watched.get(keyOf(region, sku))?.latest;
      if (latest !== undefined) this.#deliver(own, latest);
    }
    return {
      region,
      skus: unique,
      latest: (sku) => this.#watched.get(keyOf(region, sku))?.latest,
      unsubscribe: (stopOptions = {}) => this.#tellUnwatched(region, this.#forget(region, unique, own), stopOptions),
    };
  }

  /** Stops all listeners of these SKUs. */
  unsubscribe(region: string, skus: readonly string[], options: CallOptions): Promise<void> {
    const known = skus.filter((sku) => this.#watched.delete(keyOf(region, sku)));
    return this.#tellUnwatched(region, known, options);
  }

  /** Passes a push on if it is newer than what was heard of its SKU. */
  pushed(push: AvailabilityPush): void {
    const watched = this.#watched.get(keyOf(push.region, push.sku));
    if (watched === undefined) return;
    if (watched.latest !== undefined && !isNewer(push.version, watched.latest.version)) return;
    watched.latest = push;
    for (const listener of [...watched.listeners]) this.#deliver(listener, push);
  }

  /** A new connection knows of no subscription: asks again for all that were accepted before. */
  renew(): void {
    if (this.#renewalPlanned || this.#watched.size === 0) return;
    this.#renewalPlanned = true;
    const again = (cause: unknown): void => {
      const retry = cause instanceof HoldfastError && cause.retriable;
      if (cause instanceof HoldfastError && cause.code === 'CLOSED') return;
      this.#emitter.emit('error', { message: `subscriptions were not renewed${retry ? ' yet' : ''}`, cause });
      if (retry) this.#later(() => this.renew());
    };
    this.#inTurn(() => this.#renewAll()).catch(again);
  }

  async #renewAll(): Promise<void> {
    this.#renewalPlanned = false;
    const regions = new Map<string, string[]>();
    for (const { region, sku, confirmed } of this.#watched.values()) {
      if (!confirmed) continue;
      const skus = regions.get(region);
      if (skus === undefined) regions.set(region, [sku]);
      else skus.push(sku);
    }
    for (const [region, skus] of regions) {
      for (const chunk of chunksOf(skus, QUERY_SKUS_MAX)) await this.#send('subscribe', region, chunk, {});
    }
  }

  #watch(region: string, sku: string): Watched {
    const key = keyOf(region, sku);
    const watched = this.#watched.get(key) ?? {
      region,
      sku,
      listeners: new Set(),
      latest: undefined,
      confirmed: false,
    };
    this.#watched.set(key, watched);
    return watched;
  }

  #confirm(region: string, sku: string): void {
    const watched = this.#watched.get(keyOf(region, sku));
    if (watched !== undefined) watched.confirmed = true;
  }

  /** Takes a listener away; returns the SKUs that nobody listens to any more. */
  #forget(region: string, skus: readonly string[], listener: AvailabilityListener): string[] {
    return skus.filter((sku) => {
      const watched = this.#watched.get(keyOf(region, sku));
      if (!watched?.listeners.delete(listener) || watched.listeners.size > 0) return false;
      return this.#watched.delete(keyOf(region, sku));
    });
  }

  async #tellUnwatched(region: string, skus: readonly string[], options: CallOptions): Promise<void> {
    await this.#inTurn(async () => {
      // Someone may have begun to listen again while this waited its turn.
      const still = skus.filter((sku) => !this.#watched.has(keyOf(region, sku)));
      for (const chunk of chunksOf(still, QUERY_SKUS_MAX)) await this.#send('unsubscribe', region, chunk, options);
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(task);
    this.#tail = run.catch(() => undefined);
    return run;
  }

  #deliver(listener: AvailabilityListener, push: AvailabilityPush): void {
    try {
      listener(push);
    } catch (cause) {
      this.#emitter.emit('error', { message: `a listener of ${push.sku} in ${push.region} threw`, cause });
    }
  }
}

/** Whether a is later than b: by epoch, then by seq. */
export function isNewer(a: Version, b: Version): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.seq > b.seq;
}

// A region has no slash, so no two pairs share a key.
function keyOf(region: string, sku: string): string {
  return `${region}/${sku}`;
}

function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
