// `holdfast order ID`: one order's journey, from its capture on: what happened, why, by which policy, and what it waits for.
import { Command } from 'commander';
import type { OrderEvent } from '../../../orders/order/types.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import { type GetOrderReply, QUERY_SKUS_MAX } from '../../../protocol/index.ts';
import { UserError } from '../exit.ts';
import { type RegionConnection, withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { contentsText, journeyText, timeText } from '../orders/journey-text.ts';
import { createOutput, type Output, table } from '../output.ts';
import { money } from '../shadow-text.ts';

interface OrderOptions extends GridOptions {
  readonly json: boolean;
  readonly all: boolean;
}

export function orderCommand(): Command {
  const command = new Command('order')
    .description("Show an order's journey: each change with its cause, and what it waits for.")
    .argument('<order>', 'its orderId')
    .option(
      '--all',
      'also what the grid did about reservations, tasks that were done or put off, and decisions to wait on',
      false,
    )
    .option('--json', 'write all that is known as one JSON object', false)
    .addHelpText('after', '\nExample:\n  holdfast order order-1001')
    .action((orderId: string, options: OrderOptions) =>
      withRegions(gridUrls(options), async (connections) => {
        const found = (await Promise.all(connections.map((one) => findIn(one, orderId)))).flat();
        const [first, ...others] = found;
        if (first === undefined) {
          const asked = connections.map(({ region }) => region).join(' and ');
          throw new UserError(
            `no order ${orderId} in ${asked}`,
            'Look at the orderId; where another region captured it, give the --url of a worker there.',
          );
        }
        const output = createOutput(options.json);
        output.result({ ...first, ...(others.length === 0 ? {} : { others }) });
        if (options.json) return;
        if (others.length > 0) {
          const regions = found.map(({ region }) => region).join(' and ');
          output.line(`${regions} each captured an order ${orderId}: they count as ${found.length} orders\n`);
        }
        for (const order of found) await print(order, order.region, connections, options.all, output);
      }),
    );
  return addGridOptions(command);
}

/** The order as a region has it, or nothing. */
async function findIn(
  { client, region }: RegionConnection,
  orderId: string,
): Promise<readonly (GetOrderReply & { readonly region: string })[]> {
  try {
    return [{ region, ...(await client.getOrder({ region, orderId, journey: true })) }];
  } catch (error) {
    if ((error as { code?: string }).code !== 'NOT_FOUND') throw error;
    return [];
  }
}

async function print(
  order: GetOrderReply,
  region: string,
  connections: readonly RegionConnection[],
  all: boolean,
  { line }: Output,
): Promise<void> {
  const detail = order.detail as unknown as OrderDetail;
  const promised = detail.promisedAt === undefined ? '' : `, promised for ${timeText(detail.promisedAt)}`;
  const holds = Object.entries(detail.holds).map(([holdType, reason]) => `${holdType} (${reason})`);
  const held = holds.length === 0 ? '' : `, on hold: ${holds.join(', ')}`;
  line(`${order.orderId} in ${region}: ${order.status}${held}${promised}`);
  if (order.status === 'UNCAPTURED') {
    line(
      'Only its reservations are known (reserveOrder): it was not captured (captureOrder), so nothing is sent for it.',
    );
  }
  const events = (order.journey ?? []) as unknown as readonly OrderEvent[];
  const unknown = await unknownOf(events, detail, connections);
  const regions = connections.map((one) => one.region);
  line(`\n${journeyText({ events, detail, unknown, regions, all })}`);
  const outside = detail.lines.filter((one) => one.bundle === undefined && one.inPackages + one.delivered < one.qty);
  if (outside.length > 0) {
    const rows = outside.map((one) => [
      one.lineId,
      `${one.qty - one.inPackages - one.delivered} × ${one.sku}`,
      money(one.value),
      money(one.value * (one.qty - one.inPackages - one.delivered)),
      whereOf(one),
    ]);
    line(`\n${table(['line', 'in no package', 'each', 'worth', 'state'], rows)}`);
  }
  const parts = detail.lines.filter(({ bundle }) => bundle !== undefined);
  if (parts.length > 0) {
    const rows = parts.map(({ lineId, sku, qty, bundle, status }) => [
      bundle?.lineId ?? '',
      bundle?.sku ?? '',
      lineId,
      `${qty} × ${sku}`,
      status,
    ]);
    line(`\n${table(['line', 'bundle', 'component', 'what', 'state'], rows)}`);
  }
  if (detail.packages.length > 0) {
    const rows = detail.packages.map(({ packageId, node, carrier, service, state, trackingId = '', lines }) => [
      packageId,
      state,
      node,
      `${carrier} ${service}`,
      trackingId,
      contentsText(lines),
    ]);
    line(`\n${table(['package', 'state', 'from', 'by', 'tracking', 'what'], rows)}`);
  }
  if (order.tasks.length > 0) {
    const isDue = (dueAt: number): boolean => dueAt <= Date.now();
    const rows = order.tasks.map(({ taskId, dueAt }) => [taskId, `${isDue(dueAt) ? 'since ' : ''}${timeText(dueAt)}`]);
    line(`\n${table(['waits for', 'due (UTC)'], rows)}`);
    if (order.tasks.some(({ dueAt }) => isDue(dueAt))) {
      line('What is due is in hand of `holdfast orders`, or waits for a process of it with its role.');
    }
  }
  line(`\ntrace ${detail.traceId ?? ''}`);
}

/** Where the units of a line are that are in no package. */
function whereOf({ open, backordered, parked, cancelled }: OrderDetail['lines'][number]): string {
  return Object.entries({ 'to be sourced': open, backordered, 'with an exception': parked, cancelled })
    .filter(([, units]) => units > 0)
    .map(([where, units]) => `${units} ${where}`)
    .join(', ');
}

/** Of the SKUs that once could not be had, those that none of the regions has ever had. */
async function unknownOf(
  events: readonly OrderEvent[],
  { lines }: OrderDetail,
  connections: readonly RegionConnection[],
): Promise<ReadonlySet<string>> {
  const short = new Set(
    events.flatMap((event) => (event.type === 'backordered' ? event.lines : [])).map((one) => one.lineId),
  );
  const wanted = lines.filter(({ lineId }) => short.has(lineId)).map(({ sku }) => sku);
  const skus = [...new Set(wanted)].slice(0, QUERY_SKUS_MAX);
  if (skus.length === 0) return new Set();
  const replies = await Promise.all(connections.map(({ client, region }) => client.query({ skus, regions: [region] })));
  return new Set(skus.filter((sku) => replies.every(({ unknown }) => unknown.some((one) => one.sku === sku))));
}
