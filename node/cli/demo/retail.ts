// `npm start -- --demo retail`: the retailer's orders, many times faster than they came, through capture, sourcing over the hubs, reservation and
// fulfilment with simulated carriers and ship nodes that misbehave, until each is delivered, cancelled or left to a person.
import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCalibration } from '../../../orders/carriers/simulated/calibration.ts';
import { DEFAULT_PROFILE, ProfileInvalid } from '../../../orders/carriers/simulated/profile.ts';
import { type Policy, parsePolicy } from '../../../orders/exceptions/policy.ts';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import { BESIDE_THE_GRID } from '../../../orders/fulfilment/limits.ts';
import { drawOf } from '../../../orders/fulfilment/simulated/draw.ts';
import { captureRequestId } from '../../../orders/order/capture-request.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { closeAll, connectRegions } from '../grid-client.ts';
import { openLive } from '../orders/live.ts';
import { simulatedOutside } from '../orders/outside.ts';
import { runOrders } from '../orders/roles.ts';
import { counted, duration } from '../output.ts';
import type { Say } from '../supervise.ts';
import { destinationsOfOurOwn, type Hub, hubsOfOurOwn, readDestinations, readHubs } from './places.ts';
import { progressLine, type Seen, summary } from './report.ts';
import { retailDemand, type TimedOrder } from './retail-orders.ts';
import { demoRules } from './rules.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Where orders and stock are. */
const REGION = 'us-east';
/** What lacks is delivered to a hub after so long, ms of business. */
const SUPPLY_AFTER_MS = 36 * HOUR_MS;
const PROGRESS_MS = 10_000;
const LOOKED_AT_ONCE = 200;
const BATCH = 500;
/** Of orders: that the customer wants to cancel, that the payment fails. */
const CANCELS = 0.02;
const UNPAID = 0.01;
/** Business after which an order that is not ended is left as it is; and of the machine's own time, which it needs at any speed, so much at least. */
const PATIENCE_MS = 60 * 24 * HOUR_MS;
const PATIENCE_LEAST_MS = 60_000;

export interface RetailDemo {
  readonly data: string;
  readonly orders: number;
  readonly speed: number;
  readonly seed: number;
}

