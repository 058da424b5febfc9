// Shipments and stock out, as files: one for each batch, the same again if it is written again, whole when it can be seen.
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../shared/make-directory.ts';
import { takeControlNumber } from './control-numbers.ts';
import { unless, writeDurably } from './durable.ts';
import type { Format } from './items.ts';
import { BATCHES_REMEMBERED, RECORDS_OUT_MAX } from './limits.ts';
import type { ShipmentOut } from './shipment.ts';
import type { Party } from './x12/envelope.ts';
import { type PositionAdvice, write846 } from './x12/inventory-846.ts';
import { write856 } from './x12/ship-notice-856.ts';

export interface OutOptions {
  readonly out: string;
  readonly format: Format;
  /** Yours, unique: letters, digits, dots, dashes and underscores. The file is named by it. */
  readonly batchId: string;
  /** Of X12. */
  readonly sender?: Party;
  readonly receiver?: Party;
  readonly test?: boolean;
}

const SHIPMENT_COLUMNS = [
  'shipmentId',
  'orderId',
  'carrier',
  'service',
  'trackingId',
  'shippedAt',
  'node',
  'lineId',
  'sku',
  'qty',
];

/**
 * Writes a batch, once: one that was written is left alone, also after whoever reads it took the file away. After a crash in between it
 * may be written again, with the same name and the same numbers.
 * @throws Unwritable where an id cannot be said in X12
 */
export function writeShipments(options: OutOptions, shipments: readonly ShipmentOut[]): Promise<void> {
  return writeBatch(options, 'shipments', shipments.length, (control, at) => {
    if (options.format === 'x12') return write856(shipments, sendingOf(options, control, at));
    const rows = shipments.flatMap((one) =>
      one.lines.map(({ lineId, sku, qty }) => {
        const { shipmentId, orderId, carrier, service, trackingId, shippedAt, node } = one;
        const when = new Date(shippedAt).toISOString();
        return [shipmentId, orderId, carrier, service, trackingId, when, node, lineId, sku, String(qty)];
      }),
    );
    return csvOf([SHIPMENT_COLUMNS, ...rows]);
  });
}

/** What can be sold where, for systems that ask for files. As of writeShipments. */
export function writePositions(options: OutOptions, positions: readonly PositionAdvice[]): Promise<void> {
  return writeBatch(options, 'positions', positions.length, (control, at) => {
    if (options.format === 'x12') return write846(positions, sendingOf(options, control, at));
    const rows = positions.map(({ node, sku, onHand, availableToSell }) => [
      node,
      sku,
      String(onHand),
      String(availableToSell),
    ]);
    return csvOf([['node', 'sku', 'onHand', 'availableToSell'], ...rows]);
  });
}

function sendingOf({ sender, receiver, test }: OutOptions, control: number, at: number) {
  const party = { qualifier: 'ZZ', id: 'HOLDFAST' };
  return { sender: sender ?? party, receiver: receiver ?? party, control, at, test: test ?? false };
}

async function writeBatch(
  options: OutOptions,
  kind: string,
  records: number,
  text: (control: number, at: number) => string,
): Promise<void> {
  const { out, batchId, format } = options;
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(batchId))
    throw new RangeError(`a batch cannot be called ${JSON.stringify(batchId)}`);
  if (records === 0 || records > RECORDS_OUT_MAX)
    throw new RangeError(`a file has 1 to ${RECORDS_OUT_MAX} records, not ${records}`);
  const ledger = join(out, '.written');
  await makeDirectory(ledger);
  const name = `${kind}-${batchId}.${format}`;
  const noted = await unless(['ENOENT'], readFile(join(ledger, name), 'utf8'));
  const { control, at, written } =
    noted === undefined
      ? { control: format === 'x12' ? await takeControlNumber(out) : 0, at: Date.now(), written: false }
      : (JSON.parse(noted) as { control: number; at: number; written: boolean });
  if (written) return;
  const content = text(control, at);
  if (noted === undefined) await writeDurably(join(ledger, name), JSON.stringify({ control, at, written }));
  await writeDurably(join(out, name), content);
  await writeDurably(join(ledger, name), JSON.stringify({ control, at, written: true }));
  await forget(ledger);
}

/** The oldest notes, once there are twice as many as are kept. */
async function forget(ledger: string): Promise<void> {
  const names = await readdir(ledger);
  if (names.length < 2 * BATCHES_REMEMBERED) return;
  const ages = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(ledger, name))).mtimeMs })));
  ages.sort((a, b) => a.at - b.at);
  for (const { name } of ages.slice(0, -BATCHES_REMEMBERED)) await rm(join(ledger, name), { force: true });
}

function csvOf(rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => `${row.map(cell).join(',')}\n`).join('');
}
