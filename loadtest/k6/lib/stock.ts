// Stock, loaded before a run and counted after it, over HTTP.
import http from 'k6/http';
import type { AvailabilityView } from '../../../protocol/types.ts';
import type { WireRequest } from '../../../protocol/wire.ts';
import { HTTP_URL, REGION, RUN } from './settings.ts';

const NODE = 'load-1';
const ADJUSTS_PER_BATCH = 500;

export function skuOf(n: number): string {
  return `load-${RUN}-${n}`;
}

/** Puts `units` of each of the SKUs on the shelf. @throws Error with what the grid said */
export function loadStock(skus: number, units: number): void {
  for (let from = 0; from < skus; from += ADJUSTS_PER_BATCH) {
    const items: WireRequest[] = [];
    for (let n = from; n < Math.min(skus, from + ADJUSTS_PER_BATCH); n++) {
      const sku = skuOf(n);
      items.push({
        op: 'adjust',
        sku,
        region: REGION,
        node: NODE,
        onHand: units,
        reason: 'count',
        requestId: `stock-${sku}`,
      });
    }
    const reply = ask({ op: 'batch', items }) as { items: readonly { ok: boolean; message?: string }[] };
    const refusal = reply.items.find(({ ok }) => !ok);
    if (refusal !== undefined) throw new Error(`the stock was not loaded: ${refusal.message}`);
  }
}

export function positionOf(sku: string): AvailabilityView {
  return ask({ op: 'get', sku, region: REGION } as WireRequest) as unknown as AvailabilityView;
}

function ask(request: object): unknown {
  const response = http.post(`${HTTP_URL}/v1/requests`, JSON.stringify(request), {
    headers: { 'content-type': 'application/json' },
  });
  if (response.status === 0) throw new Error(`no grid answers at ${HTTP_URL}: ${response.error}`);
  const reply = response.json() as { ok: boolean; message?: string };
  if (!reply.ok) throw new Error(`the grid refused: ${reply.message}`);
  return reply;
}
