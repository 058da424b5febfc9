// A real redis-server for tests: own port, own directory, gone afterwards. With REDIS_URL set, that server is used
// instead where the test needs no control over the process (`sharedRedis`).
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const server of running) server.kill('SIGKILL');
});

const START_TIMEOUT_MS = 15_000;
const PING_PAUSE_MS = 20;

/** redis.conf settings by name, e.g. `{ appendonly: 'yes', appendfsync: 'always' }`; a list is several words. */
/** Below what the system gives to connections, which would take a port between the look at it and its use. */
const PORTS = [11_000, 22_000] as const;
const BUS_PORT_OFFSET = 10_000;

export type RedisSettings = Readonly<Record<string, string | readonly string[]>>;

/** What durability `fsync` asks of a server. */
export const FSYNC_SETTINGS: RedisSettings = { appendonly: 'yes', appendfsync: 'always' };

export interface TestRedis {
  /** With the password, when `requirepass` is set. */
  readonly url: string;
  readonly port: number;
  /** A client with default options, closed by `stop`. */
  readonly client: Redis;
  readonly pid: number | undefined;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory; resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: it is there and does not answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** CONFIG SET. */
  configure(name: string, value: string): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/**
 * Starts a server of its own. `settings` add to: loopback only, no RDB snapshots, a temporary directory.
 * @param mode a sentinel has no data, and keeps its configuration in a file that it writes itself
 */
export async function startRedis(
  settings: RedisSettings = {},
  mode: 'server' | 'sentinel' = 'server',
): Promise<TestRedis> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  const { requirepass } = settings;
  const url = `redis://${typeof requirepass === 'string' ? `:${requirepass}@` : ''}127.0.0.1:${port}`;
  const base: RedisSettings = { port: `${port}`, bind: '127.0.0.1', dir: directory, daemonize: 'no' };
  const ofMode: RedisSettings = mode === 'server' ? { save: '' } : {};
  const named = Object.entries({ ...base, ...ofMode, ...settings });
  const args = named.flatMap(([name, value]) => [`--${name}`, value].flat());
  if (mode === 'sentinel') {
    const file = join(directory, 'sentinel.conf');
    await writeFile(file, '');
    args.unshift(file, '--sentinel');
  }
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => PING_PAUSE_MS, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const removeDirectory = () => rm(directory, { recursive: true, force: true });
  let server = await launch(args, url).catch(async (error: unknown) => {
    await removeDirectory();
    throw error;
  });

  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  };
  return {
    url,
    port,
    client,
    get pid() {
      return server.pid;
    },
    kill,
    async restart() {
      await kill();
      server = await launch(args, url);
    },
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    async configure(name, value) {
      await client.config('SET', name, value);
    },
    async stop() {
      client.disconnect();
      await kill();
      await removeDirectory();
    },
  };
}

/** REDIS_URL where it is set, else a server started with `settings`. `stop` leaves a server that is not ours alone. */
export async function sharedRedis(settings: RedisSettings = {}): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.REDIS_URL;
  return url === undefined || url === '' ? startRedis(settings) : { url, stop: async () => undefined };
}

async function launch(args: readonly string[], url: string): Promise<ChildProcess> {
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(server);
  server.once('exit', () => running.delete(server));
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  const failed = new Promise<never>((_, reject) => {
    server.once('error', (error) => reject(new Error(`redis-server cannot be started (is it on the PATH?): ${error}`)));
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${output}`)));
  });
  failed.catch(() => undefined);
  try {
    await Promise.race([failed, answering(url)]);
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
  return server;
}

/** Resolves when the server answers and has loaded its data. */
async function answering(url: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const probe = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
      await probe.ping();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`redis-server does not answer at ${url}: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, PING_PAUSE_MS));
    } finally {
      probe.disconnect();
    }
  }
}

/** A port that is free, and the one of a cluster's bus with it. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    if ((await isFree(port)) && (await isFree(port + BUS_PORT_OFFSET))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    await once(server.close(), 'close');
    return true;
  } catch {
    return false;
  }
}
