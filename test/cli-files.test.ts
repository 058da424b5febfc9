// `holdfast files` against a real grid: orders from CSV and X12 are captured, once, and counts reconciled.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { csvOf, interchange850, PARTNER, set850, US } from '../orders/legacy/testing/orders.ts';
import { readInterchanges } from '../orders/legacy/x12/envelope.ts';
import { read846, write846 } from '../orders/legacy/x12/inventory-846.ts';
import { freePortPair, holdfast } from './support/cli.ts';
import { type RunningGrid, startGrid, temporaryDirectory } from './support/grid.ts';
import { connectWire } from './support/wire.ts';

let root: { path: string; remove: () => Promise<void> };
let grid: RunningGrid;
let args: string[];
let into: string;

beforeAll(async () => {
  root = await temporaryDirectory();
  const port = await freePortPair();
  grid = await startGrid(['start', '--port', String(port), '--data-dir', join(root.path, 'data')], port);
  into = join(root.path, 'in');
  await mkdir(into);
  const codes = join(root.path, 'codes.csv');
  await writeFile(codes, 'zip_code,latitude,longitude\n10007,40.71,-74.01\n');
  const folders = ['--in', into, '--out', join(root.path, 'out')];
  args = [
    'files',
    ...folders,
    '--port',
    String(port),
    '--region',
    'us-east',
    '--postal-codes',
    codes,
    '--once',
    '--settle-ms',
    '1',
  ];
});
afterAll(async () => {
  await grid?.end('SIGTERM');
  await root?.remove();
});

async function stateOf(orderId: string): Promise<unknown> {
  const client = await connectWire(grid.url);
  const { ok, code, order } = await client.call({ op: 'getOrder', region: 'us-east', orderId });
  client.close();
  return ok === true ? order : code;
}

test('given a file of CSV, then its orders are on the grid, and left again they count once', async () => {
  await writeFile(join(into, 'a.csv'), csvOf(['csv-1', 'csv-2']));
  const first = await holdfast(...args);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/done\/\S+-a\.csv: 2 orders captured, 0 were before, 0 refused/);
  expect(await stateOf('csv-1')).toMatchObject({ orderId: 'csv-1' });
  expect(await stateOf('csv-3')).toBe('NOT_FOUND');

  await writeFile(join(into, 'a.csv'), `${csvOf(['csv-1', 'csv-2', 'csv-3'])}csv-4,MUG,0,10007\n`);
  const second = await holdfast(...args, '--json');
  expect(second.code).toBe(1);
  expect(JSON.parse(second.stdout)).toMatchObject([{ outcome: 'failed', captured: 1, replayed: 2, refused: 1 }]);
  const errors = (await readdir(join(into, 'failed'))).find((name) => name.endsWith('.errors')) ?? '';
  expect(await readFile(join(into, 'failed', errors), 'utf8')).toMatch(/^8,qty,csv-4,/m);

  await writeFile(join(into, 'b.csv'), 'orderid\ncsv-5\n');
  const third = await holdfast(...args);
  expect(third.code).toBe(1);
  const named = third.stdout.match(/what to do: (\S+b\.csv\.errors)$/m)?.[1] ?? '';
  expect(await readFile(named, 'utf8')).toMatch(/Did you mean orderId/);
  expect(await holdfast(...args)).toMatchObject({ code: 0, stdout: expect.stringContaining(`no file in ${into}`) });
});

test('given X12, then orders are captured and acknowledged, and counts reconciled', async () => {
  await writeFile(join(into, 'a.x12'), interchange850([set850('edi-1')]));
  const count = [{ node: 'newark-dc', sku: 'TENT-TREK-2P', onHand: 123, availableToSell: 0 }];
  const sending = { sender: PARTNER, receiver: US, control: 8, at: Date.now(), test: false };
  await writeFile(join(into, 'b.846'), write846(count, sending));

  const { code, stdout } = await holdfast(...args, '--format', 'x12', '--partner', 'ZZ.PARTNER');

  expect(code).toBe(0);
  expect(stdout).toMatch(/a\.x12: 1 order captured/);
  expect(stdout).toMatch(/b\.846: 0 orders captured, 0 were before, 1 counts taken/);
  expect(await stateOf('edi-1')).toMatchObject({ orderId: 'edi-1' });
  expect((await readdir(join(root.path, 'out'))).filter((name) => name.startsWith('997'))).toHaveLength(2);
  const client = await connectWire(grid.url);
  const position = await client.call({ op: 'query', skus: ['TENT-TREK-2P'], regions: ['us-east'] });
  client.close();
  expect(JSON.stringify(position)).toMatch(/"onHand":123/);
});

