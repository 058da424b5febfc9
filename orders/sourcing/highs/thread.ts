// Keeps HiGHS away from whoever serves: a thread that solves one job at a time. Where it dies, or does not answer in time, it is ended and the
// job fails; the next job starts another.
import { Worker } from 'node:worker_threads';
import type { JointProblem } from '../joint.ts';
import { SOLVER_GRACE_MS, SOLVER_HEAP_MB } from '../limits.ts';
import type { PricingInput } from '../pricing.ts';
import type { ProgramLimits } from '../program.ts';
import type { ShadowPrices } from '../situation.ts';
import { type Answer, type Job, type JointAnswer, timeOf } from './jobs.ts';

/** A job that came to nothing; the message says why. Nothing is broken by it: who asked goes on with what he has. */
export class SolverFailed extends Error {
  override readonly name = 'SolverFailed';
}

interface ThreadOptions {
  /** What the thread runs. */
  readonly entry?: URL;
  readonly graceMs?: number;
}

interface Running {
  readonly id: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class SolverThread {
  readonly #entry: URL;
  readonly #graceMs: number;
  #worker: Worker | undefined;
  #running: Running | undefined;
  #jobs = 0;

  constructor({ entry = new URL('./worker.js', import.meta.url), graceMs = SOLVER_GRACE_MS }: ThreadOptions = {}) {
    this.#entry = entry;
    this.#graceMs = graceMs;
  }

  /** @throws SolverFailed, also where a job is under way: callers ask again later, none wait in line */
  async prices(input: PricingInput): Promise<ShadowPrices> {
    const answer = await this.#ask({ kind: 'prices', input });
    if (answer.kind !== 'prices') throw new SolverFailed('HiGHS found no prices in time');
    return answer.prices;
  }

  /** @throws SolverFailed, as prices does */
  async joint(problem: JointProblem, limits: ProgramLimits): Promise<JointAnswer> {
    const answer = await this.#ask({ kind: 'joint', problem, limits });
    if (answer.kind !== 'joint') throw new SolverFailed('HiGHS found no plans in time');
    return answer.joint;
  }

  /** Ends the thread, and what it is at. */
  async close(): Promise<void> {
    this.#fail('the solver was closed');
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #ask(job: Job): Promise<Answer> {
    if (this.#running !== undefined) return Promise.reject(new SolverFailed('HiGHS is at another job'));
    const worker = this.#started();
    const id = ++this.#jobs;
    return new Promise((resolve, reject) => {
      const timeMs = timeOf(job) + this.#graceMs;
      const timer = setTimeout(() => this.#end(worker, `HiGHS did not answer within ${timeMs} ms`), timeMs);
      this.#running = { id, resolve, reject, timer };
      worker.ref();
      worker.postMessage({ id, job });
    });
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.#entry, { resourceLimits: { maxOldGenerationSizeMb: SOLVER_HEAP_MB } });
    worker.on('message', ({ id, answer, failed }: { id: number; answer?: Answer; failed?: string }) => {
      if (this.#running?.id !== id) return;
      if (answer === undefined) this.#fail(`HiGHS failed: ${failed}`);
      else this.#settled()?.resolve(answer);
    });
    worker.on('error', (error) => this.#end(worker, `the solver's thread died: ${error.message}`));
    worker.on('exit', (code) => this.#end(worker, `the solver's thread ended with ${code}`));
    this.#worker = worker;
    return worker;
  }

  #end(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    void worker.terminate();
    this.#fail(reason);
  }

  #fail(reason: string): void {
    this.#settled()?.reject(new SolverFailed(reason));
  }

  /** An idle thread keeps no process alive. */
  #settled(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(running?.timer);
    this.#worker?.unref();
    return running;
  }
}
