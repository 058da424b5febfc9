// The example files about orders are read as they are given in the docs.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { readCsvOrders } from '../../../orders/legacy/csv.ts';
import { readX12 } from '../../../orders/legacy/items.ts';
import { runCli } from '../program.ts';
import { readOrdersFile, readProfileFile, readRulesFile } from './files.ts';

const locate = () => ({ latitude: 40.7, longitude: -74 });
const now = Date.parse('2026-12-01T00:00:00Z');
const terms = { locate, partners: ['ZZ.PARTNER'], takesTests: false, now };

test('given orders as CSV and as an 850, and counts as an 846, then each can be read', async () => {
  const entries = [];
  for await (const entry of readCsvOrders('examples/files/orders.csv', locate)) entries.push(entry);
  expect(entries).toMatchObject([
    { orderId: 'csv-1', order: {} },
    { orderId: 'csv-2', order: {} },
  ]);
  const items = [];
  for await (const item of readX12(await readFile('examples/files/orders-850.x12', 'utf8'), terms).items())
    items.push(item);
  expect(items).toMatchObject([{ order: { orderId: 'x12-1' } }]);
  const counts = [];
  for await (const item of readX12(await readFile('examples/files/counts-846.x12', 'utf8'), terms).items())
    counts.push(item);
  expect(counts).toMatchObject([{ advice: { node: 'newark-dc' } }, { advice: { node: 'newark-dc' } }]);
});

test('given the rules, then the carrier to be tried has all of their services, and the next rules differ', async () => {
  const rules = await readRulesFile('examples/sourcing/rules.json');
  const { carrier, services } = await readProfileFile('examples/carriers/overland.json');
  expect(rules.services.map((one) => [one.carrier, one.service])).toEqual(
    services.map(({ service }) => [carrier, service]),
  );
  const { carriers } = JSON.parse(await readFile('examples/carriers/carriers.json', 'utf8'));
  expect(carriers).toMatchObject([{ carrier }]);
  expect((await readRulesFile('examples/sourcing/next-rules.json')).version).not.toBe(rules.version);
  expect(await readOrdersFile('examples/sourcing/order.json')).toHaveLength(1);
});

/** Files that a help text itself says how to come by. */
const EXPLAINED = new Set([
  'stock.csv',
  'candidate.yaml',
  'online_retail.csv.gz',
  'uci-online-retail/online_retail.csv.gz',
  'geo/us_zipcodes.csv',
]);

const HELPED = [
  ...['start', 'import', 'export', 'replay', 'source', 'carrier-sim', 'files', 'capture', 'orders'].map((name) => [
    name,
  ]),
  ...['check', 'replay', 'report'].map((name) => ['policy', name]),
];

test.each(HELPED.map((names) => ({ names })))(
  'given the help of $names, then each file that it names is there, or it says where it comes from',
  async ({ names }) => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await runCli([...names, '--help'])).toBe(0);
    const text = write.mock.calls.join('');
    write.mockRestore();
    const named = text.match(/[\w./-]+\.(?:json|jsonl|ya?ml|csv(?:\.gz)?|x12)\b/g) ?? [];
    for (const file of named) if (!EXPLAINED.has(file)) expect.soft(existsSync(file), file).toBe(true);
    expect(text).toMatch(/^Usage: holdfast/);
  },
);

test('given another kind of file to capture, then it is named by what it is, and nothing is asked of the grid', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await runCli(['capture', 'examples/sourcing/rules.json', '--region', 'eu-west'])).toBe(2);
  expect(write.mock.calls.join('')).toMatch(/rules\.json is a file of sourcing rules.*here belongs an order/s);
  write.mockRestore();
});

test('given a command below another that lacks what it needs, then the exit code says so as everywhere', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await runCli(['policy', 'check'])).toBe(2);
  expect(write.mock.calls.join('')).toMatch(/missing required argument 'file'.*\(add --help/s);
  write.mockRestore();
});