test('given the grid, then its positions are written as 846, with what was counted; as CSV of one ship node; and a name that X12 cannot hold is refused', async () => {
  const out = join(root.path, 'positions');
  const asked = ['files', 'positions', '--port', args[args.indexOf('--port') + 1] as string, '--out', out];
  const x12 = await holdfast(...asked, '--format', 'x12', '--region', 'us-east');
  expect(x12).toMatchObject({ code: 0, stderr: '' });
  const [file = ''] = (await readdir(out)).filter((name) => !name.startsWith('.'));
  expect(file).toMatch(/^positions-us-east-\d{8}T\d{9}Z-1\.x12$/);
  const sets = readInterchanges(await readFile(join(out, file), 'utf8')).flatMap(({ groups }) =>
    groups.flatMap((group) => group.sets),
  );
  const now = Date.now();
  const read = sets.flatMap((set) => read846(set, { writtenAt: { date: '', time: '' }, now }).entries);
  expect(x12.stdout).toBe(`us-east: ${read.length} positions in 1 file\n`);
  expect(read).toContainEqual(expect.objectContaining({ node: 'newark-dc', sku: 'TENT-TREK-2P', onHand: 123 }));

  const csv = await holdfast(...asked, '--node', 'newark-dc', '--json');
  const { regions } = JSON.parse(csv.stdout);
  expect(regions).toEqual([
    { region: 'eu-west', positions: 0, files: 0 },
    { region: 'us-east', positions: expect.any(Number), files: 1 },
  ]);
  const table = (await readdir(out)).find((name) => name.endsWith('.csv')) ?? '';
  expect(await readFile(join(out, table), 'utf8')).toMatch(
    /^node,sku,onHand,availableToSell\n(newark-dc,\S+,\d+,\d+\n)+$/,
  );

  const client = await connectWire(grid.url);
  await client.call({
    op: 'adjust',
    sku: 'A*B',
    region: 'us-east',
    node: 'n',
    onHand: 1,
    reason: 'test',
    requestId: 'p-1',
  });
  client.close();
  expect(await holdfast(...asked, '--format', 'x12', '--region', 'us-east')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/us-east cannot be written as X12: .*A\*B.*\n.*--format csv/),
  });
});

test('given a folder to read from that is not there, or a file in its place, then it says so and ends with 2, and makes nothing', async () => {
  const mistyped = join(root.path, 'inn');
  const of = (folder: string) => args.map((one) => (one === into ? folder : one)).filter((one) => one !== '--once');

  expect(await holdfast(...of(mistyped))).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/inn: there is no such folder\nCheck the name, or make it: mkdir -p \S+inn\n/),
  });
  expect(await holdfast(...of(join(root.path, 'codes.csv')))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/codes\.csv is a file\n/),
  });
  expect(await holdfast('orders', '--role', 'files', ...of(mistyped).slice(1))).toMatchObject({ code: 2 });
  expect(await readdir(root.path)).not.toContain('inn');
});

test('given a file of CSV or of codes with semicolons, then it says that commas are expected', async () => {
  await writeFile(join(into, 'c.csv'), csvOf(['csv-6']).replaceAll(',', ';'));
  const orders = await holdfast(...args);
  const named = orders.stdout.match(/what to do: (\S+c\.csv\.errors)$/m)?.[1] ?? '';
  expect(await readFile(named, 'utf8')).toMatch(/^1,,,columns seem to be separated by semicolons,.*by commas/m);

  const codes = join(root.path, 'semicolons.csv');
  await writeFile(codes, 'zip_code;latitude;longitude\n10007;40.71;-74.01\n');
  expect(await holdfast(...args, '--postal-codes', codes)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/separated by semicolons\. Separate them by commas/),
  });
});

test('given no region, or a file of codes that is none, then it says what to give', async () => {
  const without = args.filter((one, n) => one !== '--region' && args[n - 1] !== '--region');
  expect(await holdfast(...without)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/one of eu-west, us-east/),
  });
  const bad = await holdfast(...args, '--postal-codes', join(root.path, 'none.csv'));
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringMatching(/none\.csv cannot be read/) });
});
