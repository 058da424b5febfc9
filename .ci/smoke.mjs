// The README's first minutes, with the Node that runs this: `npm start` on a free port and an empty directory, a
// reservation over HTTP, `npx holdfast status`, SIGTERM, start again, and the reservation is there.

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
/** A port and those that `npm start` derives from it: the second region's, the console's. */
const PORT_OFFSETS = [0, 1, 80];

// npm and npx start whichever node comes first.
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
const directory = await mkdtemp(join(tmpdir(), 'holdfast-smoke-'));
const groups = new Set();
process.once('exit', () => {
  for (const pid of groups) killGroup(pid);
});

try {
  const port = await freePorts();
  const first = await start(port);
  ok(first.text().includes('eu-west') && first.text().includes('us-east'), `both regions are named:\n${first.text()}`);
  const reserve = readmesFirstRequest();
  const reserved = await ask(port, reserve);
  strictEqual(reserved.ok, true, JSON.stringify(reserved));
  const status = await run('npx', ['holdfast', 'status', '--port', `${port}`]);
  ok(status.includes('eu-west') && status.includes('us-east'), status);
  await first.stop();

  const second = await start(port);
  const { reservationId } = reserved;
  const found = await ask(port, { id: 2, op: 'getReservation', reservationId });
  strictEqual(found.state, 'RESERVED', JSON.stringify(found));
  strictEqual(found.qty, 1);
  deepStrictEqual(await ask(port, reserve), { ...reserved, replayed: true });
  await run('npx', ['holdfast', 'audit', '--port', `${port}`, '--data-dir', directory]);
  await second.stop();
  console.log(`smoke: passed on Node ${process.version}`);
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** The request that the README has its reader send first. */
function readmesFirstRequest() {
  const [, json] = /^curl .*\/v1\/requests -d '(\{.*\})'$/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  ok(json, 'the README shows a request with curl');
  return JSON.parse(json);
}

/** `npm start`; resolves when it says that it is ready. */
async function start(port) {
  const child = spawn('npm', ['start', '--', '--port', `${port}`, '--data-dir', directory], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that nothing of it is left when this script fails.
    detached: true,
  });
  groups.add(child.pid);
  let text = '';
  const exited = once(child, 'exit');
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        text += chunk;
        if (/^holdfast ready$/m.test(text)) resolve();
      });
    }
  });
  const early = exited.then(([code, signal]) => {
    throw new Error(`npm start ended (${code ?? signal}) before it was ready:\n${text}`);
  });
  early.catch(() => {});
  await within(READY_TIMEOUT_MS, Promise.race([ready, early]), () => `npm start is not ready:\n${text}`);
  console.log(text.trimEnd());
  return {
    text: () => text,
    async stop() {
      child.kill('SIGTERM');
      await within(STOP_TIMEOUT_MS, exited, () => `npm start does not stop on SIGTERM:\n${text}`);
      await within(STOP_TIMEOUT_MS, refused(port), () => `the grid outlives npm start:\n${text}`);
      groups.delete(child.pid);
      ok(text.includes('holdfast stopped'), `it stops cleanly:\n${text}`);
    },
  };
}

async function ask(port, request) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/requests`, {
    method: 'POST',
    body: JSON.stringify(request),
  });
  return response.json();
}

/** Runs a command in the checkout; resolves with what it printed, and rejects when it exits non-zero. */
async function run(command, args) {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const [code] = await once(child, 'close');
  console.log(`$ ${command} ${args.join(' ')}\n${text.trimEnd()}`);
  strictEqual(code, 0, `${command} ${args.join(' ')} exits with ${code}`);
  return text;
}

/** Resolves when nothing listens on the port any more. */
async function refused(port) {
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/healthz`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    } catch {
      return;
    }
  }
}

async function freePorts() {
  for (let tries = 0; tries < 50; tries++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    if (port + 80 < 65_536 && (await Promise.all(PORT_OFFSETS.map((offset) => isFree(port + offset)))).every(Boolean))
      return port;
  }
  throw new Error('no free ports');
}

function isFree(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function within(ms, promise, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
