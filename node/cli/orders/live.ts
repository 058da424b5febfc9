// What running processes of orders learn, count and share, put together: which logs they follow, and what each role does with them.
import { openFeed } from '../../../orders/feeds/open.ts';
import type { Source } from '../../../orders/feeds/source.ts';
import { readWeather, type Station } from '../../../orders/feeds/weather.ts';
import type {
  BusinessClock,
  Delays,
  NodeCapacity,
  OrderGrid,
  TransitKnowledge,
} from '../../../orders/fulfilment/ports.ts';
import type { SourceOptions } from '../../../orders/fulfilment/processors/source.ts';
import { liveDemand } from '../../../orders/live/asked.ts';
import { liveCapacity, UNCOUNTED } from '../../../orders/live/capacity.ts';
import { type LivePrices, livePrices } from '../../../orders/live/prices.ts';
import {
  type LiveReoptimising,
  liveReoptimising,
  type RegionOfOrders,
  type ReoptimisingFigures,
} from '../../../orders/live/reoptimise.ts';
import { type LiveShadow, liveShadow } from '../../../orders/live/shadow.ts';
import { liveTransit, type TransitFigures } from '../../../orders/live/transit.ts';
import { transitOfRulesAlone } from '../../../orders/live/transit-of-rules.ts';
import { delayedTimes, NO_DELAYS, weatherDelays } from '../../../orders/live/weather.ts';
import { directoryLog } from '../../../orders/shared/directory-log.ts';
import type { SharedLog } from '../../../orders/shared/log.ts';
import { MemoryLog } from '../../../orders/shared/memory-log.ts';
import type { PriceStatus } from '../../../orders/sourcing/highs/prices.ts';
import { SolverThread } from '../../../orders/sourcing/highs/thread.ts';
import type { SourcingRules } from '../../../orders/sourcing/rules.ts';
import type { ShadowReport } from '../../../orders/sourcing/shadow.ts';
import { transitOfRules } from '../../../orders/sourcing/transit.ts';
import { messageOf, usageError } from '../exit.ts';
import { learnedPatiently } from './patiently.ts';
import type { Role } from './role.ts';

export interface LiveOptions {
  /** What processes share it by; `alone`: this process has all roles, and what it learns ends with it; undefined: nothing is learned. */
  readonly state: { readonly directory: string } | { readonly redisUrl: string } | 'alone' | undefined;
  readonly roles: readonly Role[];
  /** As stated. */
  readonly stated: SourcingRules;
  /** As feeds have them now. */
  readonly rules: () => SourcingRules;
  /** Of the weather feed. */
  readonly weather?: string;
  /** Rules to compare with. */
  readonly shadow?: SourcingRules;
  readonly onShadow?: (report: ShadowReport) => void;
  readonly clock: BusinessClock;
  readonly log: (line: string) => void;
}

export interface LiveFigures {
  readonly transit: TransitFigures | undefined;
  readonly nodes: readonly { readonly node: string; readonly packages: number; readonly max: number }[];
  readonly prices: PriceStatus | undefined;
  readonly shadow: Pick<LiveShadow, 'report' | 'skipped'> | undefined;
  readonly reoptimising: ReoptimisingFigures | undefined;
}

export interface Live {
  readonly transit: TransitKnowledge;
  readonly capacity: NodeCapacity;
  readonly delays: Delays;
  /** What sourcing knows besides the rules. */
  readonly sourcing: Pick<SourceOptions, 'transit' | 'prices' | 'onAsked' | 'onDecided' | 'onRest'>;
  readonly figures: LiveFigures;
  /** The grid can be asked from now on. */
  begin(grid: OrderGrid, regions: ReadonlyMap<string, RegionOfOrders>): void;
  stop(): Promise<void>;
}

