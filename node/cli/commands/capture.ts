// `holdfast capture FILE`: captures orders from a file of JSON, to see what becomes of them. A repetition counts once.
import { Command } from 'commander';
import { captureRequestId } from '../../../orders/order/capture-request.ts';
import { UserError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls, parseRegion } from '../options.ts';
import { regionOf } from '../orders/file-role.ts';
import { readDocumentsFile } from '../orders/files.ts';
import { createOutput } from '../output.ts';

interface CaptureOptions extends GridOptions {
  readonly region?: string;
  readonly json: boolean;
}

export function captureCommand(): Command {
  const command = new Command('capture')
    .description('Capture orders from files: given again, an order counts once, by its orderId and region.')
    .argument('<orders...>', 'files of JSON, each an order or a list of orders; protocol/WIRE.md has its fields')
    .option('--region <region>', 'where the orders live from now on, where the grid has several', parseRegion)
    .option('--json', 'write one JSON object', false)
    .addHelpText('after', '\nExample:\n  holdfast capture examples/sourcing/order.json --region eu-west')
    .action(capture);
  return addGridOptions(command);
}

async function capture(files: readonly string[], options: CaptureOptions): Promise<void> {
  const output = createOutput(options.json);
  const lists = await Promise.all(files.map(readDocumentsFile));
  const orders = lists.flat();
  const captured: object[] = [];
  const refused: string[] = [];
  await withRegions(gridUrls(options), async (connections) => {
    const { client, region } = regionOf(connections, options.region);
    for (const [n, order] of orders.entries()) {
      const reply = await client
        .captureOrder({ region, order, requestId: captureRequestId(order.orderId) })
        .catch((error: { outcome?: string; message: string }) => {
          if (error.outcome !== 'refused') throw error;
          refused.push(`${order.orderId ?? `order ${n + 1}, without orderId,`} is refused: ${error.message}`);
        });
      if (reply === undefined) continue;
      const { orderId, status, replayed = false } = reply;
      captured.push({ region, orderId, status, replayed });
      output.line(`${orderId} ${replayed ? 'was captured before' : 'is captured'} in ${region}`);
    }
  });
  output.result(captured);
  // The others of the files are captured all the same.
  if (refused.length > 0) {
    throw new UserError(
      orders.length === 1
        ? refused.join()
        : [`${refused.length} of ${orders.length} orders are refused`, ...refused].join('\n  '),
    );
  }
}
