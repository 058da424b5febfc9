// Buyers of a region at a steady rate: each reserves, and gives back what it reserved a while ago, so that the state stays
// of one size while workers come and go. What was acknowledged is counted, to be looked for afterwards.
import { connect, type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';

const STOCK = 1_000_000_000;
const TTL_MS = 86_400_000;
/** Reservations that each buyer keeps. */
const KEPT_MAX = 100;

export interface BuyersOptions {
  readonly port: number;
  /** Connections, each with as many buyers. */
  readonly clients: number;
  readonly skus: readonly string[];
  /** Requests a second by all of them. */
  readonly rate: number;
  /** Told of each reserve that was granted: when it was sent and answered, monotonic ms. */
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
    this.#loops = clients.flatMap((client, c) =>
      Array.from({ length: clients.length }, (_, n) => this.#buy(client, (c * clients.length + n) * 7)),
    );
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

  async #buy(client: HoldfastClient, offset: number): Promise<void> {
    const { skus, rate, granted } = this.#options;
    const everyMs = (1_000 * this.#clients.length ** 2) / rate;
    const kept: { sku: string; reservationId: string }[] = [];
    let dueAt = performance.now();
    for (let n = offset; !this.#isOver; n++) {
      const restMs = dueAt - performance.now();
      if (restMs > 1) await new Promise((resolve) => setTimeout(resolve, restMs));
      dueAt = Math.max(dueAt + everyMs, performance.now());
      const sku = skus[(n >> 1) % skus.length] as string;
      const sentAt = performance.now();
      try {
        const oldest = n % 2 === 1 && kept.length >= KEPT_MAX ? kept.shift() : undefined;
        if (oldest !== undefined) {
          // Whatever comes of it, it need not be there any more.
          this.#reserved.set(oldest.sku, (this.#reserved.get(oldest.sku) as number) - 1);
          await client.release({ reservationId: oldest.reservationId });
        } else {
          const { reservationId } = await client.reserve({ sku, qty: 1, ttlMs: TTL_MS });
          kept.push({ sku, reservationId });
          this.#reserved.set(sku, (this.#reserved.get(sku) ?? 0) + 1);
          granted(sku, sentAt, performance.now());
        }
        this.acknowledged += 1;
      } catch (error) {
        const code = error instanceof HoldfastError ? `${error.code} ${error.outcome}` : String(error);
        this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
      }
    }
  }
}