export async function runRetailDemo(
  demo: RetailDemo,
  urls: readonly string[],
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const { data, seed, speed } = demo;
  const clock = businessClock({ speed });
  const startsAt = clock.now();
  const hubs = (await readHubs(data)) ?? hubsOfOurOwn;
  const destinations = (await readDestinations(data)) ?? destinationsOfOurOwn();
  const profile = await readCalibration(join(data, 'carrier-calibration')).catch((error: unknown) => {
    if (error instanceof ProfileInvalid) return DEFAULT_PROFILE;
    throw error;
  });
  const rules = demoRules(hubs, profile, REGION);
  const policy = await standardPolicy();
  const prefix = `${startsAt.toString(36)}-`;
  const { orders, from } = await retailDemand({ data, count: demo.orders, seed, prefix, startsAt, destinations });
  say('demo', `orders   ${counted(orders.length, 'order')} of ${from}`);
  say(
    'demo',
    `carriers ${profile.services.length} services, simulated (seed ${seed}); ${hubs.length} hubs; ${speed} times as fast`,
  );
  if (policy === undefined) say('demo', 'policy   none was found: exceptions are left to people');
  const connections = await connectRegions(urls);
  const grid = connections.find(({ region }) => region === REGION)?.client;
  if (grid === undefined) throw new Error(`the demonstration needs the region ${REGION}`);
  const outside = simulatedOutside({ seed, profiles: [profile], clock });
  const stock = await stockUp(grid, hubs, orders, seed);
  say(
    'demo',
    `stock    ${stock.skus} SKUs over ${hubs.length} hubs, ${stock.short} of them short until more is supplied`,
  );
  const lastAt = orders.at(-1)?.afterMs ?? 0;
  say(
    'demo',
    `ends     once each is delivered, cancelled or left to a person; a day takes ${duration(DAY_MS / speed)}, the last order comes on day ${Math.floor(lastAt / DAY_MS) + 1}`,
  );
  const log = (line: string): void => say('log', line);
  const roles = ['source', 'fulfil', 'exceptions'] as const;
  const live = await openLive({ state: 'alone', roles, stated: rules, rules: () => rules, clock, log });
  const running = await runOrders({
    connections,
    roles,
    rules,
    ...(policy === undefined ? {} : { policy }),
    clock,
    ...outside,
    limits: BESIDE_THE_GRID,
    live,
    log,
  });
  // One for each order that waits for its turn.
  setMaxListeners(0, signal);
  const begun = Date.now();
  const board = new Board(grid);
  try {
    const wait = (ms: number): Promise<void> => sleep(Math.max(0, ms), undefined, { signal });
    const until = (afterMs: number): Promise<void> => wait(clock.toGrid(startsAt + afterMs) - Date.now());
    let captured = 0;
    const capturing = (async () => {
      for (const { afterMs, order } of orders) {
        await until(afterMs);
        await grid.captureOrder({ region: REGION, order, requestId: captureRequestId(order.orderId) });
        board.watch(order.orderId);
        captured += 1;
        if (captured === 1)
          say('follow', `follow   one: ${commandFor(order.orderId, urls)}; lines of progress name the newest`);
        void mishap(grid, order.orderId, seed, speed, signal);
      }
    })();
    const supplying = until(SUPPLY_AFTER_MS).then(() => adjust(grid, stock.supply));
    const all = Promise.all([capturing, supplying]);
    all.catch(() => {});
    for (let said = Date.now(); captured < orders.length || !board.isDone; ) {
      await Promise.race([wait(500), all.then(() => wait(500))]);
      await board.look();
      if (Date.now() - said > PROGRESS_MS) {
        said = Date.now();
        const newest = orders[captured - 1]?.order.orderId ?? '';
        const line = progressLine(board.seen, captured, running.figures, clock.now() - startsAt);
        say('progress', `${line}; newest ${newest}`, {
          captured,
          newest,
          figures: running.figures,
        });
      }
      const isLong = Date.now() - begun > PATIENCE_LEAST_MS;
      if (isLong && clock.now() - startsAt > PATIENCE_MS + lastAt) break;
    }
    await all;
    const text = `\n${summary(board.seen, Date.now() - begun)}`;
    say('summary', text, {
      orders: board.seen.map(({ orderId, detail, isEnded }) => ({ orderId, status: detail.status, isEnded })),
    });
    say('try', `try      ${commandFor(interesting(board.seen), urls)}`);
    say('demo finished', 'demo finished: the grid goes on; Ctrl-C ends it');
  } finally {
    await running.stop();
    await live.stop();
    await outside.close();
    await closeAll(connections);
  }
}

function commandFor(orderId: string, urls: readonly string[]): string {
  return `npx holdfast order ${orderId} --url ${urls.find((url) => url !== urls[0]) ?? urls[0]}`;
}

/** The order with the longest journey to show. */
function interesting(seen: readonly Seen[]): string {
  const weight = ({ detail }: Seen): number => detail.exceptions.length * 10 + detail.packages.length;
  return seen.reduce((best, one) => (weight(one) > weight(best) ? one : best), seen[0] as Seen).orderId;
}

