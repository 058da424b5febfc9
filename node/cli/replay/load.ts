// Loads the stock of a run before its first order: so many units per (sku, region) at the run's own ship node.
import { type HoldfastClient, HoldfastError } from '../../../protocol/client/index.ts';
import { UserError } from '../exit.ts';
import { Gate } from '../gate.ts';
import { Insistence } from '../insistence.ts';
import { keyParts } from './plan.ts';
import { nodeOfRun, requestIdOf } from './run-id.ts';

const IN_FLIGHT_MAX = 512;

export interface LoadOptions {
  readonly clients: ReadonlyMap<string, HoldfastClient>;
  readonly run: string;
  /** Units by `sku region`. */
  readonly stock: ReadonlyMap<string, number>;
}

/** Resolves with whether the run had been begun before. @throws UserError when it is too old to be taken up */
export async function loadStock({ clients, run, stock }: LoadOptions): Promise<{ resumed: boolean }> {
  const node = nodeOfRun(run);
  const insistence = new Insistence();
  const load = async (key: string, onHand: number): Promise<boolean> => {
    const { sku, region } = keyParts(key);
    const client = clients.get(region);
    if (client === undefined) throw new Error(`no connection to ${region}`);
    const requestId = requestIdOf(run, 0, 'load');
    const count = { sku, region, node, onHand, reason: `replay ${run}`, requestId };
    const reply = await insistence.call(() => client.adjust(count));
    return reply.replayed === true;
  };
  try {
    // Asked first of one position alone: a count applied a second time, after orders, would make stock from nothing.
    const resumed = await isBegun(clients, stock, node);
    if (resumed !== undefined && !(await load(resumed, stock.get(resumed) ?? 0))) throw tooOld(run);
    const gate = new Gate(IN_FLIGHT_MAX);
    for (const [key, onHand] of stock) {
      await gate.enter();
      void load(key, onHand)
        .catch((error: unknown) => gate.fail(error))
        .finally(() => gate.leave());
    }
    await gate.drained();
    return { resumed: resumed !== undefined };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code === 'IDEMPOTENCY_EXPIRED') throw tooOld(run);
    if (error.code === 'IDEMPOTENCY_CONFLICT') {
      throw new UserError(
        `run ${run} was begun with another stock`,
        'Give the same --stock again, or start a new run without --run.',
      );
    }
    throw new UserError(`the stock could not be loaded: ${error.code}: ${error.message}`, 'See `holdfast status`.');
  }
}

/** A position of the run that is there already. The first loaded ones are looked at: a run loads them in order. */
async function isBegun(
  clients: ReadonlyMap<string, HoldfastClient>,
  stock: ReadonlyMap<string, number>,
  node: string,
): Promise<string | undefined> {
  for (const key of [...stock.keys()].slice(0, IN_FLIGHT_MAX)) {
    const { sku, region } = keyParts(key);
    const { positions } = (await clients.get(region)?.query({ skus: [sku], regions: [region] })) ?? { positions: [] };
    if (positions.some((position) => position.nodes.some((view) => view.node === node))) return key;
  }
  return undefined;
}

function tooOld(run: string): UserError {
  return new UserError(
    `run ${run} is older than the 15 minutes for which requests are remembered`,
    'Start a new run, without --run.',
  );
}
