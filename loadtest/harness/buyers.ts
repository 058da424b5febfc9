// Buyers of a region at a steady rate: each reserves, and gives back what it reserved a while ago, so that the state stays
// of one size while workers come and go. What was acknowledged is counted, to be looked for afterwards.
// Each SKU has a buyer of its own: buyers that went from SKU to SKU would all come to wait at those that nobody serves,
// and then find out late that the others are served.
import { connect, type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';

const STOCK = 1_000_000_000;
const TTL_MS = 86_400_000;
/** Reservations that all buyers keep together, or one each where there are more buyers. */
const KEPT_MAX = 6_400;

export interface BuyersOptions {
  readonly port: number;
  /** Connections that the buyers share. */
  readonly clients: number;
  /** Each has one buyer. */
  readonly skus: readonly string[];
  /** Requests a second by all of them. */
  readonly rate: number;
  /** Told of each request that was granted: when it was sent and answered, monotonic ms. */
  readonly granted: (sku: string, sentAt: number, answeredAt: number) => void;
}

export class Buyers {
  acknowledged = 0;
  /** Calls that the client gave up, by code and outcome. */
  readonly failures = new Map<string, number>();
  readonly #options: BuyersOptions;
  readonly #clients: readonly HoldfastClient[];
  /** Units that must be reserved at least. */
  readonly #reserved = new Map<string, number>();
  readonly #loops: Promise<void>[];
  #isOver = false;

  /** Puts stock in, and starts. */
  static async start(options: BuyersOptions): Promise<Buyers> {
    const clients = await Promise.all(
      Array.from({ length: options.clients }, () => connect({ url: `ws://127.0.0.1:${options.port}` })),
    );
    for (const sku of options.skus) {
      await (clients[0] as HoldfastClient).adjust({ sku, node: 'n1', delta: STOCK, reason: 'bench' });
    }
    return new Buyers(options, clients);
  }

  private constructor(options: BuyersOptions, clients: readonly HoldfastClient[]) {
    this.#options = options;
    this.#clients = clients;
    const { skus } = options;
    this.#loops = skus.map((sku, n) => this.#buy(clients[n % clients.length] as HoldfastClient, sku, n / skus.length));
  }

  /** Stops buying, and counts what is there. @returns units reserved, and units acknowledged that are missing */
  async end(): Promise<{ kept: number; missing: number }> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    let kept = 0;
    let missing = 0;
    for (const sku of this.#options.skus) {
      const view = await (this.#clients[0] as HoldfastClient).get({ sku });
      kept += view.reserved;
      missing += Math.max(0, (this.#reserved.get(sku) ?? 0) - view.reserved);
    }
    await Promise.all(this.#clients.map((client) => client.close()));
    return { kept, missing };
  }

  failuresText(): string {
    return [...this.failures].map(([code, count]) => `${code} ${count}`).join(', ') || 'none';
  }

  /** @param phase where in the period its turn is, 0 to 1 */
  async #buy(client: HoldfastClient, sku: string, phase: number): Promise<void> {
    const { skus, rate, granted } = this.#options;
    const everyMs = (1_000 * skus.length) / rate;
    const keptMax = Math.max(1, Math.floor(KEPT_MAX / skus.length));
    const kept: string[] = [];
    let dueAt = performance.now() + everyMs * phase;
    while (!this.#isOver) {
      const restMs = dueAt - performance.now();
      if (restMs > 1) await new Promise((resolve) => setTimeout(resolve, restMs));
      dueAt = Math.max(dueAt + everyMs, performance.now());
      const sentAt = performance.now();
      try {
        const oldest = kept.length >= keptMax ? kept.shift() : undefined;
        if (oldest !== undefined) {
          // Whatever comes of it, it need not be there any more.
          this.#reserved.set(sku, (this.#reserved.get(sku) as number) - 1);
          await client.release({ reservationId: oldest });
        } else {
          const { reservationId } = await client.reserve({ sku, qty: 1, ttlMs: TTL_MS });
          kept.push(reservationId);
          this.#reserved.set(sku, (this.#reserved.get(sku) ?? 0) + 1);
        }
        granted(sku, sentAt, performance.now());
        this.acknowledged += 1;
      } catch (error) {
        const code = error instanceof HoldfastError ? `${error.code} ${error.outcome}` : String(error);
        this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
      }
    }
  }
}
