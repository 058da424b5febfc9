// Where reports go: one JSON file per run, named by the kind of benchmark and the time.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeReports } from './options.ts';

/** A file that grows with the run, so that an interrupted one is not lost. */
export class Report {
  readonly path: string;

  constructor(dir: string, kind: string) {
    makeReports(dir);
    this.path = join(dir, `${kind}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`);
  }

  /** Replaces what was written before. */
  write(content: object): void {
    writeFileSync(this.path, `${JSON.stringify(content, undefined, 2)}\n`);
  }
}
