// The supervisor over real child processes: readiness, restarts, giving up, stopping, and no orphans.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { GaveUp, Supervisor, type SupervisorOptions } from './supervisor.ts';

const ENTRY = fileURLToPath(new URL('./testing/child.mjs', import.meta.url));
const WAIT = { timeout: 20_000, interval: 20 };

const started: Supervisor[] = [];

afterEach(async () => {
  for (const supervisor of started.splice(0)) {
    supervisor.kill();
    await supervisor.ended.catch(() => {});
  }
});

function supervise(behaviours: readonly string[][], options: Partial<SupervisorOptions> = {}) {
  const lines: string[] = [];
  const supervisor = new Supervisor({
    children: behaviours.map((args, i) => ({ name: `child-${i}`, entry: ENTRY, args })),
    log: (line) => lines.push(line),
    backoffMs: 1,
    backoffMsMax: 10,
    ...options,
  });
  started.push(supervisor);
  supervisor.start();
  return { supervisor, lines };
}

describe('the supervisor', () => {
  test('given two children, then it is ready when both are, and their output carries their names', async () => {
    const { supervisor, lines } = supervise([['lives'], ['lives']]);

    expect(await supervisor.ready).toEqual(['lives', 'lives']);
    expect([...supervisor.pids().keys()]).toEqual(['child-0', 'child-1']);
    await vi.waitFor(() => {
      expect(lines).toContain('[child-0] begins as lives');
      expect(lines).toContain('[child-1] begins as lives');
    }, WAIT);
  });

  test('given a child that is killed, then it is started again and the other one is left alone', async () => {
    const { supervisor, lines } = supervise([['lives'], ['lives']]);
    await supervisor.ready;
    const before = supervisor.pids();

    process.kill(before.get('child-0') ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(lines).toContain('child-0 serves again'), WAIT);

    const after = supervisor.pids();
    expect(after.get('child-0')).not.toBe(before.get('child-0'));
    expect(after.get('child-1')).toBe(before.get('child-1'));
    expect(lines.join('\n')).toMatch(/child-0 was ended by SIGKILL after \d+ ms; restarting in \d+ ms/);
  });

  test('given a child that dies before it is ready, then a later life makes it ready', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-supervisor-'));
    try {
      const { supervisor } = supervise([['dies-once', join(directory, 'lived')]]);

      expect(await supervisor.ready).toEqual(['second life']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('given a child that dies again and again, then it gives up, repeats its last words, and ends the other one', async () => {
    const { supervisor, lines } = supervise([['dies'], ['lives']], { quickDeathsMax: 3 });

    await expect(supervisor.ready).rejects.toThrow(
      'child-0 exited with code 7, 3 times in a row: giving up; the last it said: begins as dies',
    );
    await expect(supervisor.ended).rejects.toThrow(GaveUp);
    expect(supervisor.pids().size).toBe(0);
    expect(lines.filter((line) => line === '[child-0] begins as dies')).toHaveLength(3);
  });

  test('given a child that cannot run as asked, then no restart is tried and its hint is passed on', async () => {
    const { supervisor, lines } = supervise([['refuses'], ['lives']]);

    await expect(supervisor.ended).rejects.toMatchObject({
      message: 'child-0: the port is taken',
      hint: 'choose another',
      stopped: false,
    });
    expect(lines.filter((line) => line === '[child-0] begins as refuses')).toHaveLength(1);
  });

  test('given a child that lacks something at its first start, then it gives up at once', async () => {
    const { supervisor, lines } = supervise([['lacks'], ['lives']]);

    await expect(supervisor.ended).rejects.toMatchObject({ message: 'child-0: no store', hint: 'start it' });
    expect(lines.filter((line) => line === '[child-0] begins as lacks')).toHaveLength(1);
  });

  test('given a child that was ready and then lacks something, then it is started until it has it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-supervisor-'));
    try {
      const { supervisor, lines } = supervise([['lacks-later', join(directory, 'lives')]], { quickDeathsMax: 5 });
      await supervisor.ready;

      await vi.waitFor(() => expect(lines).toContain('child-0 serves again'), WAIT);
      expect(lines).toContain('[child-0] no store');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('given a stop, then the children drain, once, and nothing is restarted', async () => {
    const { supervisor, lines } = supervise([['lives'], ['lives']]);
    await supervisor.ready;

    supervisor.stop();
    supervisor.stop();
    await supervisor.ended;

    expect(supervisor.pids().size).toBe(0);
    expect(lines.join('\n')).not.toMatch(/restarting|killed/);
  });

  test('given a stop before readiness, then ready rejects as stopped, not as failed', async () => {
    const { supervisor } = supervise([['lives']]);

    supervisor.stop();

    await expect(supervisor.ready).rejects.toMatchObject({ stopped: true });
    await supervisor.ended;
  });

  test('given a child that does not drain in time, then it is killed and named', async () => {
    const { supervisor, lines } = supervise([['stubborn'], ['lives']], { drainMsMax: 50 });
    await supervisor.ready;

    supervisor.stop();
    await supervisor.ended;

    expect(lines).toContain('child-0 did not drain within 50 ms and is killed');
  });

  test('given a kill, then even a stubborn child ends at once', async () => {
    const { supervisor } = supervise([['stubborn']]);
    await supervisor.ready;

    supervisor.stop();
    supervisor.kill();

    await supervisor.ended;
  });

  test('given an entry that does not exist, then it gives up rather than wait for ever', async () => {
    const supervisor = new Supervisor({
      children: [{ name: 'ghost', entry: '/nonexistent/entry.mjs', args: [] }],
      log: () => {},
      backoffMs: 1,
      quickDeathsMax: 2,
    });
    started.push(supervisor);
    supervisor.start();

    await expect(supervisor.ready).rejects.toThrow(/ghost exited with code 1, 2 times in a row/);
  });
});
