// What cannot be measured here since a program is missing: said, with how to get it, and left out. Where nothing is left, the run ends.
import { spawnSync } from 'node:child_process';
import { EXIT_USAGE } from './options.ts';
import { postgresBin } from './postgres.ts';

interface Needed {
  /** Names of systems and of stores that need it. */
  readonly by: RegExp;
  readonly isThere: () => boolean;
  readonly absence: string;
}

const NEEDED: readonly Needed[] = [
  {
    by: /redis|lua/,
    isThere: () => spawnSync('redis-server', ['--version']).status === 0,
    absence: 'redis-server is not on the PATH (apt-get install redis-server, dnf install redis, brew install redis)',
  },
  {
    by: /postgres/,
    isThere: () => postgresBin() !== undefined,
    absence:
      'PostgreSQL is not installed (apt-get install postgresql, dnf install postgresql-server, brew install postgresql)',
  },
];

/**
 * Those of the named systems or stores that can be measured. Ends the process where that is none.
 * @param instead the option to give where nothing else than Node is installed
 */
export function presentOf(names: readonly string[], instead: string): string[] {
  const missing = NEEDED.filter(({ by, isThere }) => names.some((name) => by.test(name)) && !isThere());
  const present: string[] = [];
  for (const name of names) {
    const why = missing.find(({ by }) => by.test(name));
    if (why === undefined) present.push(name);
    else console.log(`  ${name}: absent, since ${why.absence}`);
  }
  if (present.length > 0) return present;
  console.error(
    `Nothing is left to measure: install what is missing, or ask for what needs no other program: ${instead}`,
  );
  process.exit(EXIT_USAGE);
}
