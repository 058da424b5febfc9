// LMDB and several processes: who may own a directory, what a killed owner leaves behind, reading beside a living one,
// and the proof that an acknowledgement comes after the sync.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../../test/support/compiled.ts';
import { LaneBusy } from '../port.ts';
import { BatchWriter, collect } from '../testing/batches.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { type OwnerProcess, startOwner } from '../testing/processes.ts';
import { readVerified } from '../verify.ts';
import { LmdbStore } from './store.ts';

describe('LMDB and several processes', () => {
  let compiled: Compiled;
  let directory: string;
  let owner: OwnerProcess | undefined;
  let neighbour: OwnerProcess | undefined;

  beforeAll(async () => {
    compiled = await compile('journal', ['node/journal/open.ts', 'node/journal/testing/owner-process.ts']);
  }, 120_000);

  afterAll(() => compiled.remove());

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
  });

  afterEach(async () => {
    for (const process of [owner, neighbour]) await process?.end('SIGKILL');
    owner = undefined;
    neighbour = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  const own = (batches: number, inFlight: number, wrapper?: readonly string[]) =>
    startOwner(compiled.directory, ['own', `lmdb:${directory}`, 'eu-west', `${batches}`, `${inFlight}`], wrapper);

  it('given a running owner, then LaneBusy names pid, directory and remedy; once it is killed, none need wait', async () => {
    owner = own(3, 1);
    await owner.line('done');
    const store = new LmdbStore(directory);

    const refused = await store.acquire(layoutOf('eu-west'), claimOf('second')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LaneBusy);
    expect((refused as LaneBusy).message).toContain(`${directory}/eu-west is in use by process ${owner.pid}`);
    expect((refused as LaneBusy).message).toContain(`kill ${owner.pid}`);

    await owner.end('SIGKILL');
    const lane = await store.acquire(layoutOf('eu-west'), claimOf('second'));
    expect([lane.epoch, lane.openedAtSeq]).toEqual([2, 192]);
    await store.close();
  });

  it('given an owner killed with appends in flight, again and again, then all it acknowledged is there', async () => {
    for (let round = 0; round < 3; round++) {
      owner = own(0, 4);
      await owner.line(`acquired ${round + 1} `);
      while (owner.lines.length < 40 + 17 * round) await owner.line(`ok ${owner.acknowledged() + 64}`);
      await owner.end('SIGKILL');
      const acknowledged = owner.acknowledged();
      const store = new LmdbStore(directory, { readOnly: true });
      const seen = await collect(readVerified(await store.reader('eu-west'), 1, 0));
      expect(acknowledged).toBeGreaterThan(0);
      expect(seen.at(-1)?.lastSeq).toBeGreaterThanOrEqual(acknowledged);
      await store.close();
    }
  }, 120_000);

  it('given a zombie in another process, when the lane is taken over, then its next append is FENCED', async () => {
    owner = own(0, 1);
    await owner.line('ok ');
    const store = new LmdbStore(directory, { judge: () => 'dead' });

    const lane = await store.acquire(layoutOf('eu-west'), claimOf('second'));

    await owner.line('fenced ');
    await owner.line('done');
    expect(lane.openedAtSeq).toBe(owner.acknowledged());
    const tail = (await collect(lane.batches(1))).at(-1);
    expect(await lane.append(new BatchWriter(lane, tail).next())).toBe('OK');
    expect(await collect(readVerified(lane, 1, 0))).not.toHaveLength(0);
    await store.close();
  });

  it('given an owner at work, when another process reads beside it, then it sees a verified prefix', async () => {
    owner = own(0, 2);
    await owner.line('ok ');
    const acknowledged = owner.acknowledged();

    const reader = startOwner(compiled.directory, ['read', `lmdb:${directory}`, 'eu-west']);

    expect(Number((await reader.line('read ')).slice(5))).toBeGreaterThanOrEqual(acknowledged);
    const goesOn = owner.acknowledged() + 640;
    await owner.line(`ok ${goesOn}`);
  });

  it('given two processes that own a lane each, when one is killed, then the other goes on and its lane is adopted', async () => {
    const ownLane = (lane: string) =>
      startOwner(compiled.directory, ['own', `lmdb:${directory}`, 'eu-west', '0', '2', lane]);
    owner = ownLane('1');
    neighbour = ownLane('2');
    for (const process of [owner, neighbour]) await process.line('ok 640');
    const store = new LmdbStore(directory);
    expect(await store.lanes('eu-west')).toEqual(['1', '2']);
    const busy = store.acquire(layoutOf('eu-west'), claimOf('third'), '2');
    await expect(busy).rejects.toThrow(`lane-2 is in use by process ${neighbour.pid}`);

    await neighbour.end('SIGKILL');
    const acknowledged = neighbour.acknowledged();
    const adopted = await store.acquire(layoutOf('eu-west'), claimOf('third'), '2');

    expect(adopted.epoch).toBe(2);
    expect(adopted.openedAtSeq).toBeGreaterThanOrEqual(acknowledged);
    expect((await collect(readVerified(adopted, 1, 0))).at(-1)?.lastSeq).toBe(adopted.openedAtSeq);
    const tail = (await collect(adopted.batches(adopted.openedAtSeq))).at(-1);
    expect(await adopted.append(new BatchWriter(adopted, tail).next())).toBe('OK');
    await owner.line(`ok ${owner.acknowledged() + 640}`);
    await expect(store.acquire(layoutOf('eu-west'), claimOf('third'), '1')).rejects.toBeInstanceOf(LaneBusy);
    await store.close();
  }, 120_000);

  it('given one and four appends in flight, then each is acknowledged only after its sync (strace)', async (context) => {
    if (!hasStrace()) {
      console.warn(
        'SKIPPED: strace is not on the PATH, so that nothing proves here that LMDB syncs before it resolves',
      );
      context.skip();
    }
    for (const inFlight of [1, 4]) {
      const trace = join(directory, `trace-${inFlight}`);
      const strace = ['strace', '-f', '-e', 'trace=/write|fdatasync|openat', '-o', trace];
      owner = own(24, inFlight, strace);
      await owner.line('done');
      owner.child.stdin?.end();
      await owner.end('SIGTERM');
      expect(checkTrace(await readFile(trace, 'latin1'))).toBe(24);
      await rm(join(directory, 'eu-west'), { recursive: true });
    }
  }, 120_000);
});

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Follows the trace: data written, then fdatasync, then the meta page through a descriptor opened with O_DSYNC, and
 * only then `ok`. Returns how many acknowledgements there were. Calls may be shown in two halves; the end counts for
 * syncs, the beginning for what is printed.
 */
