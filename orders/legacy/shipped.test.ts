// Ship notices from what orders show of themselves.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OrderDetail } from '../order/view.ts';
import { tellShipped } from './shipped.ts';
import { AT } from './testing/orders.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'holdfast-shipped-'));
});
afterEach(() => rm(out, { recursive: true }));

function detail(changes: object = {}): OrderDetail {
  const line = { lineId: '1', sku: 'MUG', qty: 2, grams: 400 };
  const one = {
    packageId: 'p1',
    node: 'newark-dc',
    carrier: 'acme',
    service: 'ground',
    trackingId: 'T1',
    shippedAt: AT,
    lines: [
      { lineId: '1', sku: 'MUG', qty: 2 },
      { lineId: '2', sku: 'CUP', qty: 0 },
    ],
    ...changes,
  };
  // What the notice looks at; the rest of an order is not its business.
  return {
    lines: [line],
    packages: [one],
    destination: { postalCode: '10007', recipient: 'Ada' },
  } as unknown as OrderDetail;
}

const written = async (): Promise<string[]> => (await readdir(out)).filter((name) => !name.startsWith('.'));
const tell = (about: string, found: OrderDetail | undefined, packageId = 'p1', region = 'us-east', attributes = {}) =>
  tellShipped(
    { out, format: 'x12', orderOf: async () => found && { detail: found, attributes } },
    { region, orderId: 'o/1', about, packageId },
  );

test('given a package that left, then a ship notice of what is in it is written, once', async () => {
  await tell('shipped', detail());
  await tell('shipped', detail());
  const [name = ''] = await written();
  expect(await written()).toHaveLength(1);
  expect(name).toMatch(/^shipments-us-east-o-1-p1-[0-9a-f]{12}\.x12$/);
  const text = await readFile(join(out, name), 'utf8');
  expect(text).toContain('BSN*00*us-east/o/1/p1*');
  expect(text).toContain('TD1*CTN25*1****G*800*GR~');
  expect(text).toContain('LIN*1*SK*MUG~');
  expect(text).not.toContain('CUP');
});

test('given a package that its ship node weighed, then its ship notice has that weight', async () => {
  await tell('shipped', detail({ grams: 910 }));
  const [name = ''] = await written();
  expect(await readFile(join(out, name), 'utf8')).toContain('TD1*CTN25*1****G*910*GR~');
});

test('given an order that its buyer calls otherwise, then the ship notice names purchase order and release as the buyer does', async () => {
  await tell('shipped', detail(), 'p1', 'us-east', { purchaseOrder: '4711', release: '2' });
  const [name = ''] = await written();
  expect(await readFile(join(out, name), 'utf8')).toContain('PRF*4711*2~');
});

test('given orders of one orderId in two regions, then each of their packages has a ship notice of its own', async () => {
  await tell('shipped', detail());
  await tell('shipped', detail({ trackingId: 'T2' }), 'p1', 'eu-west');
  const texts = await Promise.all((await written()).sort().map((name) => readFile(join(out, name), 'utf8')));
  expect(texts.map((text) => [/BSN\*00\*([^*]+)/.exec(text)?.[1], /REF\*CN\*(\w+)/.exec(text)?.[1]])).toEqual([
    ['eu-west/o/1/p1', 'T2'],
    ['us-east/o/1/p1', 'T1'],
  ]);
});

test.each<[string, string, OrderDetail | undefined]>([
  ['another notice', 'delivered', detail()],
  ['an order that nobody knows', 'shipped', undefined],
  ['a package that has not left', 'shipped', detail({ shippedAt: undefined })],
  ['one without a parcel', 'shipped', detail({ trackingId: undefined })],
  ['one with nothing in it', 'shipped', detail({ lines: [] })],
  ['one of another name', 'shipped', detail({ packageId: 'p2' })],
])('given %s, then nothing is written', async (_, about, found) => {
  await tell(about, found);
  expect(await written()).toEqual([]);
});
