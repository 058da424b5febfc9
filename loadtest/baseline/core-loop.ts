// The machine's limit: the actor core alone in a loop, with the record that the journal would get, and nothing around it: no
// socket, no codec, no commit. The one file here that reaches into the grid, since there is no other way to its core.
import { Command as CommandLine } from 'commander';
import { ByteWriter, type Command, createState, encodeEvent, execute } from '../../node/core/index.ts';
import type { InventoryState } from '../../node/core/types.ts';
import { uuidv7 } from '../../protocol/client/uuidv7.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { LOAD_NODE, skuName } from '../generator/load.ts';
import { skuPicker } from '../generator/sku-picker.ts';

/** Requests made beforehand, and then carried out at one go, so that making them is not measured. */
const ROUND = 16_384;
const RECORDS_BYTES_MAX = 1_048_576;

interface Options {
  readonly skus: number;
  readonly zipf: number;
  readonly units: number;
  readonly region: string;
  readonly warmUp: number;
  readonly window: number;
}

const { skus, zipf, units, region, warmUp, window } = new CommandLine()
  .requiredOption('--skus <n>', 'SKUs drawn from; 1 is the hot one', Number)
  .requiredOption('--zipf <s>', 'exponent; 0 is uniform', Number)
  .requiredOption('--units <n>', 'stock of each SKU', Number)
  .requiredOption('--region <name>', 'of all of them')
  .requiredOption('--warm-up <ms>', 'before what is measured', Number)
  .requiredOption('--window <ms>', 'measured', Number)
  .parse()
  .opts<Options>();

const pick = skuPicker(skus, zipf) ?? (() => 0);
const names = Array.from({ length: skus }, (_, index) => skuName(index));
const ctx = { now: Date.now(), epoch: 1, region };
const states = names.map(stocked);
const writer = new ByteWriter(2 * RECORDS_BYTES_MAX);

await carryOut(warmUp);
const { count, ms } = await carryOut(window);
process.stdout.write(`${JSON.stringify({ perSecond: (count * 1000) / ms, windowMs: ms, acknowledged: count })}\n`);

function stocked(sku: string): InventoryState {
  const state = createState(sku);
  execute(state, made({ op: 'adjust', sku, region, node: LOAD_NODE, delta: units, reason: 'load' }), ctx);
  return state;
}

/** Rounds until so much time went into carrying requests out. */
async function carryOut(forMs: number): Promise<{ count: number; ms: number }> {
  let count = 0;
  let ms = 0;
  while (ms < forMs) {
    const picked = Array.from({ length: ROUND }, pick);
    const requests = picked.map(reserve);
    ctx.now = Date.now();
    const startMs = performance.now();
    for (let i = 0; i < ROUND; i++) {
      one(states[picked[i] as number] as InventoryState, requests[i] as Command);
    }
    ms += performance.now() - startMs;
    count += ROUND;
  }
  return { count, ms };
}

function one(state: InventoryState, request: Command): void {
  const { events, reply } = execute(state, request, ctx);
  if (reply?.ok !== true) throw new Error(`refused: ${JSON.stringify(reply)}`);
  for (const event of events) encodeEvent(writer, state.sku, state.seq, event);
  if (writer.length > RECORDS_BYTES_MAX) writer.reset();
}

function reserve(index: number): Command {
  return made({ op: 'reserve', sku: names[index], region, qty: 1 });
}

/** What the gateway would hand to the core. */
function made(fields: object): Command {
  const { request } = parseRequest({ id: 0, ...fields, requestId: uuidv7(Date.now()) });
  if ('ok' in request) throw new Error(`no request of the core: ${JSON.stringify(request)}`);
  return request as Command;
}
