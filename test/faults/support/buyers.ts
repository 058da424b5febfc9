// Buyers at one worker's door: each asks for one unit after the other and sends a request again until it is decided, over
// as many connections as that takes. What they were told is kept, and is asked again at the end.
import { expect } from 'vitest';
import { until } from '../../support/region.ts';
import { callAll, connectWire, type Json, type WireClient } from '../../support/wire.ts';

const REGION = 'eu-west';
export const SKUS: readonly string[] = Array.from({ length: 32 }, (_, n) => `fault-${n}`);
export const STOCK = 1_000_000;
/** Of a request to be sent again while it is refused, and of a connection to be made again, ms. */
const RETRY_MS = 20;
const MORE_WITHIN_MS = 30_000;

export async function stock(url: string, skus: readonly string[] = SKUS, onHand = STOCK): Promise<void> {
  const client = await connectWire(url);
  const filled = skus.map((sku) => ({ op: 'adjust', sku, region: REGION, node: 'n1', onHand, reason: 'test' }));
  const replies = await callAll(
    client,
    filled.map((request) => ({ ...request, requestId: `stock-${request.sku}` })),
  );
  expect(replies.filter(({ ok }) => ok !== true)).toEqual([]);
  client.close();
}

export interface BuyerOptions {
  readonly inFlight?: number;
  readonly skus?: readonly string[];
}

export class Buyer {
  readonly name: string;
  readonly #url: string;
  readonly #skus: readonly string[];
  /** What was decided, by requestId: sold, or out of stock. */
  readonly decided = new Map<string, { readonly request: Json; readonly answer: Json }>();
  /** What was asked and is not decided. */
  readonly pending = new Map<string, Json>();
  /** Answers that were neither a decision nor retriable. */
  readonly wrong: Json[] = [];
  /** Retriable refusals by code. */
  readonly refusals = new Map<string, number>();
  #client: Promise<WireClient> | undefined;
  #isOver = false;
  readonly #loops: Promise<void>[];

  constructor(url: string, name: string, { inFlight = 4, skus = SKUS }: BuyerOptions = {}) {
    this.#url = url;
    this.name = name;
    this.#skus = skus;
    this.#loops = Array.from({ length: inFlight }, (_, n) => this.#buy(n));
  }

  get refused(): number {
    return [...this.refusals.values()].reduce((sum, count) => sum + count, 0);
  }

  async #buy(loop: number): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const sku = this.#skus[(n * 5 + loop * 7) % this.#skus.length] as string;
      const requestId = `${this.name}-${loop}-${n}`;
      const request = { op: 'reserve', sku, region: REGION, qty: 1, ttlMs: 3_600_000, requestId };
      this.pending.set(requestId, request);
      while (this.pending.has(requestId) && !this.#isOver) await this.#ask(requestId, request);
    }
  }

  /** Whose connection ends before the answer learns nothing, and asks again. */
  async #ask(requestId: string, request: Json): Promise<void> {
    try {
      this.#client ??= this.#connected();
      const { id: _, ...answer } = await (await this.#client).call(request);
      if (answer['ok'] === true || answer['code'] === 'INSUFFICIENT_STOCK') {
        this.decided.set(requestId, { request, answer });
        this.pending.delete(requestId);
        return;
      }
      const code = String(answer['code']);
      if (answer['retriable'] !== true) this.wrong.push(answer);
      else this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    } catch {
      // Nobody listens, or the connection ended.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }

  async #connected(): Promise<WireClient> {
    const forget = (): void => {
      this.#client = undefined;
    };
    try {
      const client = await connectWire(this.#url);
      void client.closed.then(forget);
      return client;
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Resolves once so many more are decided. */
  async more(count: number): Promise<void> {
    const enough = this.decided.size + count;
    const told = (): unknown => [Object.fromEntries(this.refusals), this.wrong.slice(0, 3)];
    const look = async (): Promise<true | undefined> => (this.decided.size >= enough ? true : undefined);
    await until(`${this.name} to be told of ${count} more`, look, MORE_WITHIN_MS, told);
  }

  /** Resolves once nothing was decided for a while: what had been taken before a fault is through. */
  async lull(ms = 500): Promise<void> {
    let [seen, since] = [this.decided.size, performance.now()];
    const look = async (): Promise<true | undefined> => {
      if (this.decided.size !== seen) [seen, since] = [this.decided.size, performance.now()];
      return performance.now() - since >= ms ? true : undefined;
    };
    await until(`${this.name} to be told nothing`, look, MORE_WITHIN_MS);
  }

  /** Ends with what is under way; the connection too, so that nothing is waited for that cannot come. */
  async stop(): Promise<void> {
    this.#isOver = true;
    const gone = new Promise<void>((resolve) => setTimeout(resolve, 2_000));
    await Promise.race([Promise.all(this.#loops), gone]);
    (await this.#client?.catch(() => undefined))?.close();
    await Promise.all(this.#loops);
  }
}

/**
 * Everything that the buyers were told is so, as the worker at `url` tells it: each decision asked again is the same one,
 * each sold unit is another, and exactly so many are reserved. What was not decided is decided now.
 * @param onHand of each sku
 */
export async function expectKept(url: string, buyers: readonly Buyer[], onHand = STOCK): Promise<void> {
  await Promise.all(buyers.map((buyer) => buyer.stop()));
  for (const { wrong } of buyers) expect(wrong).toEqual([]);
  const decided = buyers.flatMap((buyer) => [...buyer.decided.values()]);
  const pending = buyers.flatMap((buyer) => [...buyer.pending.values()]);
  const client = await connectWire(url);
  const again = await callAll(client, [...decided.map(({ request }) => request), ...pending]);
  for (const [n, { request, answer }] of decided.entries()) {
    const { id: _, ...said } = again[n] as Json;
    expect(said, JSON.stringify(request)).toEqual({ ...answer, replayed: true });
  }
  const sold = again.filter(({ ok }) => ok === true);
  const refused = again.filter(({ ok, code }) => ok !== true && code !== 'INSUFFICIENT_STOCK');
  expect(refused).toEqual([]);
  expect(new Set(sold.map(({ reservationId }) => reservationId)).size).toBe(sold.length);
  const skus = new Set(decided.map(({ request }) => String(request['sku'])));
  const seen = await callAll(
    client,
    [...skus].map((sku) => ({ op: 'get', sku, region: REGION })),
  );
  const reserved = seen.reduce((sum, position) => sum + Number(position['reserved']), 0);
  expect(reserved).toBe(sold.length);
  for (const position of seen) {
    expect(position).toMatchObject({ ok: true, onHand });
    expect(Number(position['reserved'])).toBeLessThanOrEqual(onHand);
  }
  client.close();
}