/** The one beside the sources, where they are. */
async function standardPolicy(): Promise<Policy | undefined> {
  for (const up of ['../../../examples', '../../../../examples']) {
    try {
      return parsePolicy(await readFile(new URL(`${up}/policies/standard.yaml`, import.meta.url), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

interface Position {
  readonly sku: string;
  readonly node: string;
  readonly delta: number;
}

/** About what is going to be asked for, spread over some of the hubs; of a few SKUs too little. More is supplied later. */
async function stockUp(grid: HoldfastClient, hubs: readonly Hub[], orders: readonly TimedOrder[], seed: number) {
  const demand = new Map<string, number>();
  for (const { order } of orders) {
    for (const { sku, qty } of order.lines) demand.set(sku, qty + (demand.get(sku) ?? 0));
  }
  const positions: Position[] = [];
  const supply: Position[] = [];
  let short = 0;
  for (const [sku, units] of demand) {
    const isShort = drawOf(seed, 'short', sku) < 0.03;
    if (isShort) short += 1;
    const has = hubs.filter((hub, n) => n === 0 || drawOf(seed, 'has', sku, hub.node) < 0.55);
    for (const hub of has) positions.push({ sku, node: hub.node, delta: Math.ceil(units * (isShort ? 0.05 : 0.5)) });
    supply.push({ sku, node: has.at(-1)?.node ?? '', delta: units });
  }
  await adjust(grid, positions);
  return { skus: demand.size, short, supply };
}

async function adjust(grid: HoldfastClient, positions: readonly Position[]): Promise<void> {
  for (let at = 0; at < positions.length; at += BATCH) {
    const items = positions
      .slice(at, at + BATCH)
      .map(({ sku, node, delta }) => ({ op: 'adjust', sku, region: REGION, node, delta, reason: 'supply' }) as const);
    await grid.batch(items);
  }
}

/** What customers and banks do to some orders, some hours after they came. */
async function mishap(
  grid: HoldfastClient,
  orderId: string,
  seed: number,
  speed: number,
  signal: AbortSignal,
): Promise<void> {
  const luck = drawOf(seed, 'mishap', orderId);
  if (luck > CANCELS + UNPAID) return;
  const afterMs = drawOf(seed, 'when', orderId) * 60 * HOUR_MS;
  const raised =
    luck < CANCELS
      ? { kind: 'cancelRequest', evidence: { reason: 'changedMind' } }
      : { kind: 'paymentFailure', evidence: { reason: 'declined', attempts: 1, retrySuccess: 0.6 } };
  try {
    await sleep(afterMs / speed, undefined, { signal });
    await grid.advanceOrder({ region: REGION, orderId, command: { type: 'raise', ...raised }, requestId: raised.kind });
    if (luck < CANCELS) return;
    await sleep((20 * HOUR_MS) / speed, undefined, { signal });
    await grid.advanceOrder({
      region: REGION,
      orderId,
      command: { type: 'unhold', holdType: 'payment' },
      requestId: 'paid',
    });
  } catch {
    // The order was ended first, or the demonstration is.
  }
}

/** The orders, looked at again and again until they are ended. */
class Board {
  readonly #grid: HoldfastClient;
  readonly #orders = new Map<string, Seen | undefined>();

  constructor(grid: HoldfastClient) {
    this.#grid = grid;
  }

  watch(orderId: string): void {
    this.#orders.set(orderId, undefined);
  }

  get seen(): Seen[] {
    return [...this.#orders.values()].filter((one) => one !== undefined);
  }

  get isDone(): boolean {
    return [...this.#orders.values()].every((one) => one?.isEnded === true);
  }

  async look(): Promise<void> {
    const open = [...this.#orders].filter(([, one]) => one?.isEnded !== true).map(([orderId]) => orderId);
    for (let at = 0; at < open.length; at += LOOKED_AT_ONCE) {
      await Promise.all(
        open.slice(at, at + LOOKED_AT_ONCE).map(async (orderId) => {
          const { detail: json, tasks } = await this.#grid.getOrder({ region: REGION, orderId });
          const detail = json as unknown as OrderDetail;
          const isLeft = detail.exceptions.some(({ state }) => state === 'ESCALATED');
          const isOver = detail.status === 'DELIVERED' || detail.status === 'CANCELLED' || detail.status === 'REFUNDED';
          const isIdle = tasks.every(
            ({ kind }) => kind === 'dead' || (isLeft && (kind === 'source' || kind === 'replan')),
          );
          this.#orders.set(orderId, { orderId, detail, isEnded: isIdle && (isOver || isLeft) });
        }),
      );
    }
  }
}
