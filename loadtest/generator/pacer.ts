// A clock finer than setTimeout's millisecond that does not spin: a worker thread sleeps on a futex and knocks. On
// two cores a spinning generator would take half the machine from what it measures.
import { Worker } from 'node:worker_threads';

// Plain JavaScript in a string, so that it runs the same from source and from the build.
const CLOCK = `
const { parentPort, workerData: { state, tickMs } } = require('node:worker_threads');
const cell = new Int32Array(state);
let next = performance.now() + tickMs;
for (;;) {
  const wait = next - performance.now();
  if (wait > 0) Atomics.wait(cell, 0, 0, wait);
  next = Math.max(next + tickMs, performance.now());
  // A knock that was not answered yet is not repeated: ticks may be late, they never pile up.
  if (Atomics.exchange(cell, 1, 1) === 0) parentPort.postMessage(0);
}`;

export class Pacer {
  readonly #worker: Worker;

  constructor(tickMs: number, onTick: () => void) {
    const state = new SharedArrayBuffer(8);
    const cell = new Int32Array(state);
    this.#worker = new Worker(CLOCK, { eval: true, workerData: { state, tickMs } });
    this.#worker.on('message', () => {
      Atomics.store(cell, 1, 0);
      onTick();
    });
  }

  stop(): void {
    this.#worker.removeAllListeners('message');
    void this.#worker.terminate();
  }
}
