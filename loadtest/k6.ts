// Runs a k6 scenario: finds k6, starts a grid unless one is named, and says where the report is. Its exit code is k6's: 99
// where a threshold was crossed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freshDir, removeDir, startHoldfast } from './harness/systems.ts';

/** The sources, which k6 reads as they are. */
const SCENARIOS = fileURLToPath(new URL('../../loadtest/k6/', import.meta.url));
const EXIT_USAGE = 2;

const USAGE = `Runs a k6 scenario against a grid: its own on the embedded store, or the one at --url.

  npm run loadtest -- SCENARIO [--url URL] [--protocol msgpack|json] [--reports DIR] [NAME=VALUE …]

  SCENARIO         ${scenarios().join(', ')}
  --url URL        a running grid, such as ws://127.0.0.1:7400
  --protocol NAME  msgpack (default) or json
  --reports DIR    where the JSON and the HTML go; default: reports
  NAME=VALUE       settings of the scenario, such as RATE=2000 DURATION=60s VUS=20 P99_MS=50; each file in loadtest/k6
                   names its own in its first lines

k6 is found as $K6, or on the PATH: https://grafana.com/docs/k6/latest/set-up/install-k6/, or where Go is present
  go install go.k6.io/k6@v1.8.1`;

process.exitCode = await main();

async function main(): Promise<number> {
  const asked = commandLine();
  const k6 = process.env.K6 ?? 'k6';
  if (spawnSync(k6, ['version']).status !== 0) {
    console.error(
      `no k6 at ${k6}. Install it, or say where it is in K6:\n\n${USAGE.slice(USAGE.indexOf('k6 is found'))}`,
    );
    return EXIT_USAGE;
  }
  mkdirSync(asked.reports, { recursive: true });
  const report = join(asked.reports, `k6-${asked.scenario}-${asked.protocol}`);
  const dir = asked.url === undefined ? freshDir(asked.reports) : undefined;
  const grid = dir === undefined ? undefined : await startHoldfast(`lmdb:${join(dir, 'lmdb')}`);
  const variables = {
    URL: asked.url ?? `ws://127.0.0.1:${grid?.port}`,
    PROTOCOL: asked.protocol,
    SCENARIO: asked.scenario,
    REPORT: report,
    RUN: Date.now().toString(36),
    ...asked.settings,
  };
  const args = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const run = spawn(
    k6,
    ['run', '--quiet', '--address', '127.0.0.1:0', ...args, join(SCENARIOS, `${asked.scenario}.ts`)],
    { stdio: 'inherit' },
  );
  const code = await new Promise<number>((resolve) => run.once('close', (status) => resolve(status ?? 1)));
  await grid?.service.stop();
  if (dir !== undefined) removeDir(dir);
  return code;
}

interface Asked {
  readonly scenario: string;
  readonly url: string | undefined;
  readonly protocol: string;
  readonly reports: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Ends the process with the usage where the command line cannot be used. */
function commandLine(): Asked {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        protocol: { type: 'string', default: 'msgpack' },
        reports: { type: 'string', default: 'reports' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const [scenario = '', ...rest] = positionals;
    if (!scenarios().includes(scenario))
      throw new Error(scenario === '' ? 'which scenario?' : `no scenario ${scenario}`);
    if (!['msgpack', 'json'].includes(values.protocol)) throw new Error('--protocol is msgpack or json');
    const settings = rest.map((text) => {
      const [, name, value] = /^([A-Z0-9_]+)=(.+)$/.exec(text) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${text} is no setting like RATE=2000`);
      return [name, value] as const;
    });
    return { scenario, ...values, url: values.url, settings: Object.fromEntries(settings) };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function scenarios(): string[] {
  return readdirSync(SCENARIOS)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'));
}
