// Where reports go: one JSON file per run, named by the kind of benchmark and the time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the path of the file. */
export function writeReport(dir: string, kind: string, report: object): string {
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const path = join(dir, `${kind}-${time}.json`);
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
  return path;
}