function checkTrace(trace: string): number {
  const opened = trace.split('\n').filter((line) => line.includes('data.mdb"'));
  const descriptorOf = (how: string) => opened.findLast((line) => line.includes(how))?.split(' = ')[1];
  const metaDescriptor = descriptorOf('O_DSYNC');
  const dataDescriptor = descriptorOf('O_RDWR');
  expect(metaDescriptor).toBeDefined();
  const calls = new Map<string, string>();
  let appended = 0;
  let written = 0;
  let synced = 0;
  let durable = 0;
  let acknowledged = 0;
  const data = { sinceSync: false };
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const said = /^write\(1, "(append|ok) (\d+)/.exec(rest);
    if (said?.[1] === 'append') appended = Number(said[2]);
    if (said?.[1] === 'ok') {
      acknowledged += 1;
      expect(durable, `seq durable when ${said[2]} was acknowledged`).toBeGreaterThanOrEqual(Number(said[2]));
    }
    const begun = /^(p?writev?(?:64|2)?|fdatasync)\((\d+)/.exec(rest);
    if (begun) calls.set(thread, `${begun[1]} ${begun[2]}`);
    const hasEnded = / = \d+$/.test(rest);
    const call = calls.get(thread);
    if (!hasEnded || call === undefined || !/write|fdatasync/.test(rest)) continue;
    calls.delete(thread);
    if (call === `pwrite64 ${metaDescriptor}`) durable = Math.max(durable, synced);
    else if (call.endsWith(` ${dataDescriptor}`) && !call.startsWith('fdatasync')) {
      written = appended;
      data.sinceSync = true;
    } else if (call.startsWith('fdatasync') && data.sinceSync) {
      synced = written;
      data.sinceSync = false;
    }
  }
  return acknowledged;
}
