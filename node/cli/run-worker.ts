// One worker in this process, from its start to its end: started, watched, and stopped by a signal, by its
// supervisor, or because it lost its lane. The composition itself is node/main.ts.
import { startWorker, type Worker } from '../main.ts';
import { meshSecret, token } from './credentials.ts';
import { readMeshTls } from './mesh-tls.ts';
import { startPatiently } from './store-patience.ts';
import { keepRepliesYoung } from './worker-flags.ts';
import { describeStore, type WorkerArguments, type WorkerReady } from './worker-options.ts';

/** The exit code of a worker that lost its lane: its supervisor starts a successor. */
const EXIT_LANE_LOST = 3;

export interface RunningWorker {
  readonly worker: Worker;
  readonly ready: WorkerReady;
  /** Drains and stops; calling it again waits for the first. */
  stop(): Promise<void>;
}

/**
 * @param lost told when acknowledged records are missing from the store, before the process ends: a successor would
 * serve what is left as if nothing had happened
 */
export async function runWorker(
  options: WorkerArguments,
  log: (line: string) => void,
  lost: (message: string) => Promise<void> = async () => {},
): Promise<RunningWorker> {
  keepRepliesYoung();
  const secret = token();
  const mesh = meshSecret();
  const { meshTls, storeWaitMs: waitMs, ...settings } = options;
  const { store } = settings;
  const all = {
    ...settings,
    log,
    ...(meshTls === undefined ? {} : { meshTls: readMeshTls(meshTls, Date.now()) }),
    ...(secret === undefined ? {} : { token: secret }),
    ...(mesh === undefined ? {} : { meshSecret: mesh }),
  };
  const worker = await startPatiently(() => startWorker(all), { store, waitMs, log });
  const info = worker.info();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= worker.stop();
    return stopped;
  };
  void worker.failed.then(async (error) => {
    if (stopped !== undefined) return;
    log(`${error.message}; the worker ends`);
    // What is fenced may not write any more, so there is nothing to drain; only sockets are closed politely.
    await Promise.race([stop().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 2_000))]);
    if (error.name === 'JournalLost') await lost(error.message);
    process.exit(EXIT_LANE_LOST);
  });
  return {
    worker,
    stop,
    ready: {
      id: options.id,
      region: info.region,
      port: worker.port,
      engine: worker.engine,
      store: describeStore(options.store),
      durability: info.durability,
      epoch: info.epoch,
    },
  };
}
