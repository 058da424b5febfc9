// Over HTTP: stock, loaded before a run and counted after it, and what the grid says of itself.
import { sleep } from 'k6';
import http from 'k6/http';
import type { AvailabilityView } from '../../../protocol/types.ts';
import type { WireBatchItem, WireRequest } from '../../../protocol/wire.ts';
import { unaccounted } from './metrics.ts';
import { CREDENTIALS, HTTP_URL, RUN } from './settings.ts';

const NODE = 'load-1';
const ITEMS_PER_BATCH = 500;
/** How often, and for how long, it is looked whether the last reservations have expired, s. */
const LOOK_S = 0.25;
const EXPIRY_S_MAX = 30;

export function skuOf(n: number): string {
  return `load-${RUN.id}-${n}`;
}

/** Any of the SKUs, as likely as each other. */
export function anySku(skus: number): string {
  return skuOf(Math.floor(Math.random() * skus));
}

/** Puts `units` of each of the SKUs on the shelf. @throws Error with what the grid said */
export function loadStock(skus: number, units: number): void {
  inBatches(skus, (sku) => ({
    op: 'adjust',
    sku,
    region: RUN.region,
    node: NODE,
    onHand: units,
    reason: 'count',
    requestId: `stock-${sku}`,
  }));
}

/** The positions of the SKUs. @throws Error with what the grid said */
export function positions(skus: number): AvailabilityView[] {
  return inBatches(skus, (sku) => ({ op: 'get', sku, region: RUN.region })) as unknown as AvailabilityView[];
}

/** The positions of the SKUs once nothing of them is reserved, or as they are after half a minute. */
export function positionsAfterExpiry(skus: number): AvailabilityView[] {
  for (let waitedS = 0; ; waitedS += LOOK_S) {
    const found = positions(skus);
    if (waitedS >= EXPIRY_S_MAX || found.every(({ reserved }) => reserved === 0)) return found;
    sleep(LOOK_S);
  }
}

/** Takes what the grid has as sold from what was acknowledged as sold. */
export function settleSales(found: readonly AvailabilityView[]): void {
  for (const { allocated } of found) unaccounted.add(-allocated);
}

/** A figure of /metrics, named with its labels as it stands there; 0 where there is none yet. */
export function metricOf(name: string): number {
  const lines = String(http.get(`${HTTP_URL}/metrics`, { headers: CREDENTIALS }).body).split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? 0);
}

function inBatches(skus: number, itemOf: (sku: string) => WireBatchItem): unknown[] {
  const all: unknown[] = [];
  for (let from = 0; from < skus; from += ITEMS_PER_BATCH) {
    const items: WireBatchItem[] = [];
    for (let n = from; n < Math.min(skus, from + ITEMS_PER_BATCH); n++) items.push(itemOf(skuOf(n)));
    const reply = ask({ op: 'batch', items }) as { items: readonly { ok: boolean; message?: string }[] };
    const refusal = reply.items.find(({ ok }) => !ok);
    if (refusal !== undefined) throw new Error(`the grid refused: ${refusal.message}`);
    all.push(...reply.items);
  }
  return all;
}

function ask(request: WireRequest): unknown {
  const response = http.post(`${HTTP_URL}/v1/requests`, JSON.stringify(request), {
    headers: { 'content-type': 'application/json', ...CREDENTIALS },
  });
  if (response.status === 0) throw new Error(`no grid answers at ${HTTP_URL}: ${response.error}`);
  const reply = response.json() as { ok: boolean; message?: string };
  if (!reply.ok) throw new Error(`the grid refused: ${reply.message}`);
  return reply;
}
