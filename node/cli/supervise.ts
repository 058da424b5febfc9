// A grid on this host: the supervisor, its worker processes, and what a person reads of them. `start` runs it with the
// two regions of a local grid, `serve --workers` with one.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ChildSpec, GaveUp, Supervisor } from '../../cluster/supervisor.ts';
import { FLASH_SKU } from './catalog/demo.ts';
import { readSeed, type Seed, seedRegions } from './catalog/seed.ts';
import { MESH_SECRET_VARIABLE, meshSecret, token } from './credentials.ts';
import { UserError, usageError } from './exit.ts';
import { DEFAULT_HOST, DEFAULT_PORT, exposureWarning, storeOf, urlOf } from './options.ts';
import { onSignals, signalExitCode } from './signals.ts';
import { WORKER_FLAGS } from './worker-flags.ts';
import type { WorkerArguments, WorkerReady } from './worker-options.ts';

export interface GridToRun {
  /** Region i listens on port + i. */
  readonly regions: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  /** Worker processes per region. */
  readonly workers: number;
  readonly partitions?: number;
  readonly catalog: string;
  readonly store?: string;
  readonly storeWaitMs: number;
  readonly json: boolean;
  /** Run once all serve, with the base URLs of the regions; ended by the signal when the grid is stopped. */
  readonly onReady?: (urls: readonly string[], say: Say, signal: AbortSignal) => Promise<void>;
}

/** The pause before a worker is started again whose partitions others take over, ms. */
const BACKOFF_BESIDE_OTHERS_MS = 1_000;

/** What works on the grid has so long to end before it does, ms: a question for tasks, and what is in hand. */
const WORK_ENDS_MS = 10_000;

export async function superviseGrid(options: GridToRun): Promise<void> {
  const portMax = 65_535 - (options.regions.length - 1);
  if (options.port > portMax) {
    throw usageError(`--port ${options.port} leaves no room for the other region`, `Choose a port up to ${portMax}.`);
  }
  if (options.workers > 1 && options.store?.startsWith('memory:') === true) {
    throw usageError(
      '--store memory: belongs to one worker: several would each sell the same stock',
      'Leave --workers out, or give a store that they share.',
    );
  }
  // Let go once it is sown: it may be large, and the grid runs for long.
  let seed: Seed | undefined = await readSeed(options.catalog, options.regions);
  const say = (event: string, text: string, detail: object = {}): void => {
    process.stdout.write(`${options.json ? JSON.stringify({ event, ...detail, text }) : text}\n`);
  };
  const warning = exposureWarning(options.host);
  if (warning !== undefined) say('warning', warning);
  // Known to the workers of this grid, and to nobody else.
  process.env[MESH_SECRET_VARIABLE] = meshSecret() ?? randomBytes(32).toString('hex');
  const sockets = mkdtempSync(join(tmpdir(), 'holdfast-'));
  const children = (await workersOf(options, sockets)).map(childOf);
  const supervisor = new Supervisor({
    children,
    log: (line) => say('log', line),
    // The others take over first: a process that starts beside that would take the processor from them.
    ...(options.workers === 1 ? {} : { backoffMs: BACKOFF_BESIDE_OTHERS_MS }),
  });
  let isStopping = false;
  let working: Promise<void> = Promise.resolve();
  const stopping = new AbortController();
  const stopListening = onSignals(
    (signal) => {
      isStopping = true;
      stopping.abort();
      say('stopping', `${signal}: draining; press again to stop at once`);
      // What works on the grid ends before it: its calls would wait for answers that do not come.
      const ended = working.catch(() => {});
      void Promise.race([ended, sleep(WORK_ENDS_MS, undefined, { ref: false })]).then(() => supervisor.stop());
    },
    (signal) => {
      supervisor.kill();
      void supervisor.ended
        .catch(() => {})
        .then(() => {
          rmSync(sockets, { recursive: true, force: true });
          process.exit(signalExitCode(signal));
        });
    },
  );
  const replace = (): void => {
    say('restarting', 'SIGHUP: replacing the workers one after the other');
    void supervisor.rollingRestart().then(() => say('restarted', 'all workers were replaced'));
  };
  process.on('SIGHUP', replace);
  supervisor.start();
  try {
    const ready = (await supervisor.ready) as readonly WorkerReady[];
    const urls = new Map(ready.map(({ region, port }) => [region, urlOf(options.host, port)]));
    introduce(ready, urls, say);
    await Promise.race([seedRegions(seed, urls, (line) => say('log', line)), supervisor.ended]);
    seed = undefined;
    if (!isStopping) hints(options, urls, say);
    const workers = ready.map((worker) => ({ ...worker, url: urls.get(worker.region) }));
    const regions = workers.filter(({ id }) => id === workers[0]?.id);
    if (!isStopping) say('ready', 'holdfast ready', { regions, workers, pids: Object.fromEntries(supervisor.pids()) });
    if (!isStopping && options.onReady !== undefined) {
      working = options.onReady([...urls.values()], say, stopping.signal);
      working.catch(() => supervisor.stop());
      await supervisor.ended;
      stopping.abort();
      await working.catch((error: unknown) => {
        if (!isStopping) throw error;
      });
    }
    await supervisor.ended;
  } catch (error) {
    supervisor.stop();
    await supervisor.ended.catch(() => {});
    if (error instanceof GaveUp) {
      if (error.stopped) return;
      throw new UserError(error.message, error.hint);
    }
    throw error;
  } finally {
    stopListening();
    process.off('SIGHUP', replace);
    rmSync(sockets, { recursive: true, force: true });
  }
  say('stopped', 'holdfast stopped');
}

