// `npm run loadtest`: runs a k6 scenario. Finds k6, starts a grid unless one is named, and says where the report is. Its exit
// code is k6's: 99 where a threshold was crossed; 2 where the command line cannot be used or k6 is missing.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_USAGE, makeReports, parsePositive } from './harness/options.ts';
import { freshDir, REGION, removeDir, startHoldfast } from './harness/systems.ts';
import { OPTIONS, type OptionName, RUN_VARIABLE, type Run, SCENARIOS, type ScenarioName } from './k6/lib/scenarios.ts';

/** The sources, which k6 reads as they are; this file runs from dist/loadtest. */
const SOURCES = fileURLToPath(new URL('../../loadtest/k6/', import.meta.url));
const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
/** The first that these scenarios were run with. */
const K6_VERSION_MIN = '1.8.1';
const GET_K6 = `Install k6 ${K6_VERSION_MIN} or later (https://grafana.com/docs/k6/latest/set-up/install-k6/), or where Go is present
  go install go.k6.io/k6@v${K6_VERSION_MIN}
It is looked for in the variable K6; without that on the PATH, then in ~/go/bin, where go install puts it.`;
/** Where k6 may be, when nobody says where it is. */
const K6_PLACES = ['k6', join(homedir(), 'go', 'bin', 'k6')];

interface Common {
  readonly url?: string;
  readonly protocol: Run['protocol'];
  readonly region: string;
  readonly reports: string;
  readonly dir: string;
}

const program = new Command('npm run loadtest --')
  .description('Runs a k6 scenario against a grid: its own on the embedded store, or the one at --url.')
  .addHelpText('after', `\n${GET_K6}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
for (const name of Object.keys(SCENARIOS) as ScenarioName[]) addScenario(name);
await program.parseAsync();

function addScenario(name: ScenarioName): void {
  const { about, usual } = SCENARIOS[name];
  const command = program
    .command(name)
    .description(about)
    .option('--url <url>', 'a running grid, such as ws://127.0.0.1:7400; its token in HOLDFAST_TOKEN', parseUrl)
    .addOption(new Option('--protocol <name>').choices(['msgpack', 'json']).default('msgpack'))
    .option('--region <name>', 'that the grid at --url serves', REGION)
    .option('--reports <dir>', 'where the JSON and the HTML go', 'reports')
    .option('--dir <dir>', 'where the store of a grid of its own lives; must be a real disk', 'data/loadtest');
  const settings = Object.entries(usual) as [OptionName, number][];
  for (const [option, value] of settings) {
    const { flag, value: kind, about } = OPTIONS[option];
    const isTime = kind === 'time';
    const declared = new Option(`--${flag} <${isTime ? 'time' : 'n'}>`, about)
      .argParser(isTime ? parseTime : parsePositive)
      .default(value, isTime ? showTime(value) : String(value));
    command.addOption(declared);
  }
  command.action(async (given: Common & Record<string, number>) => {
    const chosen = settings.map(([option]) => [option, given[OPTIONS[option].flag] as number] as const);
    process.exitCode = await run(name, given, Object.fromEntries(chosen));
  });
}

/** @returns the exit code */
async function run(scenario: ScenarioName, given: Common, settings: Run['settings']): Promise<number> {
  const places = process.env.K6 ? [process.env.K6] : K6_PLACES;
  const k6 = places.find(isThere) ?? places.join(', nor at ');
  const unfit = whyUnfit(k6);
  if (unfit !== undefined) {
    console.error(`${unfit}\n${GET_K6}`);
    return EXIT_USAGE;
  }
  makeReports(given.reports);
  const at = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const report = resolve(given.reports, `k6-${scenario}-${given.protocol}-${at}`);
  const grid = given.url === undefined ? await ownGrid(given.dir) : undefined;
  const told: Run = {
    scenario,
    protocol: given.protocol,
    url: grid?.url ?? (given.url as string),
    region: grid === undefined ? given.region : REGION,
    report,
    id: Date.now().toString(36),
    settings,
  };
  const code = await runK6(k6, join(SOURCES, `${scenario}.ts`), told);
  await grid?.end();
  // k6 that could not even begin leaves none.
  if (existsSync(`${report}.html`)) console.log(`report: ${report}.html and .json`);
  return code;
}

function isThere(k6: string): boolean {
  return spawnSync(k6, ['version']).status === 0;
}

/** Undefined where k6 can be used. */
function whyUnfit(k6: string): string | undefined {
  const { status, stdout } = spawnSync(k6, ['version'], { encoding: 'utf8' });
  if (status !== 0) return `There is no k6 at ${k6}.`;
  const version = /\bv(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '0.0.0';
  return version.localeCompare(K6_VERSION_MIN, 'en', { numeric: true }) < 0 ? `${k6} is k6 ${version}.` : undefined;
}

async function ownGrid(parent: string): Promise<{ url: string; end: () => Promise<void> }> {
  const dir = freshDir(parent);
  const { service, port } = await startHoldfast(`lmdb:${join(dir, 'lmdb')}`);
  let isEnding = false;
  void service.exited.then((code) => {
    if (!isEnding) console.error(`the grid ended by itself, with ${code}:\n${service.output}`);
  });
  const end = async (): Promise<void> => {
    isEnding = true;
    await service.stop();
    removeDir(dir);
  };
  return { url: `ws://127.0.0.1:${port}`, end };
}

function runK6(k6: string, script: string, told: Run): Promise<number> {
  // Without k6's own API, whose port two runs at once would both want.
  const args = ['run', '--address', '', ...(process.stdout.isTTY ? [] : ['--quiet']), script];
  const child = spawn(k6, args, {
    stdio: 'inherit',
    env: { ...process.env, [RUN_VARIABLE]: JSON.stringify(told) },
  });
  process.once('exit', () => child.kill());
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => done(code ?? 1));
  });
}

/** Takes the address of a grid with or without /v1, as the SDK is given it. */
function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol)) throw new InvalidArgumentError('not like ws://host:port.');
  return `${url.protocol}//${url.host}`;
}

function parseTime(text: string): number {
  const [, count, unit] = /^([1-9]\d*)(ms|s|m|h)$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('not like 250ms, 30s, 5m or 2h.');
  return Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

function showTime(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms % UNITS_MS[unit] === 0) return `${ms / UNITS_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