/** @throws UserError where the folder or the feed cannot be used */
export async function openLive(options: LiveOptions): Promise<Live> {
  const { state, roles, stated, rules, clock, log } = options;
  const weather = options.weather === undefined ? undefined : await openFeed(options.weather, readWeather);
  const documentOf = tellingFailures<readonly Station[]>(log);
  // At once: it is asked for only once there is an order to which it matters.
  if (weather !== undefined) documentOf(weather);
  const delays = weather === undefined ? NO_DELAYS : weatherDelays(() => documentOf(weather), clock, log);
  // Those that only hand tasks on need none of it.
  const isWorking = roles.some((role) => role !== 'relay' && role !== 'capture');
  const shared = state === undefined || !isWorking ? undefined : await openShared(state, options);
  const isSourcing = roles.includes('source');
  const shadow =
    options.shadow === undefined || !isSourcing
      ? undefined
      : liveShadow({ rules, shadow: options.shadow, onReport: options.onShadow ?? (() => undefined) });
  const transit = shared?.transit ?? transitOfRulesAlone(rules);
  const times = shared?.transit.times ?? transitOfRules;
  const thread = new SolverThread();
  /** Its own: prices do not wait for it. */
  const jointly = new SolverThread();
  let prices: LivePrices | undefined;
  let reoptimising: LiveReoptimising | undefined;
  const known = weather === undefined ? times : delayedTimes(times, delays, clock);
  const capacity = shared?.capacity ?? UNCOUNTED;
  if (stated.prices !== undefined && isSourcing && shared === undefined) {
    log('the prices of the rules are made of what all processes are asked for: give --state DIR');
  }
  return {
    transit,
    capacity,
    delays,
    sourcing: {
      transit: known,
      prices: () => prices?.prices(),
      onAsked: (order) => void shared?.demand.asked(order),
      ...(shadow === undefined ? {} : { onDecided: shadow.offer }),
      onRest: (order) => reoptimising?.rests(order),
    },
    get figures() {
      return {
        transit: shared?.transit.figures,
        nodes: shared?.capacity.figures ?? [],
        prices: prices?.status,
        shadow,
        reoptimising: reoptimising?.figures,
      };
    },
    begin(grid, regions) {
      const { reoptimise } = stated;
      if (reoptimise !== undefined && isSourcing) {
        const world = { capacity, transit: known, prices: () => prices?.prices() };
        reoptimising = liveReoptimising({ reoptimise, rules, regions, ...world, clock, thread: jointly, say: log });
      }
      if (stated.prices === undefined || !isSourcing || shared === undefined) return;
      const { demand } = shared;
      const packagesOf = (node: string): number => capacity.packagesOf(node);
      const asked = (now: number) => demand.demand(now);
      prices = livePrices({ prices: stated.prices, rules, demand: asked, packagesOf, grid, clock, thread });
    },
    async stop() {
      weather?.close();
      shadow?.stop();
      prices?.stop();
      reoptimising?.stop();
      await thread.close();
      await jointly.close();
      await shared?.stop();
    },
  };
}

/** What a feed cannot be read for is told once, until it is something else. */
function tellingFailures<D>(log: (line: string) => void): (source: Source<D>) => D | undefined {
  let told: string | undefined;
  return ({ document, status: { failure } }) => {
    if (failure !== told && failure !== undefined) log(`weather: ${failure}`);
    told = failure;
    return document;
  };
}

async function openShared(state: NonNullable<LiveOptions['state']>, options: LiveOptions) {
  const { roles, stated, rules, clock, log } = options;
  const open = async (name: string): Promise<SharedLog> => {
    if (state === 'alone') return new MemoryLog();
    if ('directory' in state) return await directoryLog({ directory: state.directory, name });
    const { redisLog } = await import('../../../orders/shared/redis-log.ts');
    return redisLog({ redisUrl: state.redisUrl, name });
  };
  /** Processes are started beside a Redis, and stay while it starts. */
  const opened = <T>(learned: () => Promise<T>): Promise<T> =>
    state !== 'alone' && 'redisUrl' in state ? learnedPatiently(learned, log) : learned();
  try {
    const common = { clock, say: log };
    const saves = roles.includes('source');
    const logs = { transit: await open('transit'), packages: await open('packages'), demand: await open('demand') };
    const transitOptions = { ...common, log: logs.transit, rules: stated, saves: roles.includes('fulfil') };
    const transit = await opened(() => liveTransit(transitOptions));
    const capacity = await opened(() => liveCapacity({ ...common, log: logs.packages, rules, saves }));
    const demand = await opened(() => liveDemand({ ...common, log: logs.demand, saves }));
    return {
      transit,
      capacity,
      demand,
      stop: async () => {
        await Promise.all([transit, capacity, demand].map((one) => one.stop()));
      },
    };
  } catch (error) {
    const where = state === 'alone' ? 'memory' : 'directory' in state ? state.directory : 'Redis';
    throw usageError(`what is learned cannot be kept in ${where}: ${messageOf(error)}`);
  }
}
