// The LMDB driver: one machine, no server. Each region is a directory with an environment of its own under `directory`.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Durability } from '../../../protocol/index.ts';
import {
  type Claim,
  type JournalStore,
  type Lane,
  type LaneReader,
  type RegionLayout,
  RegionUnknown,
  StoreMisconfigured,
  StoreUnavailable,
} from '../port.ts';
import { Environment } from './environment.ts';
import { LmdbLane } from './lane.ts';
import { type Judge, judgeByProcess, takeOver } from './ownership.ts';
import { LmdbReader } from './reader.ts';
import { readJson } from './records.ts';

export interface LmdbOptions {
  /** `fsync` (default), or `memory` for benchmarks: then nothing is flushed. */
  readonly durability?: Durability;
  /** For audits beside a living owner: nothing is written, and nothing can be acquired. */
  readonly readOnly?: boolean;
  /** @internal replaced by tests */
  readonly judge?: Judge;
}

export class LmdbStore implements JournalStore {
  readonly driver = 'lmdb';
  readonly durability: Durability;
  readonly directory: string;
  readonly #isReadOnly: boolean;
  readonly #judge: Judge;
  readonly #environments = new Map<string, Environment>();
  #isClosed = false;

  constructor(directory: string, options: LmdbOptions = {}) {
    this.directory = resolve(directory);
    this.durability = options.durability ?? 'fsync';
    this.#isReadOnly = options.readOnly ?? false;
    this.#judge = options.judge ?? judgeByProcess;
    if (this.durability === 'replicated') {
      throw new StoreMisconfigured('LMDB keeps one copy on this machine: ask for durability fsync, or use redis://');
    }
  }

  async acquire(layout: RegionLayout, claim: Claim): Promise<Lane> {
    if (this.#isReadOnly)
      throw new StoreMisconfigured(`${this.directory} was opened read-only: it can be read, not owned`);
    const environment = this.#environment(layout.region);
    try {
      return new LmdbLane(environment, takeOver(environment, layout, claim, this.#judge));
    } catch (error) {
      throw environment.failed(error);
    }
  }

  async reader(region: string): Promise<LaneReader & { readonly layout: RegionLayout }> {
    const unknown = new RegionUnknown(`no region ${region} in ${this.directory}`);
    if (!existsSync(join(this.#path(region), 'data.mdb'))) throw unknown;
    const environment = this.#environment(region);
    environment.refresh();
    if (readJson(environment, 'layout') === undefined) throw unknown;
    return new LmdbReader(environment);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const environment of this.#environments.values()) await environment.close();
    this.#environments.clear();
  }

  #environment(region: string): Environment {
    if (this.#isClosed) throw new StoreUnavailable(`the store in ${this.directory} is closed`);
    let environment = this.#environments.get(region);
    if (environment === undefined) {
      const options = { durability: this.durability, isReadOnly: this.#isReadOnly };
      environment = Environment.use(this.#path(region), options);
      this.#environments.set(region, environment);
    }
    return environment;
  }

  /** The region's name as one path segment, whatever it holds. */
  #path(region: string): string {
    return join(
      this.directory,
      encodeURIComponent(region).replace(/^\.+/, (dots) => '%2E'.repeat(dots.length)),
    );
  }
}
