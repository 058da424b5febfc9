// What a fault test plays on: Redis, hosts, and workers as a user starts them, all gone afterwards.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { FSYNC_SETTINGS, type RedisSettings, startRedis, type TestRedis } from '../../../node/journal/testing/redis.ts';
import { type CommandResult, holdfast } from '../../support/cli.ts';
import {
  CLI,
  freePort,
  type RunningGrid,
  type StartOptions,
  startGrid,
  temporaryDirectory,
} from '../../support/grid.ts';
import { regionAt, settled } from '../../support/region.ts';
import { Buyer, type BuyerOptions } from './buyers.ts';
import { Network } from './network.ts';

export const SECRET = { HOLDFAST_MESH_SECRET: 'what two workers know, and nobody else' };
const CLIENT_PORT = 7400;
export const MESH_PORT = 7500;

/** HOLDFAST_FAULTS=long runs each variant, and more rounds. */
export const IS_LONG = process.env['HOLDFAST_FAULTS'] === 'long';
export const PATIENCE_MS = 180_000;

interface WorkerOptions extends StartOptions {
  /** The command's script, where it is not that of this checkout. */
  readonly cli?: string;
}

export class Scene {
  readonly #cleanUps: (() => unknown)[] = [];

  async end(): Promise<void> {
    for (const cleanUp of this.#cleanUps.splice(0).reverse()) await cleanUp();
  }

  onEnd(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp);
  }

  async directory(): Promise<string> {
    const directory = await temporaryDirectory();
    this.onEnd(directory.remove);
    return directory.path;
  }

  async redis(settings: RedisSettings = {}): Promise<TestRedis> {
    const redis = await startRedis({ ...FSYNC_SETTINGS, ...settings });
    this.onEnd(() => redis.stop());
    return redis;
  }

  /** @param skip told why there are none: making them needs root */
  network(hosts: number, skip: (why: string) => void): Network {
    try {
      const network = new Network(hosts);
      this.onEnd(() => network.remove());
      return network;
    } catch (error) {
      const why = `no network namespaces could be made, which needs root: ${error}`;
      console.log(why);
      skip(why);
      throw error;
    }
  }

  /** `holdfast serve` in the foreground, on this machine. */
  async worker(store: string, id: string, { env = {}, cli, ...others }: WorkerOptions = {}): Promise<RunningGrid> {
    const port = await freePort();
    const args = ['--id', id, '--port', `${port}`, '--store', store];
    // Runs the other script instead of the one that it is given.
    const through = cli === undefined ? [] : ['sh', '-c', `node="$1"; shift 2; exec "$node" '${cli}' "$@"`, 'sh'];
    return this.#started(args, `ws://127.0.0.1:${port}/v1`, port, { through, ...others, env: { ...SECRET, ...env } });
  }

  /** Worker wN on host N of the network. */
  workerOn(network: Network, n: number, store: string): Promise<RunningGrid> {
    const host = network.host(n);
    const args = ['--id', `w${n}`, '--port', `${CLIENT_PORT}`, '--host', host, '--store', store];
    const mesh = ['--mesh', `tcp:${host}:${MESH_PORT}`];
    const through = network.on(n);
    return this.#started([...args, ...mesh], `ws://${host}:${CLIENT_PORT}/v1`, CLIENT_PORT, { through, env: SECRET });
  }

  async #started(args: string[], url: string, port: number, options: StartOptions): Promise<RunningGrid> {
    const serve = ['serve', '--region', 'eu-west', '--catalog', 'none', ...args];
    const worker = { ...(await startGrid(serve, port, options)), url };
    this.onEnd(() => worker.process.kill('SIGKILL'));
    return worker;
  }

  buyer({ url }: RunningGrid, name: string, options: BuyerOptions = {}): Buyer {
    const buyer = new Buyer(url, name, options);
    this.onEnd(() => buyer.stop());
    return buyer;
  }
}

/** Nothing moves and every partition is served, as each of the workers tells it; and the journal says what they say. */
export async function expectSettled(store: string, workers: readonly RunningGrid[]): Promise<void> {
  for (const { url, output } of workers) await settled(url, workers.length, output);
  const audited = await audit(store, (workers[0] as RunningGrid).url);
  expect(audited, audited.stdout + audited.stderr).toMatchObject({ code: 0 });
}

/** The lanes of each worker and their epochs, as they are now. */
export async function lanesAt(url: string): Promise<unknown> {
  const region = await regionAt(url);
  return region?.workers.map(({ id, lanes }) => ({ id, lanes: lanes.map(({ open: _, sealed: __, ...lane }) => lane) }));
}

function audit(store: string, url: string): Promise<CommandResult> {
  return holdfast('audit', '--store', store, '--url', url.replace('ws:', 'http:').replace('/v1', ''));
}

/** The exit code, once the process ends by itself. */
export function ended(worker: RunningGrid): Promise<number | null> {
  const { process: child } = worker;
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

/**
 * A copy of the built program in which some constants are others, as in another version of it.
 * @returns its command's script
 */
export function otherBuild(directory: string, changes: readonly OtherText[]): string {
  const root = join(dirname(CLI), '..', '..', '..');
  for (const folder of ['cluster', 'node', 'orders', 'protocol']) {
    cpSync(join(root, 'dist', folder), join(directory, 'dist', folder), { recursive: true });
  }
  mkdirSync(directory, { recursive: true });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, from, to } of changes) {
    const path = join(directory, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} does not have: ${from}`);
    writeFileSync(path, text.replace(from, to));
  }
  return join(directory, 'dist/node/cli/main.js');
}

export interface OtherText {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}
