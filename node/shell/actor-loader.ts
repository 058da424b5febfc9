// Brings passivated actors of any kind back into memory, each once however many wait for it.
import { type Failure, failure } from '../../protocol/index.ts';
import type { SnapshotSlot } from '../journal/port.ts';
import type { ActorDirectory } from './directory.ts';
import { nameOfKey } from './keys.ts';
import type { LanePartitions } from './lane-partitions.ts';
import type { ShellLimits } from './limits.ts';

export interface ActorLoaderDeps {
  /** The row of a passivated actor, see Snapshotter. */
  readonly passivated: (slot: SnapshotSlot, key: string) => Promise<Uint8Array | undefined>;
  readonly directory: ActorDirectory;
  readonly partitions: LanePartitions;
  readonly limits: ShellLimits;
  /** Why nothing may be decided now; asked after a wait. */
  readonly refusal: () => Failure | undefined;
  /** Called after outcomes were handed out that waited for an actor to be loaded. */
  readonly released: () => void;
}

/** Called when the actor is in the directory's memory, unless it has left it again; with a refusal when it cannot be had now. */
type Loaded = (failed: Failure | undefined) => void;

const LOADING_FULL = failure('OVERLOADED', 'too many cold actors are being loaded; try again shortly', 100);

export class ActorLoader {
  readonly #deps: ActorLoaderDeps;
  readonly #loading = new Map<string, Loaded[]>();
  #waiting = 0;

  constructor(deps: ActorLoaderDeps) {
    this.#deps = deps;
  }

  /** How many wait, over all actors. */
  get waiting(): number {
    return this.#waiting;
  }

  load(key: string, slot: SnapshotSlot, run: Loaded): void {
    if (this.#waiting >= this.#deps.limits.loadingMax) {
      run(LOADING_FULL);
      return;
    }
    this.#waiting += 1;
    const waiting = this.#loading.get(key);
    if (waiting !== undefined) {
      waiting.push(run);
      return;
    }
    this.#loading.set(key, [run]);
    this.#deps
      .passivated(slot, key)
      .then((bytes) => {
        if (bytes === undefined) throw new Error(`snapshot ${slot} has no row for ${nameOfKey(key)}`);
        const { partitions, directory } = this.#deps;
        // Its partition may have left and come back meanwhile, with what happened to the actor since.
        if (partitions.isOpenFor(key) && directory.passivatedIn(key) !== undefined) directory.admitRow(key, bytes);
        this.#loaded(key, undefined);
      })
      .catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        this.#loaded(key, failure('UNAVAILABLE', `${nameOfKey(key)} could not be loaded: ${text}`, 250));
      });
  }

  #loaded(key: string, failed: Failure | undefined): void {
    const waiting = this.#loading.get(key) ?? [];
    this.#loading.delete(key);
    this.#waiting -= waiting.length;
    for (const run of waiting) run(failed ?? this.#deps.refusal());
    this.#deps.released();
  }
}
