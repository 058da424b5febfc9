// A client that follows the map: connections to the workers that serve partitions, beside the one it began with (home),
// and which of them a request goes to. A map is a hint: whatever cannot go to its owner goes home, under the same requestId.
import { parseReservationId } from '../ids.ts';
import { PARTITION_HASH, partitionOf } from '../partitions.ts';
import type { MapReply, PartitionMap } from '../types.ts';
import type { WireItem, WireRequest } from '../wire.ts';
import { backoffMs } from './backoff.ts';
import { HoldfastError } from './errors.ts';
import { Emitter } from './events.ts';
import { OWNER_BACKOFF, OWNERS_MAX, type Settings, TIMEOUT_MS_MAX } from './options.ts';
import type { Platform } from './platform.ts';
import { Session } from './session.ts';

/** What is known of a worker's URL that could not be reached, or was lost. */
interface Trouble {
  readonly failures: number;
  /** Not dialled before, monotonic ms. */
  readonly untilMs: number;
}

export interface OwnersDeps {
  readonly home: Session;
  readonly settings: Settings;
  readonly platform: Platform;
  /** Told of workers that cannot be reached. */
  readonly emitter: Emitter;
}

export class Owners {
  readonly #deps: OwnersDeps;
  #map: PartitionMap | undefined;
  /** By URL: those that requests may go to, ready or about to be. */
  readonly #direct = new Map<string, Session>();
  /** The same by the map's index of the worker: looked up for each request. */
  #byIndex: (Session | undefined)[] = [];
  readonly #troubles = new Map<string, Trouble>();
  /** All that are not closed, also those that get no more requests. */
  readonly #sessions = new Set<Session>();
  #isClosed = false;
  #isRefreshing = false;
  #askAgain: (() => void) | undefined;

  constructor(deps: OwnersDeps) {
    this.#deps = deps;
  }

