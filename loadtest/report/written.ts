// The JSON that benchmarks wrote, read back for the report.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineInfo } from '../harness/machine.ts';
import type { Section } from './section.ts';

export interface Written {
  readonly path: string;
  readonly machine: MachineInfo;
  readonly options: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
}

/** What stands before the time in the name of a file, see Report. */
const NAMED = /^(.+)-\d{4}-\d\d-\d\dT[\d-]+Z\.json$/;

/** The newest of each kind that has something to show, by kind. */
export function newestOf(dir: string): Written[] {
  const newest = new Map<string, Written>();
  // The time in the names puts them in order.
  for (const name of namesIn(dir)) {
    const kind = NAMED.exec(name)?.[1];
    const written = kind === undefined ? undefined : readIfShown(join(dir, name));
    if (kind !== undefined && written !== undefined) newest.set(kind, written);
  }
  return [...newest].sort(([a], [b]) => a.localeCompare(b)).map(([, written]) => written);
}

/** @throws Error naming the file, when it is not what a benchmark wrote */
export function readWritten(path: string): Written {
  const written = readIfShown(path);
  if (written === undefined) throw new Error(`${path} is not what a benchmark wrote, or it has no sections to show`);
  return written;
}

function readIfShown(path: string): Written | undefined {
  let content: Partial<Written>;
  try {
    content = JSON.parse(readFileSync(path, 'utf8')) as Partial<Written>;
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`);
  }
  const { machine, options, sections } = content;
  if (machine === undefined || options === undefined || !Array.isArray(sections) || sections.length === 0) {
    return undefined;
  }
  return { path, machine, options, sections };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}
