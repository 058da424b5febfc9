// What a live reservation weighs with its remembered request: the actor core alone, in a process of its own that is told to collect its garbage.
// Reaches into the grid as core-loop.ts does, since there is no other way to its core.
import { Command as CommandLine } from 'commander';
import { type Command, createState, execute } from '../../node/core/index.ts';
import type { InventoryState } from '../../node/core/types.ts';
import { uuidv7 } from '../../protocol/client/uuidv7.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { LOAD_NODE, skuName } from '../generator/load.ts';

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
  const states = Array.from({ length: count }, (_, index) => stocked(skuName(index)));
  const before = used();
  for (let n = 0; n < live; n++) {
    for (const [index, state] of states.entries()) {
      ctx.now += 1;
      const owner = owners ? { owner: flat(`customer-${index * live + n}`) } : {};
      decide(state, { op: 'reserve', sku: skuName(index), region, qty: 1, ttlMs: TTL_MS, ...owner });
    }
  }
  const bytes = (used() - before) / count / live;
  // Held until they were weighed.
  if (states.length !== count) throw new Error('SKUs were lost');
  return bytes;
}

function stocked(sku: string): InventoryState {
  const state = createState(flat(sku));
  decide(state, { op: 'adjust', sku, region, node: LOAD_NODE, delta: UNITS, reason: 'load' });
  return state;
}

function decide(state: InventoryState, fields: Record<string, unknown>): void {
  const { request } = parseRequest({ id: 0, ...fields, requestId: uuidv7(ctx.now) });
  const { reply } = execute(state, request as Command, ctx);
  if (reply?.ok !== true) throw new Error(`refused: ${JSON.stringify(reply)}`);
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
