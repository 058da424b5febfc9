// `holdfast start` (what `npm start` runs): a local grid of two regions, one supervised worker process each.
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { GaveUp, Supervisor } from '../../../cluster/supervisor.ts';
import { FLASH_SKU } from '../catalog/demo.ts';
import { seedRegions } from '../catalog/seed.ts';
import { addTokenOption, token } from '../credentials.ts';
import { UserError, usageError } from '../exit.ts';
import {
  DEFAULT_DATA_DIR,
  DEFAULT_HOST,
  DEFAULT_PORT,
  exposureWarning,
  LOCAL_REGIONS,
  parseHost,
  parsePort,
  parsePositive,
  parseStore,
  storeOf,
  urlOf,
} from '../options.ts';
import { onSignals, signalExitCode } from '../signals.ts';
import type { WorkerArguments, WorkerReady } from '../worker-options.ts';

interface StartOptions {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly workers: number;
  readonly catalog: string;
  readonly store?: string;
  readonly json: boolean;
}

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run a local grid: two regions, eu-west and us-east, with an embedded store.')
    .option('--port <port>', 'eu-west listens here, us-east on the next; 0 picks free ports', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'the address to listen on', parseHost, DEFAULT_HOST)
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--workers <count>', 'workers per region; only 1 as yet', parsePositive, 1)
    .option('--catalog <catalog>', 'stock for the first start: demo, none, or a file as of `import`', 'demo')
    .option('--store <url>', 'redis://host:port instead of the embedded store', parseStore)
    .option('--json', 'write one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  holdfast start --port 7500 --data-dir /var/lib/holdfast --catalog none')
    .action(start);
  return addTokenOption(command);
}

async function start(options: StartOptions): Promise<void> {
  if (options.workers !== 1) {
    throw usageError(
      `--workers ${options.workers}: a region runs on one worker as yet`,
      'Leave --workers out, or say 1.',
    );
  }
  const portMax = 65_535 - (LOCAL_REGIONS.length - 1);
  if (options.port > portMax) {
    throw usageError(`--port ${options.port} leaves no room for the other region`, `Choose a port up to ${portMax}.`);
  }
  const say = (event: string, text: string, detail: object = {}): void => {
    process.stdout.write(`${options.json ? JSON.stringify({ event, ...detail, text }) : text}\n`);
  };
  const warning = exposureWarning(options.host);
  if (warning !== undefined) say('warning', warning);
  const supervisor = new Supervisor({ children: children(options), log: (line) => say('log', line) });
  const stopListening = onSignals(
    (signal) => {
      say('stopping', `${signal}: draining; press again to stop at once`);
      supervisor.stop();
    },
    (signal) => {
      supervisor.kill();
      void supervisor.ended.catch(() => {}).then(() => process.exit(signalExitCode(signal)));
    },
  );
  supervisor.start();
  try {
    const ready = (await supervisor.ready) as readonly WorkerReady[];
    const urls = new Map(ready.map(({ region, port }) => [region, urlOf(options.host, port)]));
    introduce(ready, urls, say);
    await Promise.race([seedRegions(options.catalog, urls, (line) => say('log', line)), supervisor.ended]);
    hints(options, urls, say);
    const regions = ready.map((worker) => ({ ...worker, url: urls.get(worker.region) }));
    say('ready', 'holdfast ready', { regions, pids: Object.fromEntries(supervisor.pids()) });
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
  }
  say('stopped', 'holdfast stopped');
}

function children(options: StartOptions): { name: string; entry: string; args: string[] }[] {
  // The worker's script stands beside this one's folder, as .ts in the sources and as .js in dist/.
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = fileURLToPath(new URL(`../worker-entry${extension}`, import.meta.url));
  return LOCAL_REGIONS.map((region, index) => {
    const worker: WorkerArguments = {
      region,
      port: options.port === 0 ? 0 : options.port + index,
      host: options.host,
      store: storeOf(options),
    };
    return { name: region, entry, args: [JSON.stringify(worker)] };
  });
}

type Say = (event: string, text: string, detail?: object) => void;

function introduce(ready: readonly WorkerReady[], urls: ReadonlyMap<string, string>, say: Say): void {
  const first = ready[0];
  if (first === undefined) return;
  say('engine', `engine   ${first.engine}`);
  for (const { region, store, durability } of ready) {
    say('region', `${region}  ${urls.get(region)?.replace('http', 'ws')}/v1  ${store} (${durability})`);
  }
}

function hints(options: StartOptions, urls: ReadonlyMap<string, string>, say: Say): void {
  const [region, url] = [...urls][0] ?? [];
  const at =
    options.port === 0 || url !== urlOf(DEFAULT_HOST, options.port)
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
