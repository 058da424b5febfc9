// What the grid must hold after a replay, worked out from the raw file again by the plainest code there is: one loop,
// one number per position, no shared parser and no shared rules beyond the two tables of data (countries, codes that
// are no stock) and what a date is. A replay is believed when this agrees with it.
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { REGION_OF_COUNTRY, REGION_OF_OTHERS } from './countries.ts';
import { instantOf } from './dates.ts';
import { NON_STOCK, VOUCHER_PREFIX } from './lines.ts';

export interface ExpectedPosition {
  onHand: number;
  shipped: number;
  returned: number;
  writtenOff: number;
  stockOuts: number;
}

/** By `sku region`; `loaded` says how many units each began with. */
export async function recompute(
  file: string,
  loaded: ReadonlyMap<string, number>,
): Promise<Map<string, ExpectedPosition>> {
  const bytes = await readFile(file);
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  const lines = text.split(/\r?\n/);
  const header = split(lines[0] ?? '');
  const invoiceAt = header.indexOf('InvoiceNo');
  const codeAt = header.indexOf('StockCode');
  const quantityAt = header.indexOf('Quantity');
  const dateAt = header.indexOf('InvoiceDate');
  const countryAt = header.indexOf('Country');
  const positions = new Map<string, ExpectedPosition>();
  for (const [key, onHand] of loaded) {
    positions.set(key, { onHand, shipped: 0, returned: 0, writtenOff: 0, stockOuts: 0 });
  }
  for (let i = 1; i < lines.length; i++) {
    const cells = split(lines[i] ?? '');
    const sku = (cells[codeAt] ?? '').trim().toUpperCase().split(/\s+/).join('_');
    const quantity = Number.parseInt(cells[quantityAt] ?? '', 10);
    if (NON_STOCK.has(sku) || sku.startsWith(VOUCHER_PREFIX)) continue;
    if (sku === '' || sku.length > 64 || !/^[\x21-\x7e]*$/.test(sku)) continue;
    if (!(Math.abs(quantity) >= 1 && Math.abs(quantity) < 2 ** 31)) continue;
    if (instantOf(cells[dateAt] ?? '') === undefined) continue;
    const region = REGION_OF_COUNTRY[(cells[countryAt] ?? '').trim()] ?? REGION_OF_OTHERS;
    const position = positions.get(`${sku} ${region}`);
    if (position === undefined) throw new Error(`line ${i + 1}: ${sku} in ${region} was never loaded`);
    const units = Math.abs(quantity);
    if ((cells[invoiceAt] ?? '').startsWith('C')) {
      position.onHand += units;
      position.returned += units;
    } else if (units > position.onHand) {
      // Neither an order nor a write-off can take what is not there.
      if (quantity > 0) position.stockOuts += 1;
    } else {
      position.onHand -= units;
      if (quantity > 0) position.shipped += units;
      else position.writtenOff += units;
    }
  }
  return positions;
}

function split(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
  return cells.map((cell) =>
    cell
      .replace(/,$/, '')
      .replace(/^"([\s\S]*)"$/, '$1')
      .replaceAll('""', '"'),
  );
}
