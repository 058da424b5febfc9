// Compares the rebuilt orders with what the live grid says of them, event by event. As in live.ts a grid that works on meanwhile is compared
// exactly all the same: what an answer shows is durable, so the journal read on to that event must show the same.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { GetOrderReply } from '../../../protocol/index.ts';
import { isOrderKey, orderKey } from '../../shell/keys.ts';
import type { HostedOrder } from '../../shell/orders/hosted-order.ts';
import type { LiveComparison } from './live.ts';
import { type Rebuilt, readOn } from './rebuild.ts';
import type { RegionImage } from './region-image.ts';
import type { DifferenceSink } from './report.ts';

/** Orders asked for in one batch. */
const ORDERS_PER_BATCH = 100;

/** @throws LaneMoved as compareLive */
export async function compareOrders(
  client: HoldfastClient,
  region: string,
  image: RegionImage,
  lanes: readonly Rebuilt[],
  differences: DifferenceSink,
): Promise<LiveComparison> {
  const ahead = new Map<string, GetOrderReply>();
  const report = (key: string, seq: number, expected: string, found: string): void =>
    differences.add({ check: 'live grid (I6, I7)', sku: key, seq, expected, found });
  const compare = (key: string, found: GetOrderReply, order: HostedOrder | undefined): void => {
    const expected = order === undefined ? 'no such order' : order.texts.join();
    const shown = (found.journey ?? []).map((event) => JSON.stringify(event)).join();
    if (expected !== shown) report(key, found.version.seq, brief(expected), brief(shown));
  };

  const keys = [...image.orders()];
  for (let at = 0; at < keys.length; at += ORDERS_PER_BATCH) {
    const part = keys.slice(at, at + ORDERS_PER_BATCH);
    const items = part.map((key) => ({ op: 'getOrder', region, orderId: key.slice(1), journey: true }) as const);
    const replies = await client.batch(items);
    for (const [n, reply] of replies.entries()) {
      const key = part[n] as string;
      const order = image.order(key);
      if (!reply.ok) report(key, order?.seq ?? 0, `an order at seq ${order?.seq}`, `${reply.code}: ${reply.message}`);
      else if (reply.version.seq > (order?.seq ?? 0)) ahead.set(key, reply);
      else compare(key, reply, order);
    }
  }

  const recordsRead = (): number => lanes.reduce((sum, { records }) => sum + records, 0);
  const recordsBefore = recordsRead();
  if (ahead.size > 0) {
    for (const lane of lanes) {
      await readOn(lane, (key) => {
        const found = isOrderKey(key) ? ahead.get(key) : undefined;
        const order = image.order(key);
        if (found === undefined || order?.seq !== found.version.seq) return;
        compare(key, found, order);
        ahead.delete(key);
      });
    }
  }
  for (const [key, { version, orderId }] of ahead) {
    const seq = image.order(orderKey(orderId))?.seq ?? 0;
    report(key, version.seq, `at most event ${seq}, where the journal ends`, `event ${version.seq}`);
  }
  return { compared: keys.length, caughtUp: recordsRead() - recordsBefore };
}

function brief(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
