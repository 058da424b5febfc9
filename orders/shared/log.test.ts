// What every shared log does, and a state that follows one: read by others, taken up from a snapshot, and what is cut off passed over.
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../node/journal/testing/redis.ts';
import type { Json } from '../../protocol/index.ts';
import { directoryLog } from './directory-log.ts';
import { type Followed, follow } from './follower.ts';
import type { SharedLog } from './log.ts';
import { MemoryLog } from './memory-log.ts';
import { redisLog } from './redis-log.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5, 10, 59);

let directory: string;
let redis: TestRedis;
const opened: SharedLog[] = [];
let now = START;
let logs = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-log-'));
  redis = await startRedis();
});
afterAll(async () => {
  for (const log of opened) await log.close();
  await redis.stop();
  await rm(directory, { recursive: true });
});

type Open = () => Promise<readonly [SharedLog, SharedLog]>;

const inMemory: Open = async () => {
  const log = new MemoryLog();
  return [log, log];
};
const inDirectory: Open = async () => {
  now = START;
  const options = { directory, name: `log-${logs++}`, now: () => now };
  return [await directoryLog(options), await directoryLog(options)];
};
const inRedis: Open = async () => {
  const options = { redisUrl: redis.url, name: `log-${logs++}` };
  const both = [redisLog(options), redisLog(options)] as const;
  opened.push(...both);
  return both;
};
/** Opens the same log twice, as two processes do. */
const DRIVERS: Readonly<Record<string, Open>> = { memory: inMemory, directory: inDirectory, redis: inRedis };

/** All that it was told, once each. */
class Names implements Followed {
  readonly names = new Set<string>();
  apply(entries: readonly Json[]): void {
    for (const entry of entries) this.names.add(String(entry));
  }
  serialise(): Uint8Array {
    return Buffer.from(JSON.stringify([...this.names]));
  }
  static restore(bytes: Uint8Array | undefined): Names {
    const names = new Names();
    if (bytes !== undefined) names.apply(JSON.parse(Buffer.from(bytes).toString()));
    return names;
  }
}

const failures: string[] = [];
const following = (log: SharedLog, saves = true) =>
  follow({ log, restore: Names.restore, saves, onFailure: (message) => failures.push(message), pollMs: 1e6 });

describe.each(Object.entries(DRIVERS))('%s', (_, open) => {
  test('given two processes, when both append, then each reads all, each once', async () => {
    const [one, other] = await open();
    await one.append(['a', { b: 2 }]);
    now += 2 * 60_000;
    await other.append(['ü']);
    const read = await one.read(undefined);
    expect(read).toMatchObject({ entries: ['a', { b: 2 }, 'ü'], isAll: true });
    await one.append(['d']);
    expect((await other.read(read.position)).entries).toEqual(['d']);
  });

  test('given a saved state, when a process starts, then it reads on from there, and an unusable one begins anew', async () => {
    const [one, other] = await open();
    const first = await following(one);
    await first.append(['a', 'b']);
    await first.stop();
    await other.append(['c']);
    const second = await following(other);
    expect([...second.state.names]).toEqual(['a', 'b', 'c']);
    await second.append(['d']);
    await second.look();
    expect(second.state.names.has('d')).toBe(true);
    await other.save({ bytes: Buffer.from('no JSON'), position: (await other.read(undefined)).position });
    failures.length = 0;
    await following(other, false);
    expect(failures).toEqual([expect.stringContaining('begins anew')]);
  });
});

test('given lines that were cut off, then they are passed over, and what is being written is read once it is whole', async () => {
  const [log] = await inDirectory();
  await log.append(['a']);
  const name = (await readdir(directory)).filter((file) => file.startsWith(`log-${logs - 1}.`))[0] as string;
  await appendFile(join(directory, name), '{"cut":');
  await log.append(['b']);
  await appendFile(join(directory, name), '"c');
  const read = await log.read(undefined);
  expect(read.entries).toEqual(['a', 'b']);
  await appendFile(join(directory, name), '"\n');
  expect((await log.read(read.position)).entries).toEqual(['c']);
});

test('given hours that a snapshot has in it, when they are old, then they are dropped and nothing else is', async () => {
  const [log] = await inDirectory();
  const files = async () => (await readdir(directory)).filter((file) => file.startsWith(`log-${logs - 1}.`)).length;
  await log.append(['a']);
  now += HOUR_MS;
  const { position } = await log.read(undefined);
  await log.append(['b']);
  await log.save({ bytes: new Uint8Array(), position });
  expect(await files()).toBe(3);
  now += 3 * HOUR_MS;
  await log.save({ bytes: new Uint8Array(), position });
  expect(await files()).toBe(2);
  expect((await log.read(position)).entries).toEqual(['b']);
});

/** A log in memory that can be broken, and what was asked of it since. */
function createFlaky() {
  const log = new MemoryLog();
  const asked: string[] = [];
  const flaky = { isBroken: false };
  const ask =
    <A extends readonly unknown[], R>(name: string, does: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      asked.push(name);
      if (flaky.isBroken && name !== 'append') throw new Error('no such folder');
      return does(...given);
    };
  const shared: SharedLog = {
    append: ask('append', (entries) => log.append(entries)),
    read: ask('read', (position) => log.read(position)),
    snapshot: ask('snapshot', () => log.snapshot()),
    save: ask('save', (snapshot) => log.save(snapshot)),
    close: () => log.close(),
  };
  return Object.assign(flaky, { shared, asked });
}

test('given a log that fails again and again, then it is told once, the state stays, and goes on when the log does', async () => {
  const flaky = createFlaky();
  const { state, append, look } = await following(flaky.shared);
  failures.length = 0;
  flaky.isBroken = true;
  await look();
  await append(['a']);
  await look();
  await look();
  expect(failures).toEqual(['no such folder', 'no such folder']);
  expect(state.names.size).toBe(0);
  flaky.isBroken = false;
  await look();
  expect([...state.names]).toEqual(['a']);
});

test('given a log that fails, when the process ends, then it is asked for nothing more', async () => {
  const flaky = createFlaky();
  const { look, stop } = await following(flaky.shared);
  flaky.isBroken = true;
  await look();
  flaky.asked.length = 0;
  await stop();
  expect(flaky.asked).toEqual([]);
});

test('given a Redis that goes away, when the log is closed, then what was asked of it is answered at once', async () => {
  const away = createServer((socket) => socket.destroy());
  away.listen(0, '127.0.0.1');
  await once(away, 'listening');
  const { port } = away.address() as AddressInfo;
  const log = redisLog({ redisUrl: `redis://127.0.0.1:${port}`, name: 'away' });
  const asked = log.read(undefined).catch((error: Error) => error.message);
  const [socket] = (await once(away, 'connection')) as [Socket];
  if (!socket.closed) await once(socket, 'close');
  // The other end of it is in this process, and hears of that by then: it is between two attempts.
  for (let turns = 0; turns < 10; turns++) await setImmediate();
  await log.close();
  expect(await asked).toBe('Redis does not answer');
  away.close();
});

test('given a folder that the system refuses, then it says so instead of trying for ever', async () => {
  await expect(directoryLog({ directory: '/proc/holdfast/state', name: 'log' })).rejects.toThrow(/mkdir '\/proc/);
});