async function workersOf(options: GridToRun, sockets: string): Promise<WorkerArguments[]> {
  const { regions, host, workers } = options;
  const regionsAddress = (index: number, n: number): string => `unix:${join(sockets, `r${index}-w${n}.sock`)}`;
  const peersOf = (own: string): { region: string; address: string }[] =>
    regions.flatMap((region, index) =>
      region === own
        ? []
        : Array.from({ length: workers }, (_, n) => ({ region, address: regionsAddress(index, n + 1) })),
    );
  const all: WorkerArguments[] = [];
  for (const [index, region] of regions.entries()) {
    const port = options.port === 0 ? 0 : options.port + index;
    const sharedPort = workers === 1 ? undefined : await freePort(host, port);
    for (let n = 1; n <= workers; n++) {
      const id = `w${n}`;
      all.push({
        id,
        region,
        port: sharedPort === undefined ? port : 0,
        ...(sharedPort === undefined ? {} : { sharedPort }),
        host,
        store: storeOf(options),
        storeWaitMs: options.storeWaitMs,
        ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
        mesh: `unix:${join(sockets, `${index}-${id}.sock`)}`,
        // The regions of one grid know each other; a region alone has nobody to know.
        ...(regions.length === 1 ? {} : { regionsMesh: regionsAddress(index, n), regionPeers: peersOf(region) }),
      });
    }
  }
  return all;
}

function childOf(worker: WorkerArguments): ChildSpec {
  // The worker's script stands beside this one, as .ts in the sources and as .js in dist/.
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = fileURLToPath(new URL(`worker-entry${extension}`, import.meta.url));
  const name = worker.sharedPort === undefined ? worker.region : `${worker.region}/${worker.id}`;
  return { name, entry, args: [JSON.stringify(worker)], flags: WORKER_FLAGS };
}

/** A port that several processes will share must be nobody else's: it would be answered in turns. */
function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message;
      reject(new UserError(`cannot listen on ${host}:${port}: ${why}`, 'Stop it, or choose another with --port N.'));
    });
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

export type Say = (event: string, text: string, detail?: object) => void;

function introduce(ready: readonly WorkerReady[], urls: ReadonlyMap<string, string>, say: Say): void {
  const first = ready[0];
  if (first === undefined) return;
  say('engine', `engine   ${first.engine}`);
  for (const { id, region, store, durability } of ready) {
    if (id !== first.id) continue;
    say('region', `${region}  ${urls.get(region)?.replace('http', 'ws')}/v1  ${store} (${durability})`);
  }
}

function hints(options: GridToRun, urls: ReadonlyMap<string, string>, say: Say): void {
  const [region, url] = [...urls][0] ?? [];
  const at =
    options.port === 0 || urls.size === 1 || url !== urlOf(DEFAULT_HOST, options.port)
      ? [...urls.values()].map((u) => ` --url ${u}`).join('')
      : options.port === DEFAULT_PORT
        ? ''
        : ` --port ${options.port}`;
  say('try', `try      npx holdfast status${at}`);
  if (options.catalog === 'demo')
    say(
      'try',
      `         curl -s ${token() === undefined ? '' : '-H "authorization: Bearer $HOLDFAST_TOKEN" '}'${url}/v1/positions/${FLASH_SKU}/${region}'`,
    );
}
