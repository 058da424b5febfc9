// The example files about orders are read as they are given in the docs.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readCsvOrders } from '../../../orders/legacy/csv.ts';
import { readX12 } from '../../../orders/legacy/items.ts';
import { readOrdersFile, readProfileFile, readRulesFile } from './files.ts';

const locate = () => ({ latitude: 40.7, longitude: -74 });

test('given orders as CSV and as an 850, then each is an order', async () => {
  const entries = [];
  for await (const entry of readCsvOrders('examples/files/orders.csv', locate)) entries.push(entry);
  expect(entries).toMatchObject([
    { orderId: 'csv-1', order: {} },
    { orderId: 'csv-2', order: {} },
  ]);
  const items = [];
  for await (const item of readX12(await readFile('examples/files/orders-850.x12', 'utf8'), locate).items())
    items.push(item);
  expect(items).toMatchObject([{ order: { orderId: 'x12-1' } }]);
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
