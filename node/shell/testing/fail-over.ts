// A live owner over a real Redis that fails over: a grid at work, what it acknowledged, and how much of that a successor
// finds. For tests, and for measuring.
import { randomUUID } from 'node:crypto';
import type { ItemRequest, Outcome } from '../../../protocol/index.ts';
import { parseRequest } from '../../../protocol/parse.ts';
import type { JournalStore } from '../../journal/port.ts';
import { createMetrics } from '../../metrics/metrics.ts';
import { InventoryGrid } from '../inventory-grid.ts';
import type { ShellLimits } from '../limits.ts';
import { NODE_RUNTIME, pause } from '../runtime.ts';
import { REGION, reserve, stock } from './harness.ts';

const SKUS = 16;
const IN_FLIGHT = 8;
const OPEN_WAIT_MS = 30_000;
const RETRY_MS = 5;

export class OwnerAtWork {
  readonly grid: InventoryGrid;
  /** Lines it logged. */
  readonly lines: string[] = [];
  /** The ids of the reservations that were acknowledged. */
  readonly acknowledged: string[] = [];
  #isWorking = false;
  #work: Promise<unknown> = Promise.resolve();

  /** Takes the lane once its predecessor's session is over. */
  static async open(store: JournalStore, limits: Partial<ShellLimits> = {}): Promise<OwnerAtWork> {
    const owner = new OwnerAtWork(store, limits);
    await owner.grid.open(OPEN_WAIT_MS);
    return owner;
  }

  private constructor(store: JournalStore, limits: Partial<ShellLimits>) {
    this.grid = new InventoryGrid({
      region: REGION,
      partitions: 8,
      store,
      ownerId: randomUUID(),
      nonce: randomUUID(),
      server: 'holdfast/test',
      runtime: NODE_RUNTIME,
      metrics: createMetrics(),
      limits,
      log: (line) => this.lines.push(line),
    });
  }

  call(wire: Record<string, unknown>): Promise<Outcome> {
    const { request } = parseRequest({ id: 1, ...wire });
    if ('ok' in request) throw new Error(request.message);
    return new Promise((resolve) => this.grid.submit(request as ItemRequest, resolve));
  }

  /** Reserves until `rest`, one unit after the other, each sent again until it is acknowledged. */
  work(): void {
    this.#isWorking = true;
    this.#work = Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => this.#reserveAll(n)));
  }

  async #reserveAll(worker: number): Promise<void> {
    for (let n = worker; this.#isWorking; n += 1) {
      const sku = `sku-${n % SKUS}`;
      const request = reserve(sku, 1, randomUUID());
      for (;;) {
        const outcome = await this.call(request);
        if (outcome.ok && 'reservationId' in outcome) {
          this.acknowledged.push(outcome.reservationId);
          break;
        }
        if (outcome.ok) throw new Error(JSON.stringify(outcome));
        if (outcome.code === 'NOT_FOUND') await this.call(stock(sku, 1_000_000, randomUUID()));
        else if (!this.#isWorking) return;
        await pause(NODE_RUNTIME, RETRY_MS);
      }
    }
  }

  /** Resolves once so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    while (this.acknowledged.length < goal) await pause(NODE_RUNTIME, RETRY_MS);
  }

  async rest(): Promise<void> {
    this.#isWorking = false;
    await this.#work;
  }
}

/** How many of the reservations this owner does not have. */
export async function lostIn(successor: OwnerAtWork, acknowledged: readonly string[]): Promise<number> {
  let lost = 0;
  for (const reservationId of acknowledged) {
    const outcome = await successor.call({ op: 'getReservation', reservationId });
    if (!outcome.ok && outcome.code !== 'NOT_FOUND') throw new Error(outcome.message);
    if (!outcome.ok) lost += 1;
  }
  return lost;
}
