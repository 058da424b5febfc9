// The LMDB driver: one machine, no server. Each region is a directory under `directory`, each of its lanes an environment
// of its own, so that lanes commit and sync in parallel: `<region>/` is the first lane's, as it was when there was only
// one, `<region>/lane-<name>/` that of each other, and `<region>/members/` what they share.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Durability } from '../../../protocol/index.ts';
import { JournalCorrupt } from '../batch.ts';
import {
  type Claim,
  FIRST_LANE,
  type JournalStore,
  type Lane,
  type LaneReader,
  type RegionLayout,
  RegionUnknown,
  type Register,
  StoreMisconfigured,
  StoreUnavailable,
} from '../port.ts';
import { Environment } from './environment.ts';
import { LmdbLane } from './lane.ts';
import { fixLayout, listedLanes, listLane, NEVER_WRITTEN, readRegister, writeRegister } from './members.ts';
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

  /** @throws JournalCorrupt when the lane was made here and is gone; else as the port says */
  async acquire(layout: RegionLayout, claim: Claim, lane = FIRST_LANE): Promise<Lane> {
    this.#refuseReadOnly();
    const { region } = layout;
    const members = this.#environment(this.#membersPath(region));
    attempt(members, () => fixLayout(members, this.#layoutOf(this.#path(region, FIRST_LANE)), layout));
    const path = this.#path(region, lane);
    // A damaged root page makes an environment look empty, and an empty lane would be served as one that was just made.
    if (this.#layoutOf(path) === undefined && attempt(members, () => listedLanes(members)).includes(lane)) {
      const found = `nothing in ${join(path, 'data.mdb')}, which is damaged or was replaced`;
      throw new JournalCorrupt(0, `lane ${lane} of ${region}, which was made there`, found);
    }
    const environment = this.#environment(path);
    const owner = attempt(environment, () => takeOver(environment, layout, claim, this.#judge));
    // Only now, and before the caller can append: the lanes listed are those acquired, and none with data is missing.
    attempt(members, () => listLane(members, lane));
    return new LmdbLane(environment, owner);
  }

  async reader(region: string, lane = FIRST_LANE): Promise<LaneReader & { readonly layout: RegionLayout }> {
    const path = this.#path(region, lane);
    if (this.#layoutOf(path) === undefined) {
      throw new RegionUnknown(`no lane ${lane} of region ${region} in ${this.directory}`);
    }
    return new LmdbReader(this.#environment(path));
  }

  async lanes(region: string): Promise<readonly string[]> {
    this.#checkOpen();
    const members = this.#existing(this.#membersPath(region));
    const listed = members === undefined ? [] : listedLanes(members);
    const hasFirst = this.#layoutOf(this.#path(region, FIRST_LANE)) !== undefined;
    return [...new Set(hasFirst ? [FIRST_LANE, ...listed] : listed)].sort();
  }

  register(region: string): Register {
    const path = this.#membersPath(region);
    return {
      read: async () => {
        this.#checkOpen();
        const members = this.#existing(path);
        return members === undefined ? NEVER_WRITTEN : readRegister(members);
      },
      write: async (expected, value) => {
        this.#refuseReadOnly();
        const members = this.#environment(path);
        return attempt(members, () => writeRegister(members, expected, value));
      },
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const environment of this.#environments.values()) await environment.close();
    this.#environments.clear();
  }

  #environment(path: string): Environment {
    this.#checkOpen();
    let environment = this.#environments.get(path);
    if (environment === undefined) {
      const options = { durability: this.durability, isReadOnly: this.#isReadOnly };
      environment = Environment.use(path, options);
      this.#environments.set(path, environment);
    }
    return environment;
  }

  #existing(path: string): Environment | undefined {
    return existsSync(join(path, 'data.mdb')) ? this.#environment(path) : undefined;
  }

  /** Undefined when no lane was ever acquired there. */
  #layoutOf(path: string): RegionLayout | undefined {
    const environment = this.#existing(path);
    environment?.refresh();
    return environment && readJson<RegionLayout>(environment, 'layout');
  }

  #path(region: string, lane: string): string {
    const regionPath = join(this.directory, segmentOf(region));
    return lane === FIRST_LANE ? regionPath : join(regionPath, `lane-${segmentOf(lane)}`);
  }

  #membersPath(region: string): string {
    return join(this.directory, segmentOf(region), 'members');
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreUnavailable(`the store in ${this.directory} is closed`);
  }

  #refuseReadOnly(): void {
    if (!this.#isReadOnly) return;
    throw new StoreMisconfigured(`${this.directory} was opened read-only: it can be read, not owned`);
  }
}

function attempt<T>(environment: Environment, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw environment.failed(error);
  }
}

/** A name as one path segment, whatever it holds. */
function segmentOf(name: string): string {
  return encodeURIComponent(name).replace(/^\.+/, (dots) => '%2E'.repeat(dots.length));
}
