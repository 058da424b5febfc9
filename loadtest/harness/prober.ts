// A buyer beside a load: reserves a unit of a SKU of its own and commits or releases it, over and over, and notes what each step
// took. It says what the load does to others, and when that is over.
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from '../../protocol/client/uuidv7.ts';
import { REGION } from './systems.ts';
import { WireClient } from './wire.ts';

export type ProbeOp = 'reserve' | 'commit' | 'release';

export interface Probe {
  readonly op: ProbeOp;
  /** When it was sent, ms of performance.now. */
  readonly atMs: number;
  readonly tookMs: number;
  /** Why it did not go through; undefined: it did. */
  readonly refused: string | undefined;
}

const PAUSE_MS = 5;

export class Prober {
  readonly probes: Probe[] = [];
  readonly #client: WireClient;
  readonly #sku: string;
  #isRunning = true;
  readonly #ended: Promise<void>;

  /** @param sku has stock that nobody else takes */
  static async start(port: number, sku: string): Promise<Prober> {
    return new Prober(await WireClient.connect(port), sku);
  }

  private constructor(client: WireClient, sku: string) {
    this.#client = client;
    this.#sku = sku;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#ended;
    this.#client.close();
  }

  async #run(): Promise<void> {
    for (let n = 0; this.#isRunning; n++) {
      await sleep(PAUSE_MS);
      const wanted = { sku: this.#sku, region: REGION, qty: 1, requestId: uuidv7(Date.now()) };
      const reserved = await this.#ask({ op: 'reserve', ...wanted });
      if (reserved === undefined || !('reservationId' in reserved)) continue;
      const op = n % 2 === 0 ? 'commit' : 'release';
      await this.#ask({ op, reservationId: reserved.reservationId, requestId: uuidv7(Date.now()) });
    }
  }

  async #ask(request: Parameters<WireClient['request']>[0] & { readonly op: ProbeOp }) {
    const atMs = performance.now();
    let refused: string | undefined;
    const reply = await this.#client.request(request).catch((error: Error) => {
      refused = error.message;
      return undefined;
    });
    this.probes.push({ op: request.op, atMs, tookMs: performance.now() - atMs, refused });
    return reply;
  }
}
