// `holdfast drain WORKER`: has a worker hand all its partitions to the others of its region, and waits until it has.
import { hostname } from 'node:os';
import { Command } from 'commander';
import type { WorkerReport } from '../../shell/grid.ts';
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
  const { url, region, report: found } = await regionOf(worker, options);
  const say = (what: string, ms: number, { pid, host }: WorkerReport): void => {
    output.result({ ok: true, worker, region, pid, host, ms });
    const where = host === hostname() ? '' : ` on ${host}`;
    if (!options.json) output.line(`${region}/${worker} (pid ${pid}) ${what}: kill ${pid}${where}`);
  };
  if (found.status === 'drained') {
    say('is drained already', 0, found);
    return;
  }
  await drainWorker(url, worker);
  const startedAt = performance.now();
  const deadline = startedAt + options.timeout * 1_000;
  let last: WorkerReport | undefined = found;
  for (let left = Number.NaN; ; ) {
    const { region: report } = await statusOf(url);
    const self = report?.workers.find(({ id }) => id === worker);
    // A member that does not answer has what it had; one that is neither has left, and so holds nothing.
    last = self ?? (report?.silent.includes(worker) === true ? last : undefined);
    const now = last?.lanes.reduce((sum, lane) => sum + lane.open + lane.sealed, 0) ?? 0;
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
  say('holds nothing any more', Math.round(performance.now() - startedAt), found);
}

interface Found {
  readonly url: string;
  readonly region: string;
  readonly report: WorkerReport;
}

/** Which of the workers asked can see the one to drain. */
async function regionOf(worker: string, options: DrainOptions): Promise<Found> {
  const seen: string[] = [];
  const found: Found[] = [];
  for (const url of gridUrls(options)) {
    const status = await statusOf(url).catch((error: unknown): WorkerStatus => {
      throw error instanceof UserError ? error : unreachable(url, error);
    });
    const { region } = status.info;
    if (options.region !== undefined && options.region !== region) continue;
    const workers = status.region?.workers ?? [];
    seen.push(...workers.map(({ id }) => `${region}/${id}`));
    const report = workers.find(({ id }) => id === worker);
    if (report !== undefined) found.push({ url, region, report });
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
