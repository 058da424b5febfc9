// What `npm start -- --rules FILE` runs besides the grid: all roles of `holdfast orders` in this process, from the outbox.
import { once } from 'node:events';
import { profilesOf } from '../../../orders/carriers/simulated/from-rules.ts';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import { BESIDE_THE_GRID } from '../../../orders/fulfilment/limits.ts';
import { closeAll, connectRegions } from '../grid-client.ts';
import type { Say } from '../supervise.ts';
import { readBundlesFile, readPolicyOf, readRulesFile } from './files.ts';
import { simulatedOutside } from './outside.ts';
import { runOrders } from './roles.ts';

export interface LocalOrders {
  readonly rules: string;
  readonly bundles: string | undefined;
  readonly policy: string | undefined;
  readonly seed: number;
}

/** Runs until the signal. @throws UserError when a file cannot be used */
export async function runLocalOrders(
  { rules, bundles, policy, seed }: LocalOrders,
  urls: readonly string[],
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const clock = businessClock();
  const stated = await readRulesFile(rules);
  const outside = simulatedOutside({ seed, profiles: profilesOf(stated), clock });
  const run = {
    rules: stated,
    ...(bundles === undefined ? {} : { bundles: await readBundlesFile(bundles) }),
    ...(policy === undefined ? {} : { policy: await readPolicyOf(policy) }),
  };
  const connections = await connectRegions(urls);
  const running = runOrders({
    connections,
    roles: ['source', 'fulfil', 'exceptions'],
    ...run,
    clock,
    ...outside,
    limits: BESIDE_THE_GRID,
    log: (line) => say('log', line),
  });
  say('orders', 'orders   sourced and fulfilled here; carriers and ship nodes are simulated');
  if (!signal.aborted) await once(signal, 'abort');
  await running.stop();
  await outside.close();
  await closeAll(connections);
}
