// What `npm start -- --rules FILE` runs besides the grid: all roles of `holdfast orders` in this process, from the outbox.
import { once } from 'node:events';
import { join } from 'node:path';
import { profilesOf } from '../../../orders/carriers/simulated/from-rules.ts';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import { BESIDE_THE_GRID } from '../../../orders/fulfilment/limits.ts';
import { closeAll, connectRegions } from '../grid-client.ts';
import type { Say } from '../supervise.ts';
import { readBundlesFile, readPolicyOf, readRulesFile } from './files.ts';
import { openLive } from './live.ts';
import { simulatedOutside, simulatedText } from './outside.ts';
import { runOrders } from './roles.ts';

/** In the folder of the grid: what its orders teach. */
const ORDERS_DIRECTORY = 'orders';

/** As the command line gives them. */
export interface LocalFiles {
  readonly rules: string;
  readonly bundles: string | undefined;
  readonly policy: string | undefined;
}

export type LocalDocuments = Awaited<ReturnType<typeof readLocalFiles>>;

/** Before the grid is started, so that what is wrong with them is told first. @throws UserError when a file cannot be used */
export async function readLocalFiles({ rules, bundles, policy }: LocalFiles) {
  return {
    rules: await readRulesFile(rules),
    ...(bundles === undefined ? {} : { bundles: await readBundlesFile(bundles) }),
    ...(policy === undefined ? {} : { policy: await readPolicyOf(policy) }),
  };
}

export interface LocalOrders {
  readonly documents: LocalDocuments;
  readonly seed: number;
  /** How many times faster business goes, from now on; 1 if left out. */
  readonly speed: number | undefined;
  /** Where the grid keeps its files. */
  readonly dataDir: string;
}

/** Runs until the signal. */
export async function runLocalOrders(
  { documents, seed, speed = 1, dataDir }: LocalOrders,
  urls: readonly string[],
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const clock = businessClock({ speed });
  const { rules: stated } = documents;
  const outside = simulatedOutside({ seed, profiles: profilesOf(stated), clock });
  const log = (line: string): void => say('log', line);
  const roles = ['source', 'fulfil', 'exceptions'] as const;
  const state = { directory: join(dataDir, ORDERS_DIRECTORY) };
  const live = await openLive({ state, roles, stated, rules: () => stated, clock, log });
  const connections = await connectRegions(urls);
  const running = await runOrders({
    connections,
    roles,
    ...documents,
    clock,
    ...outside,
    limits: BESIDE_THE_GRID,
    live,
    log,
  });
  say('orders', `orders   sourced and fulfilled here; ${simulatedText({ simulate: seed, speed, hasCarriers: false })}`);
  if (!signal.aborted) await once(signal, 'abort');
  await running.stop();
  await live.stop();
  await outside.close();
  await closeAll(connections);
}
