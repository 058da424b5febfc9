// Options that several commands share, and how their texts become values. A value that cannot be used is refused
// here, naming the option and what it takes.
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { PARTITIONS_MAX } from '../../cluster/member-limits.ts';
import { REGION_LENGTH_MAX } from '../../protocol/index.ts';
import { isName } from '../../protocol/names.ts';
import { addTokenOption, token } from './credentials.ts';
import { usageError } from './exit.ts';

export const DEFAULT_PORT = 7400;
export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_DATA_DIR = './data';
/** The regions of a local grid: region i listens on port + i. */
export const LOCAL_REGIONS = ['eu-west', 'us-east'] as const;

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

export function parseCount(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It takes a whole number of 0 or more.');
  return Number(text);
}

export function parsePositive(text: string): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new InvalidArgumentError('It takes a whole number of 1 or more.');
  return count;
}

const SPEED_MAX = 10_000_000;

/** How many times as fast as life: may be a fraction. */
export function parseSpeed(text: string): number {
  const speed = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && speed > 0 && speed <= SPEED_MAX) return speed;
  throw new InvalidArgumentError(`It takes a number above 0 and up to ${SPEED_MAX}.`);
}

/** A time, as 2026-11-24T00:00:00Z or as ms since the epoch. */
export function parseTime(text: string): number {
  const at = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (at >= 0) return at;
  throw new InvalidArgumentError('It takes a time such as 2026-11-24T00:00:00Z, or ms since the epoch.');
}

export function parsePartitions(text: string): number {
  const partitions = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (partitions >= 1 && partitions <= PARTITIONS_MAX) return partitions;
  throw new InvalidArgumentError(`A region has 1 to ${PARTITIONS_MAX} partitions.`);
}

/** A name like any other, without the slash that ends it in a reservationId. */
export function parseRegion(text: string): string {
  if (!isName(text, REGION_LENGTH_MAX) || text.includes('/')) {
    throw new InvalidArgumentError(`A region is 1 to ${REGION_LENGTH_MAX} printable characters, no space, no slash.`);
  }
  return text;
}

/** A worker's name is a lane's name too, and so part of keys and paths. */
export function parseWorkerId(text: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,31}$/.test(text)) {
    throw new InvalidArgumentError('A worker is named by 1 to 32 letters, digits, dots, dashes or underscores.');
  }
  return text;
}

export function parseMesh(text: string): string {
  if (/^(unix:\/.+|tcp:.+:\d{1,5})$/.test(text)) return text;
  throw new InvalidArgumentError('It takes tcp:host:port or unix:/path.');
}

/** A worker of another region: `us-east=tcp:10.1.0.1:7600`. */
export function parseRegionPeer(text: string): { region: string; address: string } {
  const at = text.indexOf('=tcp:') >= 0 ? text.indexOf('=tcp:') : text.indexOf('=unix:');
  if (at < 0) throw new InvalidArgumentError('It takes REGION=tcp:host:port or REGION=unix:/path.');
  return { region: parseRegion(text.slice(0, at)), address: parseMesh(text.slice(at + 1)) };
}

/**
 * Refuses options that do nothing without another, where they are given and that is not.
 * @param needed of which options one has to be there, by the option that needs it; all by their attribute names
 * @throws UserError
 */
export function requireOthers(command: Command, needed: Readonly<Record<string, readonly string[]>>): void {
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  const flagOf = (name: string): string =>
    command.options.find((option) => option.attributeName() === name)?.long ?? name;
  for (const [name, others] of Object.entries(needed)) {
    if (isGiven(name) && !others.some(isGiven)) {
      throw usageError(`${flagOf(name)} needs ${others.map(flagOf).join(' or ')}`, 'It does nothing by itself.');
    }
  }
}

/** Collects a repeatable option. */
export function collect<T>(parse: (text: string) => T): (text: string, previous: T[] | undefined) => T[] {
  return (text, previous) => [...(previous ?? []), parse(text)];
}

/**
 * The base URL of a worker, without a trailing slash: takes `7400`, `host:7400`, and http or ws URLs with or
 * without the `/v1` path.
 */
export function parseWorkerUrl(text: string): string {
  const full = /^\d+$/.test(text) ? `http://${DEFAULT_HOST}:${text}` : text.includes('://') ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    throw new InvalidArgumentError(
      `It takes a port, host:port or a URL such as http://${DEFAULT_HOST}:${DEFAULT_PORT}.`,
    );
  }
  const scheme = { 'http:': 'http:', 'ws:': 'http:', 'https:': 'https:', 'wss:': 'https:' }[url.protocol];
  if (scheme === undefined) throw new InvalidArgumentError('It takes an http, https, ws or wss URL.');
  return `${scheme}//${url.host}`;
}

/** Where clients reach a worker: the URL of its socket. */
export function parseAdvertised(text: string): string {
  return socketUrl(parseWorkerUrl(text));
}

/** http://host → ws://host/v1 */
export function socketUrl(workerUrl: string): string {
  return `${workerUrl.replace(/^http/, 'ws')}/v1`;
}

/** The workers of the local grid at a port. */
export function localWorkerUrls(port: number = DEFAULT_PORT): string[] {
  return LOCAL_REGIONS.map((_, index) => `http://${DEFAULT_HOST}:${port + index}`);
}

/** Where the journals are: a Redis shared by all regions, or the embedded store, which keeps a folder for each. */
export function storeOf(options: { readonly store?: string; readonly dataDir: string }): string {
  return options.store ?? `lmdb:${path.resolve(options.dataDir)}`;
}

export function parseStore(text: string): string {
  if (/^redis(s|\+sentinel|\+cluster)?:\/\//.test(text) || text === 'memory:' || /^lmdb:./.test(text)) return text;
  throw new InvalidArgumentError(
    'It takes redis://host:port, rediss://…, redis+sentinel://…, redis+cluster://…, lmdb:DIRECTORY or memory: (nothing durable).',
  );
}

/** The base URL of a listener at this address. One that listens everywhere is reached on this machine's loopback. */
export function urlOf(host: string, port: number): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const reached = bare === '0.0.0.0' ? '127.0.0.1' : bare === '::' ? '::1' : bare;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

/** What to say of a listener that strangers can reach without a token; undefined: nothing. */
export function exposureWarning(host: string): string | undefined {
  if (isLoopback(host) || token() !== undefined) return undefined;
  return `warning: ${host} is reachable by others, and no token is asked for (set HOLDFAST_TOKEN or give --token-file)`;
}

/** The address that the engine takes: IPv6 without the brackets of URLs. */
export function parseHost(text: string): string {
  return text.replace(/^\[(.*)\]$/, '$1');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** Where the grid is: `--url` for each worker, or the two of a local grid at `--port`. */
export interface GridOptions {
  readonly url?: string[];
  readonly port: number;
}

export function addGridOptions(command: Command): Command {
  return addTokenOption(command)
    .option('--url <url>', "a worker's URL, port or host:port; repeat it for each region", collect(parseWorkerUrl))
    .option('--port <port>', 'the port of a local grid, as given to `start`', parsePort, DEFAULT_PORT);
}

export function gridUrls(options: GridOptions): string[] {
  return options.url ?? localWorkerUrls(options.port);
}
