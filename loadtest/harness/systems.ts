// The systems under comparison: how each is started on an empty store, and stopped. All serve the same wire contract.
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeDirectory } from './directories.ts';
import { startPostgres } from './postgres.ts';
import { freePort, type Service, script, startService } from './processes.ts';

export const REGION = 'eu-west';
const TMPFS_MAGIC = 0x01021994;

export interface RunningSystem {
  readonly port: number;
  /** The server's processes, for CPU accounting; the first is the one that speaks WebSocket. */
  readonly services: readonly Service[];
  stop(): Promise<void>;
}

export interface System {
  readonly name: string;
  /** What it is and how durable, for the report. */
  readonly about: string;
  start(dir: string): Promise<RunningSystem>;
}

/** The actor core in a process of its own that makes its requests itself; nothing to connect to. */
export const CORE = {
  name: 'core',
  about: 'the actor core alone in a loop, with its journal records: the limit of the machine',
};

export const SYSTEMS: readonly System[] = [
  {
    name: 'holdfast-lmdb',
    about: 'the grid, one worker, embedded LMDB, fsync per commit',
    start: async (dir) => running([await startHoldfast(`lmdb:${join(dir, 'lmdb')}`)]),
  },
  {
    name: 'holdfast-redis',
    about: 'the grid, one worker, Redis appendfsync always',
    start: async (dir) => {
      const redis = await startRedis(dir, 'always');
      return running([await startHoldfast(`redis://127.0.0.1:${redis.port}`), redis]);
    },
  },
  {
    name: 'holdfast-lmdb-2',
    about: 'the grid, two workers that share the port, embedded LMDB, fsync per commit',
    start: async (dir) => running([await startHoldfast(`lmdb:${join(dir, 'lmdb')}`, { workers: 2 })]),
  },
  {
    name: 'holdfast-redis-2',
    about: 'the grid, two workers that share the port, Redis appendfsync always',
    start: async (dir) => {
      const redis = await startRedis(dir, 'always');
      const store = `redis://127.0.0.1:${redis.port}`;
      return running([await startHoldfast(store, { workers: 2 }), redis]);
    },
  },
  lua('lua-gateway', 'single', 'always'),
  lua('lua-gateway-autopipeline', 'autopipeline', 'always'),
  lua('lua-gateway-batch', 'batch', 'always'),
  lua('lua-gateway-everysec', 'single', 'everysec'),
  lua('lua-gateway-batch-everysec', 'batch', 'everysec'),
  postgres('postgres-gateway', 'single'),
  postgres('postgres-gateway-batch', 'batch'),
  {
    name: 'echo',
    about: 'decode, look up, encode; nothing durable: the limit of transport and codec',
    start: async () => {
      const port = await freePort();
      return running([await startBaseline('echo-gateway', port, [])]);
    },
  },
];

/** Beside the others, since it grants nothing: the same refusal for each frame, unread. What the engine takes to refuse at least. */
export const BOUNCE: System = {
  name: 'bounce',
  about: "answers each frame with the same refusal, unread: the engine's limit of refusing",
  start: async () => {
    const port = await freePort();
    return running([await startBaseline('bounce-gateway', port, [])]);
  },
};

function lua(name: string, calls: string, appendfsync: 'always' | 'everysec'): System {
  return {
    name,
    about: `uWebSockets.js, ioredis (${calls}), Lua; Redis appendfsync ${appendfsync}`,
    start: async (dir) => {
      const redis = await startRedis(dir, appendfsync);
      const port = await freePort();
      const options = ['--redis-port', String(redis.port), '--calls', calls];
      return running([await startBaseline('lua-gateway', port, options), redis]);
    },
  };
}

function postgres(name: string, calls: 'single' | 'batch'): System {
  return {
    name,
    about: `uWebSockets.js, PostgreSQL UPDATE … WHERE (${calls}); fsync and synchronous_commit on`,
    start: async (dir) => {
      const server = await startPostgres(dir);
      const port = await freePort();
      const options = ['--postgres-port', String(server.port), '--calls', calls];
      return running([await startBaseline('postgres-gateway', port, options), { ...server, stopsBy: 'SIGKILL' }]);
    },
  };
}

