// What a live reservation weighs with its remembered request: the actor core alone, in a process of its own that is told to collect its garbage.
import { Command as CommandLine } from 'commander';
import { skuName } from '../generator/load.ts';
import { decide, made, stocked } from './core-alone.ts';

const UNITS = 1_000_000_000;
/** So many SKUs with so many reservations before those that are weighed: what the core makes once is not theirs. */
const BEFORE = { skus: 100, each: 100 };
/** One collection leaves what only the next finds. */
const COLLECTIONS = 4;
/** None ends while it is weighed. */
const TTL_MS = 3_600_000;

interface Options {
  readonly skus: number;
  readonly each: number;
  readonly region: string;
  readonly owners: boolean;
}

const { skus, each, region, owners } = new CommandLine()
  .requiredOption('--skus <n>', 'SKUs', Number)
  .requiredOption('--each <n>', 'reservations of each', Number)
  .requiredOption('--region <name>', 'of all of them')
  .option('--owners', 'each reservation has an owner of its own', false)
  .parse()
  .opts<Options>();

const { gc } = globalThis;
if (gc === undefined) throw new Error('run it with node --expose-gc');
const ctx = { now: Date.now(), epoch: 1, region };
weigh(BEFORE.skus, BEFORE.each);
process.stdout.write(`${JSON.stringify({ bytes: weigh(skus, each) })}\n`);

/** Bytes for each reservation, over so many SKUs. */
function weigh(count: number, live: number): number {
  const states = Array.from({ length: count }, (_, index) => stocked(flat(skuName(index)), UNITS, ctx));
  const before = used();
  for (let n = 0; n < live; n++) {
    for (const [index, state] of states.entries()) {
      ctx.now += 1;
      const owner = owners ? { owner: flat(`customer-${index * live + n}`) } : {};
      const reserve = { op: 'reserve', sku: skuName(index), region, qty: 1, ttlMs: TTL_MS, ...owner };
      decide(state, made(reserve, ctx.now), ctx);
    }
  }
  const bytes = (used() - before) / count / live;
  // Held until they were weighed.
  if (states.length !== count) throw new Error('SKUs were lost');
  return bytes;
}

/** As the decoder makes it: of one piece, where a template would be a tree of pieces. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function used(): number {
  for (let n = 0; n < COLLECTIONS; n++) gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
