// A grid over the memory store, with a clock and turns that a test moves by hand.
import type { ItemRequest, ListRequest, Outcome } from '../../../protocol/index.ts';
import { parseRequest } from '../../../protocol/parse.ts';
import { partitionOf } from '../../core/index.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import { createMetrics, type Metrics } from '../../metrics/metrics.ts';
import { listAcross, type Spreader } from '../../worker/spread.ts';
import type { Respond } from '../grid.ts';
import { InventoryGrid, type InventoryGridOptions } from '../inventory-grid.ts';
import type { ShellLimits } from '../limits.ts';
import type { Runtime } from '../runtime.ts';

export const REGION = 'eu-west';
const PARTITIONS = 8;
const START_MS = 1_750_000_000_000;

/** Time stands still until it is advanced; deferred turns run when the test settles. */
export class ManualRuntime implements Runtime {
  ms = START_MS;
  #deferred: (() => void)[] = [];
  #timers: { at: number; run: () => void }[] = [];
  heap = 0.1;
  /** Called when a timer has fired, before what it began goes on. */
  onTimer: (() => void) | undefined;

  /** How far the wall clock is ahead of the one that does not jump, ms. */
  aheadMs = 0;

  now = (): number => this.ms + this.aheadMs;
  monotonic = (): number => this.ms;
  heapUse = (): number => this.heap;

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.ms + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  /** Runs what was deferred and what follows from it, until nothing moves without the clock. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const run = this.#deferred.splice(0);
      for (const turn of run) turn();
      quiet = run.length === 0 ? quiet + 1 : 0;
    }
  }

  /** Moves the clock on, firing timers in order. */
  async advance(ms: number): Promise<void> {
    const until = this.ms + ms;
    await this.settle();
    for (;;) {
      const next = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.ms = Math.max(this.ms, next.at);
      next.run();
      this.onTimer?.();
      await this.settle();
    }
    this.ms = until;
  }
}

export interface TestGrid {
  readonly grid: InventoryGrid;
  readonly metrics: Metrics;
  /** Lines it logged. */
  readonly lines: string[];
  /** Submits a request as it would come over the wire; the answer may come later. */
  ask(request: Record<string, unknown>): Asked;
  /** Submits, settles, and returns the answer, which must have come. */
  call(request: Record<string, unknown>): Promise<Outcome>;
}

export interface Asked {
  outcome: Outcome | undefined;
}

let incarnations = 0;

export async function openGrid(
  medium: MemoryMedium,
  runtime: ManualRuntime,
  limits: Partial<ShellLimits> = {},
  laneName?: string,
  more: Partial<InventoryGridOptions> = {},
): Promise<TestGrid> {
  const metrics = createMetrics();
  const lines: string[] = [];
  incarnations += 1;
  const grid = new InventoryGrid({
    region: REGION,
    partitions: PARTITIONS,
    store: new MemoryStore(medium),
    ...(laneName === undefined ? {} : { lane: laneName }),
    ownerId: `owner-${incarnations}`,
    nonce: `nonce-${incarnations}`,
    server: 'holdfast/test',
    runtime,
    metrics,
    limits,
    log: (line) => lines.push(line),
    ...more,
  });
  const opening = grid.open(60_000);
  opening.catch(() => {});
  await runtime.settle();
  await opening;
  const ask = (wire: Record<string, unknown>): Asked => {
    const { request } = parseRequest({ id: 1, ...wire });
    if ('ok' in request) throw new Error(`${JSON.stringify(wire)}: ${request.message}`);
    const asked: Asked = { outcome: undefined };
    const respond: Respond = (outcome) => {
      if (asked.outcome !== undefined) throw new Error('answered twice');
      asked.outcome = outcome;
    };
    if ((request as ItemRequest).op === 'list') listAcross(request as ListRequest, PARTITIONS, alone(grid), respond);
    else grid.submit(request as ItemRequest, respond);
    return asked;
  };
  const call = async (wire: Record<string, unknown>): Promise<Outcome> => {
    const asked = ask(wire);
    await runtime.settle();
    if (asked.outcome === undefined) throw new Error(`${JSON.stringify(wire)} was not answered`);
    return asked.outcome;
  };
  return { grid, metrics, lines, ask, call };
}

/** A worker with one lane that has everything. */
function alone(grid: InventoryGrid): Spreader {
  return {
    whereIs: () => grid,
    partitionOf: (sku) => partitionOf(sku, PARTITIONS),
    pass: () => {
      throw new Error('there is no other worker');
    },
    submit: (request, respond) => grid.submit(request, respond),
  };
}

/** Stock for a test: `qty` more units at node w1. */
export function stock(sku: string, qty: number, requestId = `stock-${sku}`): Record<string, unknown> {
  return { op: 'adjust', sku, region: REGION, node: 'w1', delta: qty, reason: 'test', requestId };
}

export function reserve(sku: string, qty: number, requestId: string): Record<string, unknown> {
  return { op: 'reserve', sku, region: REGION, qty, requestId };
}

export function get(sku: string): Record<string, unknown> {
  return { op: 'get', sku, region: REGION };
}

export { MemoryMedium };
