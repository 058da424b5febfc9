// The data that the evaluation of sourcing is made from, as they are in the folder given: orders of a retailer, postal codes, hubs,
// carrier services. Nothing is made up here.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { readCalibration } from '../../carriers/simulated/calibration.ts';
import type { SimulatedService } from '../../carriers/simulated/profile.ts';
import { InputRefused } from '../program.ts';

export interface RetailLine {
  readonly sku: string;
  readonly qty: number;
  /** Of one unit, minor units of the data's currency. */
  readonly price: number;
}

export interface RetailOrder {
  readonly invoice: string;
  /** ms since the epoch, as if the data's clock were UTC. */
  readonly at: number;
  readonly customer: string;
  readonly lines: readonly RetailLine[];
}

export interface Place {
  readonly postalCode: string;
  readonly state: string;
  readonly latitude: number;
  readonly longitude: number;
}

export interface Hub extends Place {
  readonly name: string;
}

export interface EvaluationInput {
  readonly orders: readonly RetailOrder[];
  readonly places: readonly Place[];
  readonly hubs: readonly Hub[];
  readonly services: readonly SimulatedService[];
}

/** What has to be in the folder. */
export const SOURCING_DATA = ['uci-online-retail', 'geo', 'carrier-calibration'] as const;

/** Lines of more units are one-off bulk sales and mistakes that were cancelled later. */
const LINE_UNITS_MAX = 96;
/** Invoices of more lines are a day's till, not an order. */
const ORDER_LINES_MAX = 100;
/** Products have a code of five digits, some with a letter or two; others are postage, fees and corrections. */
const PRODUCT = /^\d{5}[A-Za-z]{0,2}$/;
/** Not reached over land by the hubs and services of the data. */
const ELSEWHERE = new Set(['AK', 'HI', 'PR', 'VI', 'GU', 'AS', 'MP', 'AE', 'AP', 'AA', '']);

const retail = z.object({
  InvoiceNo: z.string(),
  StockCode: z.string(),
  Quantity: z.coerce.number(),
  InvoiceDate: z.string(),
  UnitPrice: z.coerce.number(),
  CustomerID: z.string(),
});
const place = z.object({
  zip_code: z.string(),
  latitude: z.coerce.number(),
  longitude: z.coerce.number(),
  state: z.string(),
});
const hub = z.object({
  city_name: z.string(),
  state: z.string(),
  zip3: z.string(),
  hub_lat: z.coerce.number(),
  hub_lon: z.coerce.number(),
});

/** @throws InputRefused naming the file that cannot be read */
export async function readInput(directory: string): Promise<EvaluationInput> {
  const rows = async <T>(file: string, schema: z.ZodType<T>): Promise<T[]> => {
    try {
      const bytes = await readFile(join(directory, file));
      const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      return (parse(text, { columns: true, skip_empty_lines: true }) as unknown[]).map((row) => schema.parse(row));
    } catch (error) {
      throw new InputRefused(
        `${join(directory, file)} cannot be used: ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  const calibration = await readCalibration(join(directory, 'carrier-calibration'), { coverage: true });
  return {
    orders: ordersOf(await rows('uci-online-retail/online_retail.csv.gz', retail)),
    places: (await rows('geo/us_zipcodes.csv', place))
      .filter(({ state }) => !ELSEWHERE.has(state))
      .map(({ zip_code, ...rest }) => ({ postalCode: zip_code, ...rest })),
    hubs: (await rows('carrier-calibration/hubs.csv', hub)).map((row) => ({
      name: row.city_name.toLowerCase(),
      state: row.state,
      postalCode: row.zip3,
      latitude: row.hub_lat,
      longitude: row.hub_lon,
    })),
    services: calibration.services,
  };
}

/** Sales of products, by invoice in the order of time; units of a SKU on several lines of an invoice are one line. */
function ordersOf(rows: readonly z.output<typeof retail>[]): RetailOrder[] {
  const invoices = new Map<string, { at: number; customer: string; lines: Map<string, RetailLine> }>();
  for (const { InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID } of rows) {
    const isSale = !InvoiceNo.startsWith('C') && Quantity >= 1 && Quantity <= LINE_UNITS_MAX && UnitPrice > 0;
    if (!isSale || !PRODUCT.test(StockCode)) continue;
    const one = invoices.get(InvoiceNo) ?? {
      at: Date.parse(`${InvoiceDate}Z`),
      customer: CustomerID,
      lines: new Map(),
    };
    invoices.set(InvoiceNo, one);
    const sku = StockCode.toUpperCase();
    const before = one.lines.get(sku);
    one.lines.set(sku, {
      sku,
      qty: Quantity + (before?.qty ?? 0),
      price: before?.price ?? Math.round(UnitPrice * 100),
    });
  }
  return [...invoices]
    .map(([invoice, { at, customer, lines }]) => ({
      invoice,
      at,
      customer: customer === '' ? `of-${invoice}` : customer,
      lines: [...lines.values()],
    }))
    .filter(({ lines }) => lines.length > 0 && lines.length <= ORDER_LINES_MAX)
    .sort((a, b) => a.at - b.at);
}
