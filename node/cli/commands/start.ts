// `holdfast start` (what `npm start` runs): a local grid of two regions, each on supervised worker processes.
import { Command } from 'commander';
import { addTokenOption } from '../credentials.ts';
import {
  DEFAULT_DATA_DIR,
  DEFAULT_HOST,
  DEFAULT_PORT,
  LOCAL_REGIONS,
  parseHost,
  parsePort,
  parsePositive,
  parseStore,
} from '../options.ts';
import { type GridToRun, superviseGrid } from '../supervise.ts';

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run a local grid: two regions, eu-west and us-east, with an embedded store.')
    .option('--port <port>', 'eu-west listens here, us-east on the next; 0 picks free ports', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'the address to listen on', parseHost, DEFAULT_HOST)
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--workers <count>', 'worker processes per region', parsePositive, 1)
    .option('--catalog <catalog>', 'stock for the first start: demo, none, or a file as of `import`', 'demo')
    .option('--store <url>', 'redis://host:port instead of the embedded store', parseStore)
    .option('--json', 'write one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  holdfast start --port 7500 --data-dir /var/lib/holdfast --catalog none')
    .action((options: Omit<GridToRun, 'regions'>) => superviseGrid({ ...options, regions: LOCAL_REGIONS }));
  return addTokenOption(command);
}
