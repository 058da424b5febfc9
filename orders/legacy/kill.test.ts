// Real processes that share a folder and are killed at random moments: each order is captured, none as two, each error stands once, and
// each file ends in one place.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Compiled, compile } from '../../test/support/compiled.ts';
import { draw } from '../carriers/simulated/random.ts';
import { csvOf, interchange850, set850 } from './testing/orders.ts';
import { readInterchanges } from './x12/envelope.ts';

const SEED = Number(process.env['HOLDFAST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env['HOLDFAST_KILLS'] ?? 6);
const PROCESSES = 2;
const FILES = 4;
const ORDERS = 160;

let compiled: Compiled;
let server: Server;
/** How often each order was asked for, and how it said. */
let bodies: Map<string, Set<string>>;
let asked = 0;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  compiled = await compile('drop', ['orders/legacy/testing/drop-process.ts']);
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { orderId } = JSON.parse(body) as { orderId: string };
      asked += 1;
      const known = bodies.get(orderId) ?? new Set();
      const replayed = known.size > 0;
      bodies.set(orderId, known.add(body));
      // Some are refused for good, always the same.
      response.end(JSON.stringify(orderId.endsWith('7') ? { code: 'BAD_REQUEST', retriable: false } : { replayed }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  await Promise.all([...children].map(killed));
  server?.closeAllConnections();
  server?.close();
  await compiled?.remove();
});

test.each(['csv', 'x12'] as const)(
  `given kills at random moments and files of %s, then nothing is lost or twice (HOLDFAST_SEED=${SEED})`,
  async (format) => {
    bodies = new Map();
    asked = 0;
    const root = await mkdtemp(join(tmpdir(), 'holdfast-kill-'));
    const [into, out] = [join(root, 'in'), join(root, 'out')];
    await mkdir(into);
    const ids = Array.from({ length: FILES }, (_, file) => Array.from({ length: ORDERS }, (_, n) => `f${file}-${n}`));
    for (const [file, own] of ids.entries()) {
      // A row of each file is wrong.
      const text =
        format === 'csv'
          ? `${csvOf(own)}wrong-${file},MUG,0,10007\n`
          : interchange850(
              [...own, `wrong-${file}`].map((id) => set850(id, [['MUG', id.startsWith('wrong') ? '0' : '1']])),
            );
      await writeFile(join(into, `.${file}`), text);
      await rename(join(into, `.${file}`), join(into, `${file}.${format}`));
    }
    const { port } = server.address() as AddressInfo;
    const start = (): ChildProcess => {
      const args = [
        join(compiled.directory, 'orders/legacy/testing/drop-process.js'),
        into,
        out,
        format,
        `http://127.0.0.1:${port}`,
      ];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      children.add(child);
      return child;
    };
    const finished = async (): Promise<string[]> =>
      (await unlessMissing(join(into, 'failed'))).filter((name) => !name.endsWith('.errors'));
    const running = Array.from({ length: PROCESSES }, start);
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        // At a moment told by what it has done, so that it is somewhere else each time, on a slow machine too.
        const until = asked + 1 + Math.floor(draw(SEED, format, round) * ((FILES * ORDERS) / ROUNDS));
        while (asked < until && (await finished()).length < FILES) await setTimeout(2);
        const victim = round % PROCESSES;
        const gone = running[victim];
        if (gone !== undefined) await killed(gone);
        running[victim] = start();
      }
      while ((await finished()).length < FILES) await setTimeout(20);
      while ((await claims(into)).length > 0) await setTimeout(20);
    } finally {
      await Promise.all(running.map(killed));
    }

    expect([...bodies.keys()].sort()).toEqual(ids.flat().sort());
    expect([...bodies.values()].every((said) => said.size === 1)).toBe(true);
    const failed = await readdir(join(into, 'failed'));
    expect(failed.filter((name) => name.endsWith(`.${format}`))).toHaveLength(FILES);
    expect(await readdir(join(into, 'done'))).toEqual([]);
    for (const name of failed.filter((one) => one.endsWith('.errors'))) {
      const rows = (await readFile(join(into, 'failed', name), 'utf8')).trimEnd().split('\n');
      const refused = rows.map((row) => row.split(',')[2] ?? '');
      // Each of those that are refused, and the wrong one, once.
      expect(refused).toHaveLength(1 + ORDERS / 10 + 1);
      expect(new Set(refused).size).toBe(refused.length);
    }
    if (format === 'x12') {
      const answers = (await readdir(out)).filter((name) => name.startsWith('997'));
      const acknowledged = await Promise.all(
        answers.map(async (name) => readInterchanges(await readFile(join(out, name), 'utf8'))),
      );
      expect(acknowledged.length).toBeGreaterThanOrEqual(FILES);
    }
    await rm(root, { recursive: true });
  },
);

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function claims(into: string): Promise<string[]> {
  const owners = await unlessMissing(join(into, 'work'));
  return (await Promise.all(owners.map((owner) => unlessMissing(join(into, 'work', owner))))).flat();
}

async function unlessMissing(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
