// `holdfast drain WORKER`: has a worker hand all its partitions to the others of its region, and waits until it has.
import { Command } from 'commander';
import { UserError } from '../exit.ts';
import { drainWorker, statusOf, unreachable, type WorkerStatus } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls, parsePositive } from '../options.ts';
import { createOutput } from '../output.ts';

interface DrainOptions extends GridOptions {
  readonly region?: string;
  readonly timeout: number;
  readonly json: boolean;
}

const LOOK_MS = 200;

export function drainCommand(): Command {
  const command = new Command('drain')
    .description('Move all that a worker holds to the others of its region, so that it can be stopped unnoticed.')
    .argument('<worker>', 'its name, as `holdfast status` shows it')
    .option('--region <name>', 'its region, where several are asked')
    .option('--timeout <s>', 'how long to wait until nothing is left, seconds', parsePositive, 300)
    .option('--json', 'write one JSON object', false)
    .addHelpText(
      'after',
      `
The worker goes on taking requests and passes them on. Stop it once this returns; started again, it joins again.

Example:
  holdfast drain w2 --url 7400`,
    )
    .action(drain);
  return addGridOptions(command);
}

async function drain(worker: string, options: DrainOptions): Promise<void> {
  const output = createOutput(options.json);
  const { url, region } = await regionOf(worker, options);
  await drainWorker(url, worker);
  const startedAt = performance.now();
  const deadline = startedAt + options.timeout * 1_000;
  for (let left = Number.NaN; ; ) {
    const { region: report } = await statusOf(url);
    const self = report?.workers.find(({ id }) => id === worker);
    const now = self?.lanes.reduce((sum, lane) => sum + lane.open + lane.sealed, 0) ?? 0;
    if (now === 0) break;
    if (now !== left && !options.json) output.line(`${now} partitions left`);
    left = now;
    if (performance.now() > deadline) {
      throw new UserError(
        `${worker} still holds ${left} partitions after ${options.timeout} s`,
        'It goes on moving them: look at `holdfast status`, or drain it again with a longer --timeout.',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const ms = Math.round(performance.now() - startedAt);
  output.result({ ok: true, worker, region, ms });
  if (!options.json) output.line(`${region}/${worker} holds nothing any more (${ms} ms): it may be stopped`);
}

/** Which of the workers asked can see the one to drain. */
async function regionOf(worker: string, options: DrainOptions): Promise<{ url: string; region: string }> {
  const seen: string[] = [];
  const found: { url: string; region: string }[] = [];
  for (const url of gridUrls(options)) {
    const status = await statusOf(url).catch((error: unknown): WorkerStatus => {
      throw error instanceof UserError ? error : unreachable(url, error);
    });
    const { region } = status.info;
    if (options.region !== undefined && options.region !== region) continue;
    const ids = status.region?.workers.map(({ id }) => id) ?? [];
    seen.push(...ids.map((id) => `${region}/${id}`));
    if (ids.includes(worker)) found.push({ url, region });
  }
  const [first] = found;
  if (first === undefined) throw new UserError(`no worker ${worker}; there are ${seen.join(', ') || 'none'}`);
  if (new Set(found.map(({ region }) => region)).size > 1) {
    throw new UserError(
      `${worker} is in ${found.map(({ region }) => region).join(' and ')}`,
      'Say which with --region.',
    );
  }
  return first;
}
