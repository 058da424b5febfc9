// The JSON that benchmarks wrote, read back for the report.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineInfo } from '../harness/machine.ts';
import type { Chart, Point, Section } from './section.ts';

export interface Written {
  readonly path: string;
  readonly machine: MachineInfo;
  readonly options: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
}

/** What stands before the time in the name of a file, see Report. */
const NAMED = /^(.+)-\d{4}-\d\d-\d\dT[\d-]+Z\.json$/;

/** @throws Error that says what to do when there is nothing to show, or which file cannot be shown */
export function writtenToShow(named: readonly string[], dir: string): Written[] {
  if (named.length > 0) return named.map(readWritten);
  const found = newestOf(dir);
  if (found.length === 0) {
    throw new Error(`Nothing measured in ${dir}: run one of the benchmarks first, such as npm run bench.`);
  }
  return found;
}

/** The newest of each kind that has something to show, by kind. */
export function newestOf(dir: string): Written[] {
  const newest = new Map<string, Written>();
  // The time in the names puts them in order; what is older than what is shown need not be read, or be readable.
  for (const name of namesIn(dir).reverse()) {
    const kind = NAMED.exec(name)?.[1];
    if (kind === undefined || newest.has(kind)) continue;
    const written = readIfShown(join(dir, name));
    if (written !== undefined) newest.set(kind, written);
  }
  return [...newest].sort(([a], [b]) => a.localeCompare(b)).map(([, written]) => written);
}

/** @throws Error naming the file, when it is not what a benchmark wrote */
export function readWritten(path: string): Written {
  const written = readIfShown(path);
  if (written === undefined) {
    throw new Error(`${path} is not what a benchmark wrote, or it has no sections to show: name another file.`);
  }
  return written;
}

function readIfShown(path: string): Written | undefined {
  let content: Partial<Written> | null;
  try {
    content = JSON.parse(readFileSync(path, 'utf8')) as Partial<Written> | null;
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}. Name the files to show.`);
  }
  const { machine, options, sections } = content ?? {};
  if (machine === undefined || options === undefined || !Array.isArray(sections) || sections.length === 0) {
    return undefined;
  }
  if (!isMachine(machine) || !sections.every(isSection)) {
    throw new Error(`${path} has sections of another form than benchmarks write: measure again, or name other files.`);
  }
  return { path, machine, options, sections };
}

function isMachine(machine: Partial<MachineInfo> | null): boolean {
  return typeof machine?.at === 'string' && Array.isArray(machine.loadAverage);
}

function isSection(section: Partial<Section> | null): boolean {
  if (typeof section?.title !== 'string' || !['undefined', 'string'].includes(typeof section.text)) return false;
  const { table = [], chart } = section;
  const cells = (row: unknown): boolean => Array.isArray(row) && row.every((cell) => typeof cell === 'string');
  return Array.isArray(table) && table.every(cells) && (chart === undefined || isChart(chart));
}

function isChart(chart: Partial<Chart> | null): boolean {
  const { kind, x, y, series } = chart ?? {};
  if (kind !== 'bars' && kind !== 'lines') return false;
  if (typeof x?.label !== 'string' || typeof y?.label !== 'string' || !Array.isArray(series)) return false;
  return series.every((one) => Array.isArray(one?.points) && one.points.every(isPoint));
}

function isPoint(point: Partial<Point> | null): boolean {
  const { interval = [], disturbed = false } = point ?? {};
  return (
    typeof point?.y === 'number' &&
    typeof disturbed === 'boolean' &&
    Array.isArray(interval) &&
    interval.every((end) => typeof end === 'number')
  );
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    // Nothing was measured yet; anything else is not for this file to hide.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
