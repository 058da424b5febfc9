// `holdfast serve`: one region's worker in the foreground, or several under a supervisor. A grid of several regions on
// one machine is `start`.
import { Command } from 'commander';
import { readSeed, type Seed, seedRegions } from '../catalog/seed.ts';
import { addTokenOption, MESH_SECRET_VARIABLE, meshSecret } from '../credentials.ts';
import { UserError, usageError } from '../exit.ts';
import { addMeshTlsOptions, type MeshTlsOptions, meshTlsFiles } from '../mesh-tls.ts';
import {
  collect,
  DEFAULT_DATA_DIR,
  DEFAULT_HOST,
  DEFAULT_PORT,
  exposureWarning,
  LOCAL_REGIONS,
  parseAdvertised,
  parseCount,
  parseHost,
  parseMesh,
  parsePartitions,
  parsePort,
  parsePositive,
  parseRegion,
  parseRegionPeer,
  parseStore,
  parseWorkerId,
  storeOf,
  urlOf,
} from '../options.ts';
import type { RunningWorker } from '../run-worker.ts';
import { onSignals, signalExitCode } from '../signals.ts';
import { STORE_WAIT_MS_DEFAULT } from '../store-patience.ts';
import { superviseGrid } from '../supervise.ts';
import { startFailure } from '../worker-options.ts';

interface ServeOptions extends MeshTlsOptions {
  readonly region: string;
  readonly id: string;
  readonly advertise?: string;
  readonly regionsMesh?: string;
  readonly gossipBytesPerSecond?: number;
  readonly regionPeer?: { readonly region: string; readonly address: string }[];
  readonly workers: number;
  readonly partitions?: number;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly store?: string;
  readonly storeWaitMs: number;
  readonly catalog: string;
  readonly json: boolean;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Run one region: one worker in the foreground, or several on this host.')
    .option('--region <name>', 'the region it serves', parseRegion, LOCAL_REGIONS[0])
    .option('--port <port>', 'where it listens; 0 picks a free port', parsePort, DEFAULT_PORT)
    .option('--workers <count>', 'worker processes on this host; more than one share the port', parsePositive, 1)
    .option(
      '--partitions <count>',
      'parts its SKUs are dealt into, for ever and the same for all workers; default: 128',
      parsePartitions,
    )
    .option('--id <name>', 'names this worker in its region, the same over restarts', parseWorkerId, 'w1')
    .option('--mesh <address>', 'where other workers reach it: tcp:host:port or unix:/path', parseMesh)
    .option('--advertise <url>', 'where clients reach this very worker; default: --host and --port', parseAdvertised)
    .option('--regions-mesh <address>', 'where workers of other regions reach it, as --mesh; default: alone', parseMesh)
    .option(
      '--region-peer <name=address>',
      'a --regions-mesh of another region: its name, and where; repeat it',
      collect(parseRegionPeer),
    )
    .option('--gossip-bytes-per-second <count>', 'what it tells other workers between regions at most', parsePositive)
    .option('--host <address>', 'the address it listens on', parseHost, DEFAULT_HOST)
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--store <url>', 'redis://host:port, lmdb:DIR, or memory: (nothing survives) instead', parseStore)
    .option(
      '--store-wait-ms <ms>',
      'how long a Redis that is not there, or does not answer, is waited for at the start; 0: not at all',
      parseCount,
      STORE_WAIT_MS_DEFAULT,
    )
    .option('--catalog <catalog>', 'stock for an empty region: none, demo, or a file as of `import`', 'none')
    .option('--json', 'write one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  holdfast serve --region eu-west --port 7400 --store redis://127.0.0.1:6379')
    .action(serve);
  return addTokenOption(addMeshTlsOptions(command));
}

