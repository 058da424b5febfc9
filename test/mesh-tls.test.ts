// Workers of one region on TCP with TLS, as docs/cluster.md says to set them up, and what `serve` refuses of it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FSYNC_SETTINGS, startRedis } from '../node/journal/testing/redis.ts';
import { connect } from '../protocol/client/index.ts';
import { holdfast } from './support/cli.ts';
import { freePort, type RunningGrid, startGrid } from './support/grid.ts';

/** Where the documented commands were run. */
let directory = '';
const file = (name: string): string => join(directory, name);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
  const page = readFileSync(new URL('../docs/cluster.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/^```\n([^`]*)^```$/gm)].map(([, text]) => text as string);
  const commands = blocks.filter((text) => text.startsWith('openssl'));
  expect(commands).toHaveLength(2);
  for (const text of commands) execFileSync('sh', ['-ec', text], { cwd: directory, stdio: 'ignore' });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const tlsOf = (id: string): string[] => [
  ...['--mesh-tls-cert', file(`${id}.pem`)],
  ...['--mesh-tls-key', file(`${id}.key`)],
  ...['--mesh-tls-ca', file('mesh-ca.pem')],
];

async function start(id: string, store: string, tls: readonly string[]): Promise<RunningGrid> {
  const [port, meshPort] = [await freePort(), await freePort()];
  const at = ['--id', id, '--port', String(port), '--store', store, '--mesh', `tcp:127.0.0.1:${meshPort}`];
  const grid = await startGrid(['serve', ...at, ...tls], port);
  cleanUps.push(() => grid.end('SIGTERM'));
  return grid;
}

describe('workers on TCP with TLS', () => {
  it('given certificates as the docs make them, then each worker passes requests on to the other', async () => {
    process.env.HOLDFAST_MESH_SECRET = 'the same for both';
    cleanUps.push(async () => delete process.env.HOLDFAST_MESH_SECRET);
    const redis = await startRedis(FSYNC_SETTINGS);
    cleanUps.push(() => redis.stop());
    const w1 = await start('w1', redis.url, tlsOf('w1'));
    const w2 = await start('w2', redis.url, tlsOf('w2'));

    const skus = Array.from({ length: 32 }, (_, n) => `sku-${n}`);
    for (const { url } of [w1, w2]) {
      const client = await connect({ url });
      for (const sku of skus) await client.adjust({ sku, node: 'n1', delta: 1, reason: 'test' });
      await client.close();
    }
    const client = await connect({ url: w1.url });
    for (const sku of skus) expect((await client.get({ sku })).onHand).toBe(2);
    await client.close();
    const status = (await (await fetch(`http://127.0.0.1:${w1.port}/v1/status`)).json()) as {
      region: { workers: { id: string; mesh?: string }[]; silent: string[] };
    };
    expect(status.region.workers.map(({ id }) => id).sort()).toEqual(['w1', 'w2']);
    expect(w1.output() + w2.output()).not.toMatch(/refused/);
  });

  it('given a worker without TLS in such a region, then it is refused and both logs say why', async () => {
    process.env.HOLDFAST_MESH_SECRET = 'the same for both';
    cleanUps.push(async () => delete process.env.HOLDFAST_MESH_SECRET);
    const redis = await startRedis(FSYNC_SETTINGS);
    cleanUps.push(() => redis.stop());
    const w1 = await start('w1', redis.url, tlsOf('w1'));
    const plain = await start('w2', redis.url, []);
    for (const end = performance.now() + 20_000; performance.now() < end; ) {
      if (/speaks no TLS/.test(w1.output()) && /TLS/.test(plain.output())) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(w1.output()).toMatch(/it speaks no TLS, and this worker does/);
    expect(plain.output()).toMatch(/if it speaks TLS, this worker must too|it speaks TLS, and this worker does not/);

    const ready = await fetch(`http://127.0.0.1:${plain.port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('reaches no other worker');
    const { code, stdout } = await holdfast('status', '--url', String(plain.port));
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringMatching(/128 of 128 .*served by nobody/) });
    expect((await holdfast('status', '--url', String(w1.port))).stdout).toContain('w2 is a member and does not answer');
  });
});

describe('serve refuses', () => {
  const serve = (...args: string[]) => holdfast('serve', '--port', '0', '--store', 'memory:', ...args);
  const tcp = ['--mesh', 'tcp:127.0.0.1:0'];
  beforeEach(() => {
    process.env.HOLDFAST_MESH_SECRET = 'the same for all';
    cleanUps.push(async () => delete process.env.HOLDFAST_MESH_SECRET);
  });

  it('given TCP and no secret, then it says which variable to set', async () => {
    delete process.env.HOLDFAST_MESH_SECRET;
    const { code, stderr } = await serve(...tcp);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/a secret in HOLDFAST_MESH_SECRET/),
    });
  });

  it.each<{ what: string; args: () => string[]; says: RegExp }>([
    {
      what: 'a certificate without its key',
      args: () => [...tcp, ...tlsOf('w1').slice(0, 2)],
      says: /--mesh-tls-key and --mesh-tls-ca missing.*\n.*together/,
    },
    {
      what: 'TLS on a Unix socket',
      args: () => ['--mesh', `unix:${file('m.sock')}`, ...tlsOf('w1')],
      says: /is for TCP.*stays on the host.*\n.*--mesh tcp:/,
    },
    { what: 'TLS without a mesh address', args: () => tlsOf('w1'), says: /is for TCP.*a Unix socket.*\n.*--mesh tcp:/ },
    {
      what: 'TLS for several workers',
      args: () => ['--workers', '2', ...tcp, ...tlsOf('w1')],
      says: /--workers starts several/,
    },
    {
      what: 'a file that is missing',
      args: () => [...tcp, ...tlsOf('nobody')],
      says: /cannot read --mesh-tls-cert .*nobody\.pem.*\n.*no such file/i,
    },
    {
      what: 'a directory',
      args: () => [...tcp, ...tlsOf('w1'), '--mesh-tls-key', directory],
      says: /cannot read --mesh-tls-key .*EISDIR.*\n.*name the file/,
    },
    {
      what: 'a key of another certificate',
      args: () => [...tcp, ...tlsOf('w1'), '--mesh-tls-key', file('w2.key')],
      says: /--mesh-tls-key .*w2\.key is not the key of the certificate.*\n.*made with/,
    },
    {
      what: 'a file that is no certificate',
      args: () => [...tcp, ...tlsOf('w1'), '--mesh-tls-cert', file('w1.csr')],
      says: /--mesh-tls-cert .* holds no certificate.*\n.*PEM/,
    },
    {
      what: 'another authority',
      args: () => [...tcp, ...tlsOf('w1'), '--mesh-tls-ca', file('w2.pem')],
      says: /was not signed by the authority/,
    },
  ])('$what, and says what to do', async ({ args, says }) => {
    const { code, stderr } = await serve(...args());
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
