// The orders of the demonstration: those of a real retailer where the data are there, else drawn from a seed. Each comes with when it came,
// counted from the first.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { drawOf } from '../../../orders/fulfilment/simulated/draw.ts';
import type { OrderDestination, OrderDocument, OrderLine } from '../../../protocol/index.ts';
import { deedOf } from '../replay/lines.ts';
import { readOrderLines } from '../replay/read-orders.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Lines of one order that are sent; a few wholesale orders have hundreds. */
const LINES_MAX = 40;
/** In the folder of the data. */
const RECORDED = join('uci-online-retail', 'online_retail.csv.gz');
/** SKUs of the generator. */
const SKUS = 400;

export interface TimedOrder {
  /** ms after the first. */
  readonly afterMs: number;
  readonly order: OrderDocument;
}

export interface Demand {
  readonly orders: readonly TimedOrder[];
  /** What people are told of where they come from. */
  readonly from: string;
}

export interface DemandOptions {
  readonly data: string;
  readonly count: number;
  readonly seed: number;
  /** Before each orderId: two runs over one store are told apart by it. */
  readonly prefix: string;
  /** When the first comes, ms since the epoch. */
  readonly startsAt: number;
  readonly destinations: readonly OrderDestination[];
}

export async function retailDemand(options: DemandOptions): Promise<Demand> {
  const file = join(options.data, RECORDED);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere)
    return {
      orders: generated(options),
      from: `a generator (seed ${options.seed}), since ${options.data} (--data) has no ${RECORDED}`,
    };
  return { orders: await recorded(file, options), from: file };
}

async function recorded(file: string, options: DemandOptions): Promise<TimedOrder[]> {
  const orders: TimedOrder[] = [];
  let first: number | undefined;
  let current: { invoice: string; at: number; customer: string | undefined; units: Map<string, number> } | undefined;
  const close = (): void => {
    if (current === undefined || current.units.size === 0) return;
    first ??= current.at;
    orders.push(timed(current.invoice, current.at - first, current.customer, current.units, options));
  };
  for await (const raw of readOrderLines(file)) {
    const deed = deedOf(raw);
    if (typeof deed === 'string' || deed.kind !== 'order') continue;
    if (deed.invoice !== current?.invoice) {
      close();
      if (orders.length >= options.count) return orders;
      current = { invoice: deed.invoice, at: deed.at, customer: deed.customer, units: new Map() };
    }
    if (current.units.size < LINES_MAX || current.units.has(deed.sku)) {
      current.units.set(deed.sku, (current.units.get(deed.sku) ?? 0) + deed.qty);
    }
  }
  close();
  return orders;
}

function generated(options: DemandOptions): TimedOrder[] {
  const { count, seed } = options;
  let at = 0;
  return Array.from({ length: count }, (_, n) => {
    at += -Math.log(1 - drawOf(seed, 'gap', n)) * (DAY_MS / 100);
    const units = new Map<string, number>();
    const lines = 1 + Math.floor(drawOf(seed, 'lines', n) ** 2 * 12);
    for (let line = 0; line < lines; line++) {
      // Few SKUs are asked for often.
      const sku = `SKU-${String(Math.floor(drawOf(seed, 'sku', n, line) ** 3 * SKUS)).padStart(4, '0')}`;
      units.set(sku, 1 + Math.floor(drawOf(seed, 'qty', n, line) * 6));
    }
    return timed(String(n + 1), Math.round(at), `customer-${n % 97}`, units, options);
  });
}

function timed(
  name: string,
  afterMs: number,
  customer: string | undefined,
  units: ReadonlyMap<string, number>,
  { seed, prefix, startsAt, destinations }: DemandOptions,
): TimedOrder {
  const orderId = `${prefix}${name}`;
  const lines = [...units].map(([sku, qty], index): OrderLine => {
    // Weight and value of a SKU are made up: the data have neither.
    const grams = 15 + Math.round(drawOf(seed, 'grams', sku) ** 2 * 400);
    const value = 150 + Math.round(drawOf(seed, 'value', sku) ** 2 * 2_500);
    return { lineId: String(index + 1), sku, qty, grams, value };
  });
  const destination = destinations[Math.floor(drawOf(seed, 'to', name) * destinations.length)];
  if (destination === undefined) throw new RangeError('there is nowhere to send to');
  const promiseMs = (4 + Math.floor(drawOf(seed, 'promise', name) * 4)) * DAY_MS;
  const order: OrderDocument = {
    orderId,
    lines,
    destination,
    promisedAt: startsAt + afterMs + promiseMs,
    channel: 'web',
    policy: 'partial',
    ...(customer === undefined ? {} : { customer }),
  };
  return { afterMs, order };
}
