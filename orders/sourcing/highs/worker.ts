// The solver's thread: answers one job after the other. It is started by thread.ts and knows nothing of time or orders.
import { parentPort } from 'node:worker_threads';
import { answer, type Job } from './jobs.ts';
import { loadSolver } from './solver.ts';

const solving = loadSolver();

parentPort?.on('message', ({ id, job }: { readonly id: number; readonly job: Job }) => {
  void solving.then((solveNow) => {
    try {
      parentPort?.postMessage({ id, answer: answer(job, solveNow) });
    } catch (error) {
      parentPort?.postMessage({ id, failed: error instanceof Error ? error.message : String(error) });
    }
  });
});
