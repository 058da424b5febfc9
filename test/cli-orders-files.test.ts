// `holdfast orders` with the world outside connected: an order comes from a file, is booked with a carrier over HTTP that tells by
// webhooks, and a file says that it was shipped.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePortPair } from './support/cli.ts';
import { CLI, freePort, type RunningGrid, startGrid, temporaryDirectory } from './support/grid.ts';

const SPEED = '20000';
const OTHER = `whsec_${Buffer.from('that of another carrier').toString('base64')}`;
const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;

let root: { path: string; remove: () => Promise<void> };
let grid: RunningGrid;
const children: ChildProcess[] = [];

beforeAll(async () => {
  root = await temporaryDirectory();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await grid?.end('SIGTERM');
  await root?.remove();
});

/** Resolves once it has printed a line; the rest is kept. */
async function start(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`holdfast ${args[0]} ended: ${output}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child.stdout, 'data'), ended]);
  return { child, output: () => output };
}

test('given an order in a file, then a file says that it was shipped, and the processes end on SIGTERM', async () => {
  const port = await freePortPair();
  const [carrierPort, webhookPort] = [await freePort(), await freePort()];
  grid = await startGrid(['start', '--port', String(port), '--data-dir', join(root.path, 'data')], port);
  const [into, out] = [join(root.path, 'in'), join(root.path, 'out')];
  await mkdir(into);
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(root.path, name), content);
    return join(root.path, name);
  };
  const quantiles = [
    [0.1, 0.5],
    [0.9, 1],
  ];
  const services = ['ground', 'air'].map((service) => ({
    service,
    base: 500,
    transit: [{ untilKm: 20_000, quantiles }],
  }));
  const profile = await file(
    'profile.json',
    JSON.stringify({ carrier: 'overland', services, disruptions: { outagesPerWeek: 0 } }),
  );
  const webhook = `http://127.0.0.1:${webhookPort}/webhooks/overland`;
  // The same for both, so that their times agree.
  const time = ['--speed', SPEED, '--epoch', String(Date.now())];
  const sim = await start(
    ['carrier-sim', '--port', String(carrierPort), '--profile', profile, ...time, '--webhook', webhook],
    { HOLDFAST_WEBHOOK_SECRET: SECRET },
  );
  const url = `http://127.0.0.1:${carrierPort}`;
  const carriers = await file(
    'carriers.json',
    JSON.stringify({
      webhooks: { port: webhookPort },
      carriers: [{ carrier: 'overland', url, secretsFile: await file('secrets', OTHER) }],
    }),
  );
  const codes = await file('codes.csv', 'zip_code,latitude,longitude\n20001,38.91,-77.04\n');
  const files = ['--in', into, '--out', out, '--region', 'us-east', '--postal-codes', codes, '--settle-ms', '1'];
  const roles = ['source', 'fulfil', 'exceptions', 'files'].flatMap((role) => ['--role', role]);
  const rules = ['--rules', 'examples/sourcing/rules.json', '--carriers', carriers];
  const orders = await start(['orders', '--port', String(port), ...roles, ...rules, ...files, ...time], {});
  await file('secrets', SECRET);
  orders.child.kill('SIGHUP');

  await writeFile(
    join(into, 'a.csv'),
    'orderId,sku,qty,grams,postalCode\nfrom-a-file,MUG-STONEWARE-BLUE,2,420,20001\n',
  );

  const shipped = async (): Promise<string | undefined> =>
    (await readdir(out).catch((): string[] => [])).find((name) => /^shipments-.+-from-a-file-p1-/.test(name));
  const deadline = performance.now() + 90_000;
  while ((await shipped()) === undefined) {
    if (orders.child.exitCode !== null) throw new Error(`it ended: ${orders.output()}`);
    if (performance.now() > deadline) throw new Error(`nothing was shipped: ${orders.output()}`);
    await setTimeout(50);
  }
  const [, row = ''] = (await readFile(join(out, (await shipped()) ?? ''), 'utf8')).split('\n');
  expect(row).toMatch(
    /^us-east\/from-a-file\/[^,]+,from-a-file,overland,(ground|air),OVE[0-9a-z]+,20\d\d-\S+,\S+-(dc|store),1,MUG-STONEWARE-BLUE,2$/,
  );
  expect(orders.output()).toMatch(/secrets: a secret is used from now on/);
  for (const { child } of [orders, sim]) {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await gone).toEqual([0, null]);
  }
});
