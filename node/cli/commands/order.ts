// `holdfast order ID`: one order's journey, from its capture on: what happened, why, by which policy, and what it waits for.
import { Command } from 'commander';
import type { OrderDetail } from '../../../orders/order/view.ts';
import type { GetOrderReply, OrderEvent } from '../../../protocol/index.ts';
import { UserError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { createOutput, type Output, table } from '../output.ts';

export function orderCommand(): Command {
  const command = new Command('order')
    .description("Show an order's journey: each change with its cause, and what it waits for.")
    .argument('<order>', 'its orderId')
    .option('--json', 'write all that is known as one JSON object', false)
    .addHelpText('after', '\nExample:\n  holdfast order order-1001')
    .action((orderId: string, options: GridOptions & { json: boolean }) =>
      withRegions(gridUrls(options), async (connections) => {
        for (const { client, region } of connections) {
          try {
            const order = await client.getOrder({ region, orderId, journey: true });
            const output = createOutput(options.json);
            output.result({ region, ...order });
            print(order, region, output);
            return;
          } catch (error) {
            if ((error as { code?: string }).code !== 'NOT_FOUND') throw error;
          }
        }
        throw new UserError(`no region has an order ${orderId}`, 'Give the --url of a worker of its region.');
      }),
    );
  return addGridOptions(command);
}

function print(order: GetOrderReply, region: string, { line }: Output): void {
  const detail = order.detail as unknown as OrderDetail;
  const promised = detail.promisedAt === undefined ? '' : `, promised for ${timeOf(detail.promisedAt)}`;
  line(`${order.orderId} in ${region}: ${order.status}${promised}`);
  const events = (order.journey ?? []).map((event) => [
    event.seq,
    timeOf(event.at),
    event.type,
    aboutOf(event),
    event.cause,
    event.policyVersion ?? '',
  ]);
  line(`\n${table(['', 'when (UTC)', 'what', 'about', 'cause', 'policy'], events)}`);
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
      lines.map(({ sku, allocated }) => `${allocated} × ${sku}`).join(', '),
    ]);
    line(`\n${table(['package', 'state', 'from', 'by', 'tracking', 'what'], rows)}`);
  }
  if (order.tasks.length > 0) {
    const rows = order.tasks.map(({ taskId, dueAt }) => [taskId, timeOf(dueAt)]);
    line(`\n${table(['waits for', 'due (UTC)'], rows)}`);
  }
  line(`\ntrace ${detail.traceId ?? ''}`);
}

/** The fields of an event that people look for. */
function aboutOf(event: OrderEvent): string {
  const { bundles, lines, explanation } = event as unknown as {
    bundles?: string;
    lines?: readonly { sku: string; qty: number }[];
    explanation?: { substituted?: readonly { sku: string; instead: string }[] };
  };
  if (event.type === 'expanded')
    return `${(lines ?? []).map(({ sku, qty }) => `${qty} × ${sku}`).join(', ')} by ${bundles}`;
  const instead = (explanation?.substituted ?? []).map((one) => `${one.instead} instead of ${one.sku}`);
  const { packageId, exceptionId, kind, action, rule, code, reasonCode, carrier, service, attempt } =
    event as unknown as Record<string, unknown>;
  return [packageId, exceptionId, kind, action, rule, code, reasonCode, carrier, service]
    .concat(event.type === 'sourced' ? [`attempt ${attempt}`, ...instead] : [])
    .filter((part) => part !== undefined)
    .join(' ');
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
