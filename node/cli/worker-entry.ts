// The process that `holdfast start` forks for each region. It speaks to its supervisor over IPC (see
// cluster/supervisor.ts) and ends when that channel closes, so that no worker outlives the grid it belongs to.
import type { ChildMessage } from '../../cluster/supervisor.ts';
import { messageOf } from './exit.ts';
import { type RunningWorker, runWorker } from './run-worker.ts';
import { isPassing, startFailure, type WorkerArguments } from './worker-options.ts';

const log = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const tell = (message: ChildMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerArguments;
let running: RunningWorker | undefined;
let ending = false;

async function end(): Promise<void> {
  ending = true;
  // A stop during the start: what was journaled is durable, and nothing was acknowledged that is not.
  if (running === undefined) process.exit(0);
  try {
    await running.stop();
    process.exit(0);
  } catch (error) {
    log(`the stop failed: ${messageOf(error)}`);
    process.exit(1);
  }
}

/** Hands over to the other workers of the region, if there are any, and ends. */
async function retire(): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, RETIRE_MS_MAX));
  await Promise.race([handOver(), late]).catch((error) => log(`draining: ${messageOf(error)}`));
  endOnce();
}

async function handOver(): Promise<void> {
  // The last worker keeps what it has: nobody could take it.
  if (running !== undefined && (await running.worker.colleagues()) > 0) await running.worker.drain();
}

/** A worker that has not handed everything over by then ends all the same: the rest is taken over. */
const RETIRE_MS_MAX = 120_000;

const endOnce = (): void => {
  if (!ending) void end();
};

// Ctrl-C reaches every process of the terminal; the supervisor decides, and says so over IPC.
process.on('SIGINT', () => {});
process.on('SIGTERM', endOnce);
process.on('disconnect', endOnce);
process.on('message', (message: { type?: string }) => {
  if (message.type === 'stop') endOnce();
  else if (message.type === 'retire') void retire();
});

try {
  running = await runWorker(options, log, (message) =>
    tell({
      type: 'refused',
      message: `${options.region}: ${message}`,
      hint: 'Restore the store, or check what is left with `holdfast audit --offline` and start again to serve that.',
    }),
  );
  await tell({ type: 'ready', detail: running.ready });
} catch (error) {
  const refused = startFailure(error);
  if (refused !== undefined) {
    await tell({
      type: isPassing(error) ? 'lacking' : 'refused',
      message: refused.message,
      ...(refused.hint === undefined ? {} : { hint: refused.hint }),
    });
  } else {
    log(messageOf(error));
  }
  process.exit(1);
}
