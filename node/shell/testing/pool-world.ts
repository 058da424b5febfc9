// Several regions that sell one pool, each a grid over a store of its own, on one clock, with a network between them that
// loses, delays, repeats and reorders what they say. A crash forgets an owner's memory and what was not durable.
import { decodeRows, encodeRows, type PoolReport, type PoolRow, poolView } from '../../../cluster/escrow/index.ts';
import type { GetReply, Outcome } from '../../../protocol/index.ts';
import type { ShellLimits } from '../limits.ts';
import { type Asked, ManualRuntime, MemoryMedium, openGrid, type TestGrid } from './harness.ts';

export const SKU = 'pooled';

export interface Weather {
  readonly latencyMs: number;
  /** Of 100 messages. */
  readonly lost: number;
  readonly repeated: number;
  /** Beyond the latency, at most: what is delayed is overtaken. */
  readonly delayMs: number;
}

export const FAIR: Weather = { latencyMs: 80, lost: 0, repeated: 0, delayMs: 0 };
export const ROUGH: Weather = { latencyMs: 40, lost: 25, repeated: 15, delayMs: 400 };

interface Region {
  readonly name: string;
  readonly medium: MemoryMedium;
  grid: TestGrid;
  /** Counts the owners there were: what a dead one still says is not sent. */
  life: number;
}

export class PoolWorld {
  readonly runtime = new ManualRuntime();
  readonly #regions: Region[] = [];
  readonly #cut = new Set<string>();
  readonly #limits: Partial<ShellLimits>;
  weather: Weather = FAIR;
  /** Messages that were sent. */
  sent = 0;
  /** What all owners logged. */
  readonly lines: string[] = [];
  #dice = 1;
  #requests = 0;

  private constructor(limits: Partial<ShellLimits>) {
    this.#limits = limits;
  }

  /** Regions with so many units minted in each. */
  static async of(units: Readonly<Record<string, number>>, limits: Partial<ShellLimits> = {}): Promise<PoolWorld> {
    const world = new PoolWorld(limits);
    const regions = Object.keys(units);
    for (const name of regions) {
      const medium = new MemoryMedium(world.runtime.now);
      const region = { name, medium, life: 0 } as Region;
      region.grid = await world.#open(region);
      world.#regions.push(region);
    }
    for (const name of regions) await world.call(name, { op: 'pool', regions });
    for (const [name, qty] of Object.entries(units)) if (qty > 0) await world.mint(name, qty);
    return world;
  }

  get names(): readonly string[] {
    return this.#regions.map(({ name }) => name);
  }

  #open(region: Region): Promise<TestGrid> {
    const { life, name } = region;
    const sendRows = (rows: readonly PoolRow[]): void => {
      if (region.life === life) for (const row of rows) this.#send(name, row.to, encodeRows([row]));
    };
    const log = (line: string): void => {
      this.lines.push(line);
    };
    return openGrid(region.medium, this.runtime, this.#limits, undefined, { region: name, sendRows, log });
  }

  #send(from: string, to: string, bytes: Uint8Array): void {
    this.sent += 1;
    const { latencyMs, lost, repeated, delayMs } = this.weather;
    if (this.#roll(100) < lost || this.#isCut(from, to)) return;
    const copies = this.#roll(100) < repeated ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.runtime.after(latencyMs + this.#roll(delayMs + 1), () => {
        if (this.#isCut(from, to)) return;
        for (const row of decodeRows(bytes)) this.of(to).grid.grid.poolRow(row);
      });
    }
  }

  #isCut(from: string, to: string): boolean {
    return this.#cut.has(from) || this.#cut.has(to);
  }

  /** The same dice at each run: 0 to `sides` − 1. */
  #roll(sides: number): number {
    this.#dice = (Math.imul(this.#dice, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (this.#dice >> 8) % sides;
  }

  of(name: string): Region {
    const region = this.#regions.find((other) => other.name === name);
    if (region === undefined) throw new RangeError(`no region ${name}`);
    return region;
  }

  /** What a request about the pooled sku comes to. */
  call(region: string, request: Record<string, unknown>): Promise<Outcome> {
    return this.of(region).grid.call(this.#wire(region, request));
  }

  /** Asks without waiting for the answer. */
  ask(region: string, request: Record<string, unknown>): Asked {
    return this.of(region).grid.ask(this.#wire(region, request));
  }

  #wire(region: string, request: Record<string, unknown>): Record<string, unknown> {
    this.#requests += 1;
    const isByRef = 'reservationId' in request;
    const target = isByRef ? {} : { sku: SKU, region };
    return { ...target, ...(request.op === 'get' ? {} : { requestId: `r${this.#requests}` }), ...request };
  }

  mint(region: string, delta: number): Promise<Outcome> {
    return this.call(region, { op: 'adjust', node: 'pool', delta, reason: 'test' });
  }

  /** Sells units one by one until a buyer is refused; how many were sold. */
  async sellOut(region: string, most = 1_000_000): Promise<number> {
    for (let sold = 0; sold < most; sold++) {
      const outcome = await this.call(region, { op: 'reserve', qty: 1 });
      if (!outcome.ok) return sold;
    }
    return most;
  }

  /** Nothing comes through to the region or from it. */
  cut(region: string): void {
    this.#cut.add(region);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** From now on nothing that the region appends becomes durable, until it crashes or is let go. */
  hold(region: string): void {
    this.of(region).medium.hold();
  }

  async letGo(region: string): Promise<void> {
    this.of(region).medium.release();
    await this.runtime.settle();
  }

  /** The owner dies with all it remembers and all that was not durable; another takes over. */
  async crash(region: string): Promise<void> {
    const r = this.of(region);
    r.life += 1;
    r.medium.endSession(region);
    r.grid = await this.#open(r);
    await this.letGo(region);
  }

  async part(region: string): Promise<PoolReport> {
    const seen = (await this.call(region, { op: 'get' })) as GetReply;
    if (seen.pool === undefined) throw new Error(`${region} has no part of the pool`);
    const shortfall = seen.nodes.find(({ node }) => node === 'pool')?.shortfall ?? 0;
    const { minted, rights, consumed, regions: accounts } = seen.pool;
    return { region, minted, rights, consumed, shortfall, accounts };
  }

  /** All regions at one moment. */
  async view() {
    const reports: PoolReport[] = [];
    for (const { name } of this.#regions) reports.push(await this.part(name));
    return poolView(reports);
  }

  /** Each rights from first to last region. */
  async rights(): Promise<number[]> {
    const rights: number[] = [];
    for (const { name } of this.#regions) rights.push((await this.part(name)).rights);
    return rights;
  }
}
