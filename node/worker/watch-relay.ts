// Subscriptions to skus that other workers serve. The worker that serves a sku sends each change to those that asked;
// who asked renews that, so that a lost message or a forgotten watcher mends itself.
import { MESH_KIND, type Mesh } from '../../cluster/mesh/port.ts';
import type { AvailabilityPush } from '../../protocol/index.ts';
import { partitionOf } from '../core/index.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import { Watchers } from '../shell/watchers.ts';
import type { HeldLanes } from './held-lanes.ts';
import type { Routes } from './routes.ts';

/** A watch on another worker is renewed so often, and ends there when it was not renewed for three times as long, ms. */
const RENEW_MS = 2_000;
/** Skus in one message. */
const SKUS_PER_MESSAGE = 1_000;

export interface WatchRelayDeps {
  readonly partitions: number;
  readonly lanes: HeldLanes;
  readonly routes: Routes;
  readonly mesh: Mesh;
  readonly runtime: Runtime;
  readonly watchedMax: number;
}

/** Where a watched sku's changes come from: a lane of this worker, or another worker. */
interface Watched {
  source: object | string | undefined;
  stop: () => void;
  /** The latest that was handed on. */
  last: AvailabilityPush | undefined;
}

/** What another worker watches here. */
interface Watcher {
  readonly stops: Map<string, { lane: InventoryGrid; stop: () => void; until: number }>;
}

export class WatchRelay {
  readonly #deps: WatchRelayDeps;
  readonly #watchers: Watchers;
  readonly #watched = new Map<string, Watched>();
  readonly #others = new Map<string, Watcher>();
  #cancel: () => void = () => {};

  constructor(deps: WatchRelayDeps) {
    this.#deps = deps;
    this.#watchers = new Watchers(deps.watchedMax);
    deps.mesh.handle(MESH_KIND.watch, (body, _reply, from) => this.#asked(from, JSON.parse(text(body))));
    deps.mesh.handle(MESH_KIND.push, (body) => this.#publish(JSON.parse(text(body))));
    deps.mesh.onDown((address) => this.#forget(address));
  }

  start(): void {
    for (const sku of this.#watched.keys()) this.#attach(sku);
    this.#cancel = this.#deps.runtime.after(RENEW_MS, this.#renew);
  }

  stop(): void {
    this.#cancel();
    for (const address of [...this.#others.keys()]) this.#forget(address);
  }

  /** As Grid.watch. @throws RangeError when the worker watches as many skus as it may */
  watch(sku: string, listener: (push: AvailabilityPush) => void): () => void {
    const stop = this.#watchers.add(sku, listener);
    const watched = this.#watched.get(sku);
    if (watched === undefined) {
      this.#watched.set(sku, { source: undefined, stop: () => {}, last: undefined });
      this.#attach(sku);
    } else if (watched.last !== undefined) {
      listener(watched.last);
    }
    return () => {
      stop();
      if (this.#watchers.has(sku)) return;
      this.#watched.get(sku)?.stop();
      this.#watched.delete(sku);
    };
  }

  /** Partitions are served elsewhere than before. */
  moved(partitions: ReadonlySet<number>): void {
    for (const sku of this.#watched.keys()) {
      if (partitions.has(partitionOf(sku, this.#deps.partitions))) this.#attach(sku);
    }
  }

  /** Takes the changes of a sku from where it is served now. */
  #attach(sku: string): void {
    const watched = this.#watched.get(sku);
    if (watched === undefined) return;
    const { lanes, routes, mesh } = this.#deps;
    const partition = partitionOf(sku, this.#deps.partitions);
    const lane = lanes.serving(partition);
    const source = lane ?? routes.of(partition)?.address;
    if (source === watched.source || source === undefined || source === mesh.address) return;
    watched.stop();
    watched.source = source;
    if (lane !== undefined) {
      watched.stop = lane.watch(sku, (push) => this.#publish(push));
      return;
    }
    const address = source as string;
    watched.stop = () => this.#ask(address, { stop: [sku] });
    this.#ask(address, { watch: [sku] });
  }

  #ask(address: string, what: Asked): void {
    this.#deps.mesh.notify(address, MESH_KIND.watch, Buffer.from(JSON.stringify(what)));
  }

  /** Hands a change on unless a later one was: two workers may tell of a sku while its partition moves. */
  #publish(push: AvailabilityPush): void {
    const watched = this.#watched.get(push.sku);
    if (watched === undefined) return;
    if (watched.last !== undefined && !isLater(push, watched.last)) return;
    watched.last = push;
    this.#watchers.publish(push);
  }

  readonly #renew = (): void => {
    this.#cancel = this.#deps.runtime.after(RENEW_MS, this.#renew);
    const bySource = new Map<string, string[]>();
    for (const [sku, { source }] of this.#watched) {
      this.#attach(sku);
      if (typeof source !== 'string') continue;
      const skus = bySource.get(source);
      if (skus === undefined) bySource.set(source, [sku]);
      else skus.push(sku);
    }
    for (const [address, skus] of bySource) {
      for (let at = 0; at < skus.length; at += SKUS_PER_MESSAGE) {
        this.#ask(address, { watch: skus.slice(at, at + SKUS_PER_MESSAGE) });
      }
    }
    const now = this.#deps.runtime.monotonic();
    for (const { stops } of this.#others.values()) {
      for (const [sku, { stop, until }] of stops) {
        if (until > now) continue;
        stop();
        stops.delete(sku);
      }
    }
  };

  /** Another worker asks for, or does without, changes of skus that are served here. */
  #asked(from: string, { watch = [], stop = [] }: Asked): void {
    const { lanes, mesh, runtime, partitions } = this.#deps;
    let watcher = this.#others.get(from);
    if (watcher === undefined) {
      watcher = { stops: new Map() };
      this.#others.set(from, watcher);
    }
    const until = runtime.monotonic() + 3 * RENEW_MS;
    for (const sku of watch) {
      const lane = lanes.serving(partitionOf(sku, partitions));
      if (lane === undefined) continue;
      const known = watcher.stops.get(sku);
      if (known?.lane === lane) {
        known.until = until;
        continue;
      }
      known?.stop();
      const tell = (push: AvailabilityPush): void =>
        mesh.notify(from, MESH_KIND.push, Buffer.from(JSON.stringify(push)));
      watcher.stops.set(sku, { lane, stop: lane.watch(sku, tell), until });
    }
    for (const sku of stop) {
      watcher.stops.get(sku)?.stop();
      watcher.stops.delete(sku);
    }
  }

  #forget(address: string): void {
    for (const { stop } of this.#others.get(address)?.stops.values() ?? []) stop();
    this.#others.delete(address);
    // What it told is asked for anew, from whoever serves it then.
    for (const watched of this.#watched.values()) if (watched.source === address) watched.source = undefined;
  }
}

interface Asked {
  readonly watch?: readonly string[];
  readonly stop?: readonly string[];
}

function isLater({ version: a }: AvailabilityPush, { version: b }: AvailabilityPush): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