async function serve(options: ServeOptions): Promise<void> {
  checkRegions(options);
  const meshTls = meshTlsFiles(options);
  checkSecret(options.mesh);
  if (options.workers > 1) {
    const oneAddress =
      options.mesh !== undefined ? '--mesh' : options.regionsMesh !== undefined ? '--regions-mesh' : '';
    if (oneAddress !== '') {
      throw usageError(
        `${oneAddress} names one address, and --workers starts several workers`,
        'Start each with `serve` and an --id of its own.',
      );
    }
    if (options.advertise !== undefined) {
      throw usageError('--advertise names one worker, and --workers starts several', 'Each has a port of its own.');
    }
    await superviseGrid({ ...options, regions: [options.region] });
    return;
  }
  // Let go once it is sown: it may be large, and the worker runs for long.
  let seed: Seed | undefined = await readSeed(options.catalog, [options.region]);
  const say = (event: string, text: string, detail: object = {}): void => {
    process.stdout.write(`${options.json ? JSON.stringify({ event, ...detail, text }) : text}\n`);
  };
  const warning = exposureWarning(options.host);
  if (warning !== undefined) say('warning', warning);
  let running: RunningWorker | undefined;
  let stopSignal: NodeJS.Signals | undefined;
  let stopped: () => void = () => {};
  const untilStopped = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const stopListening = onSignals(
    (signal) => {
      stopSignal = signal;
      // Before the start is through there is nothing to drain.
      if (running === undefined) process.exit(signalExitCode(signal));
      stopped();
    },
    (signal) => process.exit(signalExitCode(signal)),
  );
  try {
    const { id, region, port, host, mesh, advertise: url, regionsMesh, regionPeer, gossipBytesPerSecond } = options;
    const { partitions } = options;
    // Loaded here alone: no other command needs the engine and the stores, or waits for them to load.
    const { runWorker } = await import('../run-worker.ts');
    const reached = { ...(mesh === undefined ? {} : { mesh }), ...(meshTls === undefined ? {} : { meshTls }) };
    const worker = {
      id,
      region,
      port,
      host,
      store: storeOf(options),
      storeWaitMs: options.storeWaitMs,
      ...reached,
      ...(partitions === undefined ? {} : { partitions }),
      ...(url === undefined ? {} : { url }),
      ...(regionsMesh === undefined ? {} : { regionsMesh, regionPeers: regionPeer ?? [] }),
      ...(gossipBytesPerSecond === undefined ? {} : { gossipBytesPerSecond }),
    };
    running = await runWorker(worker, (line) => say('log', line));
  } catch (error) {
    throw startFailure(error) ?? new UserError(`the worker did not start: ${(error as Error).message}`);
  }
  try {
    const { ready } = running;
    const url = urlOf(options.host, ready.port);
    say('engine', `engine   ${ready.engine}`);
    say('store', `store    ${ready.store} (${ready.durability})`);
    say('region', `${ready.region}  ${url.replace('http', 'ws')}/v1`);
    await seedRegions(seed, new Map([[ready.region, url]]), (line) => say('log', line));
    seed = undefined;
    if (stopSignal === undefined) say('ready', 'holdfast ready', { regions: [{ ...ready, url }] });
    await untilStopped;
    say('stopping', `${stopSignal}: draining`);
  } finally {
    await running.stop();
    stopListening();
  }
  say('stopped', 'holdfast stopped');
}

/** Without a secret each worker would make up one of its own, join, and be refused by all others. */
function checkSecret(mesh: string | undefined): void {
  if (mesh?.startsWith('tcp:') !== true || meshSecret() !== undefined) return;
  throw usageError(`--mesh tcp:… needs a secret in ${MESH_SECRET_VARIABLE}`, 'Give all workers the same one.');
}

/** Regions can only speak to each other when each can be reached, and all know the same secret. */
function checkRegions({ region, regionsMesh, regionPeer = [] }: ServeOptions): void {
  if (regionsMesh === undefined) {
    if (regionPeer.length === 0) return;
    throw usageError('--region-peer needs --regions-mesh', 'Say where the other regions reach this worker.');
  }
  if (regionPeer.some((peer) => peer.region === region)) {
    throw usageError(`--region-peer ${region}=… is this worker's own region`, 'Name a worker of another region.');
  }
  if (meshSecret() === undefined) {
    throw usageError(
      `--regions-mesh needs a secret in ${MESH_SECRET_VARIABLE}`,
      'Give all workers of all regions the same one.',
    );
  }
}
