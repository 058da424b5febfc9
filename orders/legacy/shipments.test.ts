// Shipments and stock as files: once each, whole, with numbers that come once, also by several writers at a time.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeControlNumber } from './control-numbers.ts';
import { readPostalCodes } from './postal-codes.ts';
import type { ShipmentOut } from './shipment.ts';
import { type OutOptions, writePositions, writeShipments } from './shipments.ts';
import { AT } from './testing/orders.ts';
import { readInterchanges } from './x12/envelope.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'holdfast-out-'));
});
afterEach(() => rm(out, { recursive: true }));

const written = async (): Promise<string[]> => (await readdir(out)).filter((name) => !name.startsWith('.'));
const options = (changes: Partial<OutOptions> = {}): OutOptions => ({ out, format: 'csv', batchId: 'b-1', ...changes });

function shipment(changes: Partial<ShipmentOut> = {}): ShipmentOut {
  return {
    shipmentId: 's-1',
    orderId: 'A',
    carrier: 'acme, inc',
    service: 'ground',
    trackingId: 'T1',
    shippedAt: AT,
    grams: 100,
    node: 'newark-dc',
    destination: { postalCode: '10007' },
    lines: [
      { lineId: '1', sku: 'MUG', qty: 2 },
      { lineId: '2', sku: 'CUP', qty: 1 },
    ],
    ...changes,
  };
}

test('given a batch, then a row for each line, and the same batch is not written again after it was taken away', async () => {
  await writeShipments(options(), [shipment()]);
  expect(await written()).toEqual(['shipments-b-1.csv']);
  const rows = parse(await readFile(join(out, 'shipments-b-1.csv')), { columns: true }) as Record<string, string>[];
  expect(rows).toMatchObject([
    { orderId: 'A', carrier: 'acme, inc', sku: 'MUG', qty: '2', shippedAt: '2026-11-24T12:00:00.000Z' },
    { orderId: 'A', sku: 'CUP', qty: '1' },
  ]);
  await rm(join(out, 'shipments-b-1.csv'));
  await writeShipments(options(), [shipment()]);
  expect(await written()).toEqual([]);
});

test('given batches of X12, then each interchange has a number of its own', async () => {
  for (const batchId of ['b-1', 'b-2']) await writeShipments(options({ format: 'x12', batchId }), [shipment()]);
  await writePositions(options({ format: 'x12', batchId: 'p-1' }), [
    { node: 'n', sku: 'MUG', onHand: 3, availableToSell: 2 },
  ]);
  const controls = await Promise.all(
    (await written()).map(async (name) => readInterchanges(await readFile(join(out, name), 'utf8'))[0]?.control),
  );
  expect(controls.sort()).toEqual(['000000001', '000000002', '000000003']);
});

test('given several that take numbers at once, then no number is had by two, and few are kept', async () => {
  const numbers = await Promise.all(Array.from({ length: 50 }, () => takeControlNumber(out)));
  expect(new Set(numbers).size).toBe(50);
});

test('given an id that X12 cannot hold, then nothing is written, and nothing noted', async () => {
  const x12 = options({ format: 'x12' });
  await expect(writeShipments(x12, [shipment({ trackingId: 'T~1' })])).rejects.toThrow(/REF02 cannot hold/);
  expect(await written()).toEqual([]);
  await writeShipments(x12, [shipment()]);
  expect(await written()).toEqual(['shipments-b-1.x12']);
});

test.each([[[]], [Array.from({ length: 10_001 }, () => shipment())]])(
  'given none or too many, then it is refused',
  async (shipments) => {
    await expect(writeShipments(options(), shipments)).rejects.toThrow(RangeError);
    await expect(writeShipments(options({ batchId: '../x' }), [shipment()])).rejects.toThrow(RangeError);
  },
);

test('given a file of postal codes, then it says where they are, and of another country nothing', async () => {
  const path = join(out, 'codes.csv');
  await writeFile(path, 'zip_code,latitude,longitude,city\n00501,40.92,-72.64,Holtsville\n');
  const locate = await readPostalCodes(path);
  expect(locate('00501-1234', '')).toEqual({ latitude: 40.92, longitude: -72.64 });
  expect(locate('00501', 'US')).toEqual(locate('00501', ''));
  expect(locate('00501', 'DE')).toBeUndefined();
  await writeFile(path, 'zip_code,latitude,longitude\n00501,,\n');
  await expect(readPostalCodes(path)).rejects.toThrow(/row 2/);
  await expect(readPostalCodes(join(out, 'none.csv'))).rejects.toThrow(/ENOENT/);
});
