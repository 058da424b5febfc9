// When a worker wrote its snapshots, as its metrics tell: a round is counted when it ends, with how long it took.
import { setTimeout as sleep } from 'node:timers/promises';

/** ms of performance.now. */
export interface Round {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Rendering all metrics takes the worker a millisecond or two. */
const LOOK_MS = 200;
const ROUNDS = /^holdfast_snapshot_duration_seconds_(sum|count)(?:\{[^}]*\})? (\S+)$/gm;

export class SnapshotWatch {
  readonly #url: string;
  readonly #rounds: Round[] = [];
  #isRunning = true;
  readonly #ended: Promise<void>;

  static start(port: number): SnapshotWatch {
    return new SnapshotWatch(`http://127.0.0.1:${port}/metrics`);
  }

  private constructor(url: string) {
    this.#url = url;
    this.#ended = this.#run();
  }

  /** All rounds that ended meanwhile. */
  async stop(): Promise<readonly Round[]> {
    this.#isRunning = false;
    await this.#ended;
    return this.#rounds;
  }

  async #run(): Promise<void> {
    let before = await this.#look();
    while (this.#isRunning) {
      await sleep(LOOK_MS);
      const now = await this.#look();
      const toMs = performance.now();
      if (now.count > before.count) this.#rounds.push({ fromMs: toMs - 1_000 * (now.sum - before.sum), toMs });
      before = now;
    }
  }

  async #look(): Promise<{ sum: number; count: number }> {
    const found = { sum: 0, count: 0 };
    const text = await (await fetch(this.#url)).text();
    for (const [, name, value] of text.matchAll(ROUNDS)) found[name as 'sum' | 'count'] = Number(value);
    return found;
  }
}

/** The share of a span of time, 0 to 1, in which a round was running. */
export function shareWithin(rounds: readonly Round[], fromMs: number, toMs: number): number {
  const shared = rounds.map((round) => Math.max(0, Math.min(toMs, round.toMs) - Math.max(fromMs, round.fromMs)));
  return shared.reduce((sum, ms) => sum + ms, 0) / (toMs - fromMs);
}