  /** The URLs of the workers that are connected to directly. */
  get urls(): string[] {
    return [...this.#direct].filter(([, session]) => session.ready).map(([url]) => url);
  }

  get inFlight(): number {
    return [...this.#sessions].reduce((sum, session) => sum + session.inFlight, 0);
  }

  get queued(): number {
    return [...this.#sessions].reduce((sum, session) => sum + session.queued, 0);
  }

  /** The connection that a request goes to: that of the worker that serves it, when it is known and ready; else home. */
  sessionFor(request: WireItem): Session {
    const { home } = this.#deps;
    const map = this.#map;
    if (map === undefined) return home;
    const sku = skuOf(request, map.region);
    if (sku === undefined) return home;
    const owner = map.owners[partitionOf(sku, map.owners.length)] as number;
    if (owner < 0 || owner === map.self) return home;
    const session = this.#byIndex[owner] ?? this.#open(owner, map);
    return session?.ready === true ? session : home;
  }

  /** Home has a new connection: asks for the map, and to be told of each change. */
  refresh(): void {
    if (this.#isRefreshing || this.#isClosed) return;
    this.#isRefreshing = true;
    const ask: WireRequest = { op: 'map', follow: true };
    this.#deps.home.call(ask, [], {}).then(
      (reply) => {
        this.#isRefreshing = false;
        this.learned(reply as MapReply);
      },
      (error: unknown) => {
        this.#isRefreshing = false;
        // A grid from before the op refuses it for good: there all goes home.
        if (error instanceof HoldfastError && error.retriable) this.#refreshIn(OWNER_BACKOFF.baseMs);
      },
    );
  }

  /** Takes in a map that came over home's connection: the latest one counts. */
  learned(map: PartitionMap): void {
    if (this.#isClosed || map.hash !== PARTITION_HASH || map.owners.length === 0) return;
    const now = this.#deps.platform.now();
    let blockedMs = Number.POSITIVE_INFINITY;
    for (const [url, { untilMs }] of this.#troubles) {
      if (!map.workers.includes(url)) this.#troubles.delete(url);
      else if (untilMs > now) blockedMs = Math.min(blockedMs, untilMs - now);
    }
    // One that was lost a moment ago may be in the map only because its death is not known yet.
    const entries = this.#deps.settings.urls;
    const mayBeUsed = (url: string): boolean =>
      mayBeTold(url, entries) && (this.#troubles.get(url)?.untilMs ?? 0) <= now;
    const workers = map.workers.map((url, index) => (index !== map.self && mayBeUsed(url) ? url : ''));
    this.#map = { ...map, workers };
    for (const [url, session] of this.#direct) if (!workers.includes(url)) this.#retire(url, session);
    this.#index();
    if (blockedMs < Number.POSITIVE_INFINITY) this.#refreshIn(blockedMs);
  }

  /** Closes all; calls that still wait for their answers end as home's do. */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true;
    this.#askAgain?.();
    const direct = new Set(this.#direct.values());
    // Those that get no more requests would wait as long as their calls may.
    for (const session of this.#sessions) if (!direct.has(session)) this.#deps.home.adopt(session.giveUpCalls());
    await Promise.all([...this.#sessions].map((session) => session.close(drainMs)));
  }

  #index(): void {
    this.#byIndex = this.#map?.workers.map((url) => this.#direct.get(url)) ?? [];
  }

  /** Begins to connect to a worker; undefined when that may not be, or not yet. */
  #open(owner: number, map: PartitionMap): Session | undefined {
    const { home, settings, platform } = this.#deps;
    const url = map.workers[owner] ?? '';
    if (url === '' || this.#isClosed || this.#direct.size >= OWNERS_MAX) return undefined;
    const session: Session = new Session({ ...settings, urls: [url] }, platform, new Emitter(), {
      ready: () => {
        // Another grid has taken the address.
        if (session.hello?.region === map.region) this.#troubles.delete(url);
        else this.#lost(url, session);
      },
      pushed: () => {},
      down: () => {
        home.adopt(session.giveUpCalls());
        this.#lost(url, session);
      },
    });
    this.#sessions.add(session);
    this.#direct.set(url, session);
    this.#index();
    session.start();
    return session;
  }

  /** The connection is gone, or could not be made: its address is used again only by a map that comes after now. */
  #lost(url: string, session: Session): void {
    const { platform } = this.#deps;
    if (this.#direct.get(url) === session) {
      this.#direct.delete(url);
      const failures = (this.#troubles.get(url)?.failures ?? 0) + 1;
      const waitMs = OWNER_BACKOFF.baseMs + backoffMs(OWNER_BACKOFF, failures - 1, platform.random());
      this.#troubles.set(url, { failures, untilMs: platform.now() + waitMs });
      this.#forget(url);
      this.#refreshIn(waitMs);
      if (failures === 1) this.#deps.emitter.emit('error', unreachable(url, session));
    }
    // At once: it would dial the same address again.
    this.#end(session, 0);
  }

  /** Nothing goes to this worker until a later map says so. */
  #forget(url: string): void {
    const map = this.#map;
    if (map === undefined) return;
    this.#map = { ...map, workers: map.workers.map((known) => (known === url ? '' : known)) };
    this.#index();
  }

  #refreshIn(waitMs: number): void {
    if (this.#askAgain !== undefined || this.#isClosed) return;
    const cancel = this.#deps.platform.timer(waitMs, () => {
      this.#askAgain = undefined;
      if (this.#deps.home.ready) this.refresh();
    });
    this.#askAgain = cancel;
  }

  /** It gets no more requests; what it has been asked it may answer. */
  #retire(url: string, session: Session): void {
    this.#direct.delete(url);
    this.#end(session, TIMEOUT_MS_MAX);
  }

  #end(session: Session, drainMs: number): void {
    void session.close(drainMs).then(() => this.#sessions.delete(session));
  }
}

/**
 * Whether the token may go where a map says: over TLS, if it came over TLS.
 * @param entries the URLs that the caller gave
 */
export function mayBeTold(url: string, entries: readonly string[]): boolean {
  return url.startsWith('wss:') || (url.startsWith('ws:') && entries.every((entry) => entry.startsWith('ws:')));
}

function unreachable(url: string, session: Session): { message: string; cause: undefined } {
  const why = session.lastTrouble || 'another grid answers there';
  return { message: `no connection to the worker at ${url}; its requests go another way: ${why}`, cause: undefined };
}

/** The sku or order that a request is about; undefined for one about several, none, or one of another region. */
function skuOf(request: WireItem, region: string): string | undefined {
  // Whatever a caller without types wrote: the grid says what is wrong with it.
  if ('orderId' in request && 'region' in request) {
    return request.region === region && typeof request.orderId === 'string' ? request.orderId : undefined;
  }
  if (request.op === 'captureOrder') {
    const orderId: unknown = request.region === region ? request.order?.orderId : undefined;
    return typeof orderId === 'string' ? orderId : undefined;
  }
  if ('sku' in request) return request.region === region && typeof request.sku === 'string' ? request.sku : undefined;
  if (!('reservationId' in request) || typeof request.reservationId !== 'string') return undefined;
  const ref = parseReservationId(request.reservationId);
  return ref?.region === region ? ref.sku : undefined;
}
