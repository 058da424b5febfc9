// Several Redis servers for tests of fail-over: a pair behind a relay, whose fail-over the test plays itself, a pair
// under a sentinel, and a cluster. All on loopback, gone afterwards.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FSYNC_SETTINGS, startRedis, type TestRedis } from './redis.ts';
import { startRelay } from './relay.ts';

const run = promisify(execFile);
const POLL_MS = 10;
const REPLICATION_TIMEOUT_MS = 15_000;
/** Of one attempt to have a write confirmed. */
const CONFIRM_TIMEOUT_MS = 100;
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
  /** The replica receives again. */
  mend(): Promise<void>;
  /** The replica becomes the primary, and the URL leads there; the former primary lives on, unreached. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** Acknowledges after fsync on both; the replica has everything when this resolves. */
export async function startPair(): Promise<RedisPair> {
  const primary = await startRedis(FSYNC_SETTINGS);
  const replica = await startRedis(replicaOf(primary));
  const relay = await startRelay(primary.port);
  await confirms(primary, replica);
  return {
    url: `redis://127.0.0.1:${relay.port}`,
    primary,
    replica,
    async cut() {
      await replica.client.replicaof('127.0.0.1', NOWHERE);
    },
    async mend() {
      await replica.client.replicaof('127.0.0.1', primary.port);
      await confirms(primary, replica);
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
  await confirms(primary, replica);
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

/** Resolves once the replica confirms what its primary is told: its link may be up a while before it does. */
async function confirms(primary: TestRedis, replica: TestRedis): Promise<void> {
  await inSync(replica);
  await until('the replica to confirm a write', async () => {
    await primary.client.set('confirmed', '1');
    await primary.client.del('confirmed');
    return (await primary.client.wait(1, CONFIRM_TIMEOUT_MS)) >= 1;
  });
}

/** Resolves once the replica has what its primary had. */
export async function inSync(replica: TestRedis): Promise<void> {
  await until('the replica to be in sync', async () => {
    const info = await replica.client.info('replication');
    return info.includes('master_link_status:up') && info.includes('master_sync_in_progress:0');
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + REPLICATION_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${REPLICATION_TIMEOUT_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
