// The workers of one region as its status shows them to people: what each holds, and what nobody serves. Puts an answer
// into lines; asking is the command's.
import type { RegionReport } from '../shell/grid.ts';
import type { WorkerStatus } from './grid-client.ts';
import { grouped, table } from './output.ts';

/** Whether the workers of a region acknowledge at different levels; that of the region is the weakest. */
export function isMixed({ info, region }: WorkerStatus): boolean {
  // One that was drained acknowledges nothing.
  const workers = region?.workers.filter(({ status }) => status !== 'drained') ?? [];
  return workers.some(({ durability = info.durability }) => durability !== info.durability);
}

/** Partitions are served by nobody, and nothing is on its way that would change it. */
export function isAbandoned({ info, region }: WorkerStatus): boolean {
  if (region === undefined || region.partitions.length === info.partitions) return false;
  return region.workers.every(({ moving }) => moving.length === 0);
}

/** The workers of a region, where it has several, and what is wrong with it. */
export function regionLines(report: WorkerStatus): string[] {
  const { info, region } = report;
  if (region === undefined) return [];
  const lines = region.workers.length === 1 && region.silent.length === 0 ? [] : [workersTable(report, region)];
  const unserved = info.partitions - region.partitions.length;
  if (unserved > 0) {
    const many = `${unserved} of ${info.partitions} partitions ${unserved === 1 ? 'is' : 'are'}`;
    lines.push(`${info.region}: ${many} served by nobody at the moment${ofThemMoving(region, unserved)}`);
  }
  for (const id of region.silent) lines.push(`${info.region}/${id} is a member and does not answer`);
  if (region.silent.length > 0)
    lines.push(
      'If it runs, its log and those of the others say why: the secret, TLS, or an address that is not reached.',
    );
  return lines;
}

function workersTable(report: WorkerStatus, region: RegionReport): string {
  const columns = [
    'worker',
    'status',
    'ready',
    ...(isMixed(report) ? ['durability'] : []),
    'lanes (epoch)',
    'partitions',
    'moving',
    'positions',
    'lag',
    'pid',
    'url',
  ];
  const rows = region.workers.map(({ id, status, readiness, durability, lanes, moving, figures, pid, url }) => [
    `${report.info.region}/${id}`,
    status,
    readiness.ready ? 'yes' : 'NO',
    ...(isMixed(report) ? [durability ?? '?'] : []),
    lanes.map(({ lane, epoch }) => `${lane} (${epoch})`).join(', ') || 'none',
    lanes.reduce((sum, { open }) => sum + open, 0),
    moving.length,
    grouped(figures.positions),
    figures.journalSeq - figures.durableSeq,
    pid,
    url,
  ]);
  return `\n${table(columns, rows)}`;
}

/** How many of those that nobody serves are on their way: such a one is served again in a moment. */
function ofThemMoving({ workers, partitions }: RegionReport, unserved: number): string {
  const served = new Set(partitions.map(({ partition }) => partition));
  const moving = new Set(workers.flatMap((worker) => worker.moving).filter((partition) => !served.has(partition)));
  if (moving.size === 0) return '';
  return moving.size === unserved ? ' (moving)' : ` (${moving.size} moving)`;
}
