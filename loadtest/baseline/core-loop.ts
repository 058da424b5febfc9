// The machine's limit: the actor core alone in a loop, with the record that the journal would get, and nothing around it: no
// socket, no codec, no commit.
import { Command as CommandLine } from 'commander';
import { ByteWriter, encodeEvent } from '../../node/core/index.ts';
import { skuName } from '../generator/load.ts';
import { skuPicker } from '../generator/sku-picker.ts';
import { type Command, decide, type InventoryState, made, stocked } from './core-alone.ts';

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
const states = names.map((sku) => stocked(sku, units, ctx));
const writer = new ByteWriter(2 * RECORDS_BYTES_MAX);

await carryOut(warmUp);
const { count, ms } = await carryOut(window);
process.stdout.write(`${JSON.stringify({ perSecond: (count * 1000) / ms, windowMs: ms, acknowledged: count })}\n`);

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
  for (const event of decide(state, request, ctx)) encodeEvent(writer, state.sku, state.seq, event);
  if (writer.length > RECORDS_BYTES_MAX) writer.reset();
}

function reserve(index: number): Command {
  return made({ op: 'reserve', sku: names[index], region, qty: 1 }, Date.now());
}