/** @throws Error naming the systems there are */
export function systemsNamed(names: readonly string[]): System[] {
  return names.map((name) => {
    const system = SYSTEMS.find((candidate) => candidate.name === name);
    if (system === undefined)
      throw new Error(`no system "${name}"; there are ${SYSTEMS.map((s) => s.name).join(', ')}`);
    return system;
  });
}

interface Listening {
  readonly service: Service;
  readonly port: number;
  /** A supervisor ends its workers; killed, it leaves them to write into a store that is being removed. */
  readonly stopsBy: 'SIGTERM' | 'SIGKILL';
}

function running(parts: readonly Listening[]): RunningSystem {
  const services = parts.map(({ service }) => service);
  return {
    port: (parts[0] as Listening).port,
    services,
    // In order: the gateway before its store.
    stop: async () => {
      for (const { service, stopsBy } of parts) await service.stop(stopsBy);
    },
  };
}

async function startBaseline(name: string, port: number, options: readonly string[]): Promise<Listening> {
  const args = [script(`baseline/${name}`), '--port', String(port), ...options];
  return { service: await startService(name, process.execPath, args, ' ready'), port, stopsBy: 'SIGKILL' };
}

/** What docs/operations.md recommends, and the container has set, for a worker that no supervisor starts. */
const RECOMMENDED_FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=8'];

export const HOLDFAST_CLI = fileURLToPath(new URL('../../node/cli/main.js', import.meta.url));

export interface HoldfastOptions {
  /** Before the script, after those recommended. */
  readonly nodeFlags?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** Above 1: a supervisor and its workers. Default: 1, in one process. */
  readonly workers?: number;
  /** Default: what `serve` takes by itself. */
  readonly partitions?: number;
}

/** A region that serves. */
export async function startHoldfast(store: string, options: HoldfastOptions = {}): Promise<Listening> {
  const { nodeFlags = [], port = await freePort(), workers = 1, partitions } = options;
  const serve = ['serve', '--region', REGION, '--port', String(port), '--store', store, '--catalog', 'none'];
  if (partitions !== undefined) serve.push('--partitions', String(partitions));
  const args = [...RECOMMENDED_FLAGS, ...nodeFlags, HOLDFAST_CLI, ...serve, '--workers', String(workers)];
  return {
    service: await startService('holdfast', process.execPath, args, 'holdfast ready'),
    port,
    stopsBy: workers > 1 ? 'SIGTERM' : 'SIGKILL',
  };
}

/**
 * Redis with its log on `dir`. Rewrites of the log are off for every system alike: they start by size, so they would
 * hit some runs and not others. Production pays for them.
 */
export async function startRedis(dir: string, appendfsync: 'always' | 'everysec'): Promise<Listening> {
  const port = await freePort();
  const redisDir = join(dir, 'redis');
  makeDirectory(redisDir);
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: redisDir,
    appendonly: 'yes',
    appendfsync,
    save: '',
    'auto-aof-rewrite-percentage': '0',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
  return {
    service: await startService('redis', 'redis-server', args, 'Ready to accept connections'),
    port,
    stopsBy: 'SIGKILL',
  };
}

/** An empty directory on the disk below `parent`; refuses a RAM disk, where fsync costs nothing. */
export function freshDir(parent: string): string {
  makeDirectory(parent);
  if (statfsSync(parent).type === TMPFS_MAGIC)
    throw new Error(`${parent} is a RAM disk: durability would be free there`);
  const dir = mkdtempSync(join(parent, 'bench-'));
  dirs.add(dir);
  return dir;
}

/** Also what an interrupted run left is removed. */
const dirs = new Set<string>();
process.on('exit', () => {
  for (const dir of dirs) removeDir(dir);
});

export function removeDir(dir: string): void {
  dirs.delete(dir);
  rmSync(dir, { recursive: true, force: true });
}
