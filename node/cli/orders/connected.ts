// The world outside that `holdfast orders` is given instead of a simulated one, as far as it is: carriers over HTTP, feeds that rules follow,
// and a folder for ship notices.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Capacity, readCapacity } from '../../../orders/feeds/capacity.ts';
import { type FuelPrices, readFuelPrices } from '../../../orders/feeds/fuel.ts';
import { openFeed } from '../../../orders/feeds/open.ts';
import { rulesAsFed } from '../../../orders/feeds/rules.ts';
import type { Source } from '../../../orders/feeds/source.ts';
import type { Notify } from '../../../orders/fulfilment/ports.ts';
import type { Format } from '../../../orders/legacy/items.ts';
import { type ShownOrder, tellShipped } from '../../../orders/legacy/shipped.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import type { SourcingRules } from '../../../orders/sourcing/rules.ts';
import { HoldfastError } from '../../../protocol/client/index.ts';
import { messageOf, usageError } from '../exit.ts';
import type { RegionConnection } from '../grid-client.ts';

export interface ConnectedOptions {
  readonly carriers?: string;
  readonly fuelPrices?: string;
  readonly capacity?: string;
  readonly weather?: string;
}

export function addConnectedOptions(command: Command): Command {
  return command
    .option(
      '--carriers <file>',
      'carriers over HTTP instead of the simulated one, JSON as examples/carriers/carriers.json',
    )
    .option('--fuel-prices <address>', 'fuel surcharges follow these weekly prices, a file or a URL')
    .option('--capacity <address>', 'packages a day of ship nodes as their systems say, a file or a URL')
    .option('--weather <address>', 'hourly weather at stations, which parcels lose time to, a file or a URL');
}

/** @throws UserError naming the file, and each place in it that is wrong */
export async function carriersOf(file: string, log: (line: string) => void) {
  const { CarriersInvalid, openCarriers } = await import('../../../orders/carriers/http/open.ts');
  try {
    return await openCarriers(JSON.parse(await readFile(file, 'utf8')), process.env, log);
  } catch (error) {
    if (error instanceof CarriersInvalid) throw usageError(`${file} cannot be used:\n${error.message}`);
    throw usageError(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Rules are made anew when a feed has changed, and so often, ms: what was fresh may be stale. */
const RULES_LAST_MS = 10 * 60_000;

export interface LiveRules {
  /** As feeds have them now. */
  readonly rules: SourcingRules;
  close(): void;
}

/** Rules that follow feeds. What a feed does not say is told once, until it is something else. */
export async function liveRules(
  rules: SourcingRules,
  { fuelPrices, capacity }: ConnectedOptions,
  now: () => number,
  log: (line: string) => void,
): Promise<LiveRules> {
  const fuel: Source<FuelPrices> | undefined =
    fuelPrices === undefined ? undefined : await openFeed(fuelPrices, readFuelPrices);
  const planned: Source<Capacity> | undefined =
    capacity === undefined ? undefined : await openFeed(capacity, readCapacity);
  let made: { readonly of: readonly unknown[]; readonly rules: SourcingRules } = { of: [], rules };
  let told = '';
  return {
    get rules() {
      const of = [fuel?.document, planned?.document, Math.floor(now() / RULES_LAST_MS)];
      if (made.of.length > 0 && of.every((one, n) => one === made.of[n])) return made.rules;
      const fed = {
        ...(fuel === undefined ? {} : { fuel: { prices: fuel.document } }),
        ...(planned === undefined ? {} : { capacity: { plan: planned.document } }),
      };
      const asFed = rulesAsFed(rules, fed, now());
      made = { of, rules: asFed.rules };
      const failures = [fuel, planned].flatMap((source) => source?.status.failure ?? []);
      const why = [...asFed.defaults, ...failures].join('; ');
      if (why !== told && why !== '') log(why);
      told = why;
      return made.rules;
    },
    close() {
      fuel?.close();
      planned?.close();
    },
  };
}

/** Ship notices as files, besides what is told anyway. */
export function notifyByFiles(
  notify: Notify,
  out: string,
  format: Format,
  connections: readonly RegionConnection[],
): Notify {
  const orderOf = async (region: string, orderId: string): Promise<ShownOrder | undefined> => {
    const found = connections.find((one) => one.region === region);
    try {
      const view = await found?.client.getOrder({ region, orderId });
      if (view === undefined) return undefined;
      const attributes = view.order?.attributes;
      const detail = view.detail as unknown as OrderDetail;
      return { detail, ...(attributes === undefined ? {} : { attributes }) };
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  };
  return async (notice, key) => {
    await tellShipped({ out, format, orderOf }, notice);
    await notify(notice, key);
  };
}
