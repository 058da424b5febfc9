// Several Redis servers for tests of fail-over: a pair behind a relay, whose fail-over the test plays itself, a pair
// under a sentinel, and a cluster. All on loopback, gone afterwards.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FSYNC_SETTINGS, startRedis, type TestRedis } from './redis.ts';
import { startRelay } from './relay.ts';

const run = promisify(execFile);
const POLL_MS = 10;
const REPLICATION_TIMEOUT_MS = 15_000;
/** Well below what the store itself waits. */
const CONFIRMED_WITHIN_MS = 200;
const CONFIRMED_KEY = 'confirmed';
/** What CLUSTER SLOTS says of a range before its primary and replicas. */
const RANGE_BOUNDS = 2;
/** Nothing listens there. */
const NOWHERE = 1;
export const PRIMARY_NAME = 'holdfast';

export interface RedisPair {
  /** Leads to the primary, whichever it is. */
  readonly url: string;
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  /** The replica receives nothing more; the primary goes on. */
  cut(): Promise<void>;
  /** The replica receives and confirms again. */
  mend(): Promise<void>;
  /** The replica becomes the primary, and the URL leads there; the former primary lives on, unreached. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** Acknowledges after fsync on both; when this resolves the replica has everything, and confirms what is written. */
export async function startPair(): Promise<RedisPair> {
  const primary = await startRedis(FSYNC_SETTINGS);
  const replica = await startRedis(replicaOf(primary));
  const relay = await startRelay(primary.port);
  await inSync(primary, replica);
  return {
    url: `redis://127.0.0.1:${relay.port}`,
    primary,
    replica,
    async cut() {
      await replica.client.replicaof('127.0.0.1', NOWHERE);
    },
    async mend() {
      await replica.client.replicaof('127.0.0.1', primary.port);
      await inSync(primary, replica);
    },
    async promote() {
      await replica.client.replicaof('NO', 'ONE');
      relay.switchTo(replica.port);
    },
    async stop() {
      await relay.stop();
      await replica.stop();
      await primary.stop();
    },
  };
}

export interface SentinelPair {
  readonly url: string;
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  stop(): Promise<void>;
}

/** A sentinel that promotes the replica about a second after the primary has gone. */
export async function startSentinelPair(): Promise<SentinelPair> {
  const primary = await startRedis(FSYNC_SETTINGS);
  const replica = await startRedis(replicaOf(primary));
  await inSync(primary, replica);
  const sentinel = await startRedis({}, 'sentinel');
  const set = (name: string, value: number) => sentinel.client.call('SENTINEL', 'SET', PRIMARY_NAME, name, `${value}`);
  await sentinel.client.call('SENTINEL', 'MONITOR', PRIMARY_NAME, '127.0.0.1', `${primary.port}`, '1');
  await set('down-after-milliseconds', 500);
  await set('failover-timeout', 3_000);
  // A sentinel learns of replicas by asking the primary, now and then.
  await until('the sentinel to see the replica', async () => {
    const replicas = (await sentinel.client.call('SENTINEL', 'REPLICAS', PRIMARY_NAME)) as string[][];
    const state = String(replicas[0]);
    return replicas.length === 1 && state.includes('master-link-status,ok');
  });
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/${PRIMARY_NAME}`,
    primary,
    replica,
    async stop() {
      for (const server of [sentinel, replica, primary]) await server.stop();
    },
  };
}

export interface TestCluster {
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** The node that has the key's slot. */
  nodeOf(key: string): Promise<TestRedis>;
  /** The replica of a node; there is one each if they were asked for. */
  replicaOf(node: TestRedis): Promise<TestRedis>;
  stop(): Promise<void>;
}

/** @param replicas of each of the three primaries */
export async function startCluster(replicas: 0 | 1 = 0): Promise<TestCluster> {
  const settings = { ...FSYNC_SETTINGS, 'cluster-enabled': 'yes', 'cluster-node-timeout': '1000' };
  const nodes = await Promise.all(Array.from({ length: 3 * (1 + replicas) }, () => startRedis(settings)));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const options = ['--cluster-replicas', `${replicas}`, '--cluster-yes'];
  await run('redis-cli', ['--cluster', 'create', ...addresses, ...options]);
  for (const { client } of nodes) {
    await until('the cluster to agree', async () => {
      if (!(await client.cluster('INFO')).includes('cluster_state:ok')) return false;
      // A replica is listed once it has its data.
      const ranges = (await client.call('CLUSTER', 'SLOTS')) as unknown[][];
      return ranges.every((range) => range.length === RANGE_BOUNDS + 1 + replicas);
    });
  }
  if (replicas > 0) await Promise.all(nodes.map(confirmsInCluster));
  const withPort = (port: unknown) => nodes.find((node) => node.port === Number(port)) as TestRedis;
  return {
    url: `redis+cluster://${addresses.slice(0, 2).join(',')}`,
    nodes,
    async nodeOf(key) {
      const client = (nodes[0] as TestRedis).client;
      const slot = Number(await client.call('CLUSTER', 'KEYSLOT', key));
      const ranges = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
      return withPort(ranges.find(([from, through]) => slot >= from && slot <= through)?.[2][1]);
    },
    async replicaOf(node) {
      const ranges = (await node.client.call('CLUSTER', 'SLOTS')) as [number, number, ...[string, number][]][];
      return withPort(ranges.find(([, , [, port] = ['', 0]]) => port === node.port)?.[3]?.[1]);
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

function replicaOf({ port }: TestRedis) {
  return { ...FSYNC_SETTINGS, replicaof: ['127.0.0.1', `${port}`], 'repl-diskless-sync-delay': '0' };
}

/** Resolves once the replica has what its primary had, and a write to the primary is confirmed by it at once. */
export async function inSync(primary: TestRedis, replica: TestRedis): Promise<void> {
  await until('the replica to be in sync', async () => {
    const info = await replica.client.info('replication');
    return info.includes('master_link_status:up') && info.includes('master_sync_in_progress:0');
  });
  await confirms(primary, CONFIRMED_KEY);
}

/** The replica of a node that is a primary confirms; of a replica there is nothing to wait for. */
async function confirmsInCluster(node: TestRedis): Promise<void> {
  const ranges = (await node.client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  const own = ranges.find(([, , [, port]]) => port === node.port);
  if (own === undefined) return;
  const [from, through] = own;
  for (let n = 0; ; n += 1) {
    const key = `${CONFIRMED_KEY}-${n}`;
    const slot = Number(await node.client.call('CLUSTER', 'KEYSLOT', key));
    if (slot >= from && slot <= through) return confirms(node, key);
  }
}

/**
 * A link that is up is not yet one that confirms: the primary counts a replica from its first acknowledgement on, which
 * comes within a second. Leaves no key behind.
 */
async function confirms(primary: TestRedis, key: string): Promise<void> {
  await until('the replica to confirm a write', async () => {
    await primary.client.set(key, '');
    await primary.client.del(key);
    return (await primary.client.wait(1, CONFIRMED_WITHIN_MS)) >= 1;
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + REPLICATION_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${REPLICATION_TIMEOUT_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
