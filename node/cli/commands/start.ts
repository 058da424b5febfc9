// `holdfast start` (what `npm start` runs): a local grid of two regions, each on supervised worker processes.
import { Command, Option } from 'commander';
import { addTokenOption } from '../credentials.ts';
import {
  DEFAULT_DATA_DIR,
  DEFAULT_HOST,
  DEFAULT_PORT,
  LOCAL_REGIONS,
  parseCount,
  parseHost,
  parsePort,
  parsePositive,
  parseSpeed,
  parseStore,
  requireOthers,
} from '../options.ts';
import { STORE_WAIT_MS_DEFAULT } from '../store-patience.ts';
import { type GridToRun, superviseGrid } from '../supervise.ts';

interface StartOptions extends Omit<GridToRun, 'regions' | 'onReady'> {
  readonly rules?: string;
  readonly bundles?: string;
  readonly policy?: string;
  readonly demo?: 'retail';
  readonly data: string;
  readonly orders: number;
  readonly speed?: number;
  readonly seed: number;
}

/** A parcel of three days takes some four minutes. */
const DEMO_SPEED = 1_000;

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run a local grid: two regions, eu-west and us-east, with an embedded store.')
    .option('--port <port>', 'eu-west listens here, us-east on the next; 0 picks free ports', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'the address to listen on', parseHost, DEFAULT_HOST)
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--workers <count>', 'worker processes per region', parsePositive, 1)
    .option('--catalog <catalog>', 'stock for the first start: demo, none, or a file as of `import`', 'demo')
    .option('--store <url>', 'redis://host:port instead of the embedded store', parseStore)
    .option(
      '--store-wait-ms <ms>',
      'how long a Redis that is not there, or does not answer, is waited for at the start; 0: not at all',
      parseCount,
      STORE_WAIT_MS_DEFAULT,
    )
    .addOption(
      new Option(
        '--rules <file>',
        'do what orders wait for, sourced by these rules, JSON as examples/sourcing/rules.json',
      ).conflicts('demo'),
    )
    .option('--bundles <file>', 'with --rules: SKUs that are sent as several, as examples/sourcing/bundles.json')
    .option(
      '--policy <file>',
      'with --rules: how exceptions are settled, as examples/policies/standard.yaml; else left to people',
    )
    .addOption(new Option('--demo <name>', 'run a demonstration on it').choices(['retail']))
    .option(
      '--data <dir>',
      'with --demo: a folder that may have uci-online-retail/online_retail.csv.gz, geo/us_zipcodes.csv and carrier-calibration/; what is not there, or all without such a folder, is made up',
      '../shared/data',
    )
    .addOption(new Option('--orders <count>', 'with --demo: how many').argParser(parsePositive).default(300))
    .addOption(
      new Option(
        '--speed <times>',
        `how many times faster than life business goes: ${DEMO_SPEED} with --demo, 1 with --rules, if left out`,
      ).argParser(parseSpeed),
    )
    .addOption(new Option('--seed <number>', 'with --demo').argParser(parseCount).default(1))
    .option('--json', 'write one JSON object a line', false)
    .addHelpText(
      'after',
      `
Examples:
  holdfast start --port 7500 --data-dir /var/lib/holdfast --catalog none
  holdfast start --rules examples/sourcing/rules.json --policy examples/policies/standard.yaml --speed 1000
  holdfast start --demo retail --orders 50 --speed 20000`,
    )
    .action((options: StartOptions, self: Command) => {
      requireOthers(self, {
        bundles: ['rules'],
        policy: ['rules'],
        data: ['demo'],
        orders: ['demo'],
        speed: ['demo', 'rules'],
        seed: ['demo', 'rules'],
      });
      return start(options);
    });
  return addTokenOption(command);
}

async function start({
  rules,
  bundles,
  policy,
  demo,
  data,
  orders,
  speed,
  seed,
  ...grid
}: StartOptions): Promise<void> {
  let onReady: GridToRun['onReady'];
  if (demo !== undefined) {
    onReady = async (urls, say, signal) =>
      (await import('../demo/retail.ts')).runRetailDemo(
        { data, orders, speed: speed ?? DEMO_SPEED, seed },
        urls,
        say,
        signal,
      );
  } else if (rules !== undefined) {
    const { readLocalFiles, runLocalOrders } = await import('../orders/local.ts');
    const documents = await readLocalFiles({ rules, bundles, policy });
    onReady = (urls, say, signal) =>
      runLocalOrders({ documents, seed, speed, dataDir: grid.dataDir }, urls, say, signal);
  }
  const catalog = demo === undefined ? grid.catalog : 'none';
  return superviseGrid({ ...grid, catalog, regions: LOCAL_REGIONS, ...(onReady === undefined ? {} : { onReady }) });
}
