// What one line of the UCI Online Retail file means to a warehouse. Pure: a line in, a deed out. Rules:
//
//   the code is no stock (postage, fees, discounts, samples, vouchers…)  → skipped, counted as 'nonStock'
//   quantity 0, or a line that cannot be read                            → skipped, counted as 'unreadable'
//   a date that dates.ts does not read                                   → skipped, counted as 'undated', and named
//   an invoice that begins with C (a cancellation), any quantity         → return: |quantity| units come back
//   another invoice with a negative quantity (price 0: the file's own stock corrections: lost, damaged, thrown
//   away)                                                                → writeOff: |quantity| units are gone
//   everything else                                                      → order: reserve, commit, ship
//
// A SKU is the stock code without surrounding space, in upper case (the file writes 85123A and 85123a for one
// product), with inner spaces as underscores.
import { QTY_MAX, SKU_LENGTH_MAX } from '../../../protocol/index.ts';
import { isName } from '../../../protocol/names.ts';
import { REGION_OF_COUNTRY, REGION_OF_OTHERS, type RegionGroup } from './countries.ts';
import { instantOf } from './dates.ts';

/** One line as read: the cells by name, and its number in the file (the header is line 1). */
export interface RawLine {
  readonly line: number;
  readonly InvoiceNo: string;
  readonly StockCode: string;
  readonly Quantity: string;
  readonly InvoiceDate: string;
  readonly CustomerID: string;
  readonly Country: string;
}

export type DeedKind = 'order' | 'return' | 'writeOff';

export interface Deed {
  readonly line: number;
  readonly kind: DeedKind;
  readonly sku: string;
  readonly region: RegionGroup;
  /** Units, at least 1. */
  readonly qty: number;
  readonly invoice: string;
  readonly customer: string | undefined;
  /** Milliseconds since the epoch, the file's local time read as UTC. */
  readonly at: number;
}

export type Skipped = 'nonStock' | 'unreadable' | 'undated';

/** Stock codes, normalised, that stand for no goods; gift vouchers (GIFT_…) besides. */
export const NON_STOCK: ReadonlySet<string> = new Set([
  'POST', // postage
  'DOT', // postage of the web shop
  'C2', // carriage
  'M', // manual correction of an invoice
  'D', // discount
  'S', // samples
  'B', // bad debt
  'BANK_CHARGES',
  'AMAZONFEE',
  'CRUK', // a charity's commission
]);
export const VOUCHER_PREFIX = 'GIFT_';

export function deedOf(raw: RawLine): Deed | Skipped {
  const sku = normaliseSku(raw.StockCode);
  if (NON_STOCK.has(sku) || sku.startsWith(VOUCHER_PREFIX)) return 'nonStock';
  const quantity = /^[+-]?\d{1,10}$/.test(raw.Quantity.trim()) ? Number(raw.Quantity) : 0;
  const qty = Math.abs(quantity);
  if (qty < 1 || qty > QTY_MAX || !isName(sku, SKU_LENGTH_MAX)) return 'unreadable';
  const at = instantOf(raw.InvoiceDate);
  if (at === undefined) return 'undated';
  return {
    line: raw.line,
    kind: raw.InvoiceNo.startsWith('C') ? 'return' : quantity < 0 ? 'writeOff' : 'order',
    sku,
    region: REGION_OF_COUNTRY[raw.Country.trim()] ?? REGION_OF_OTHERS,
    qty,
    invoice: raw.InvoiceNo,
    customer: raw.CustomerID === '' ? undefined : raw.CustomerID,
    at,
  };
}

export function normaliseSku(code: string): string {
  return code.trim().toUpperCase().replaceAll(/\s+/g, '_');
}
