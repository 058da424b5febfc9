// Parcels on their way through one simulated world under one way of re-planning: who looks at them every six hours, what is done, and how
// it ends. What is known of a parcel is what the carrier has told by then; what happens to it, only the world knows.
import type { Life } from '../../carriers/simulated/journey.ts';
import { draw } from '../../carriers/simulated/random.ts';
import { kmBetween } from '../../sourcing/geo.ts';
import type { Leg, Observation, RiskModel } from './risk.ts';
import {
  BEGIN,
  DAY_MS,
  deliveredAt,
  freightOf,
  HOUR_MS,
  NODES,
  type Parcel,
  type Service,
  type ShipNode,
  WORLD,
  type World,
} from './world.ts';

/** What things cost, minor units; the policy is told the same. */
export const COSTS = {
  rebook: 100,
  notice: 5,
  /** What each day costs that a new promise is later than the one before. */
  waitingDay: 60,
  redirectFee: 1_500,
  reshipHandling: 400,
  /** Of the value: what the goods cost. */
  goodsShare: 0.7,
  /** Of the cost of goods that come back in time to be sold. */
  recoveredShare: 0.9,
  breachFixed: 500,
  breachShare: 0.1,
  toldShare: 0.4,
  /** Before the promise: who is told later than this is not told in time. */
  toldHours: 12,
  /** A parcel that never comes and that nobody has dealt with: refunded, by a person. */
  abandoned: 900,
} as const;

const REVIEW_MS = 6 * HOUR_MS;
const GIVEN_UP: ReadonlySet<string> = new Set(['damaged', 'addressProblem', 'returned']);
/** A replacement is packed so soon. */
export const RESHIP_MS = 8 * HOUR_MS;

export type Deed =
  | { readonly action: 'upgrade' | 'reroute' | 'reship'; readonly service: Service }
  | { readonly action: 'repromise'; readonly promisedAt: number }
  | { readonly action: 'refund' | 'escalate' };

/** What is known of a parcel that has not been delivered as far as anybody knows. */
export interface Seen {
  readonly parcel: Parcel;
  readonly now: number;
  readonly service: Service;
  /** The ship node that it was sent from, and when it was ready to be. */
  readonly from: ShipNode;
  readonly readyAt: number;
  /** When the carrier took it; undefined: not yet. */
  readonly handedOverAt: number | undefined;
  readonly lastScanAt: number | undefined;
  readonly isOutForDelivery: boolean;
  /** The carrier has told that it is damaged, has an address to which it cannot be delivered, or goes back. */
  readonly isGivenUp: boolean;
  /** Where it was scanned last, or where it waits. */
  readonly place: { readonly latitude: number; readonly longitude: number };
  /** What stands now, after new promises. */
  readonly promisedAt: number;
  /** Its carrier can be booked. */
  readonly isBookable: boolean;
  /** Done so far, and what of it did not work. */
  readonly done: readonly Deed['action'][];
  readonly failed: readonly Deed['action'][];
  /** A second parcel was sent instead, and is what is seen here. */
  readonly isReplaced: boolean;
}

export interface Way {
  readonly name: string;
  /** Undefined: nothing is done. */
  review(seen: Seen, world: World, model: RiskModel): Deed | undefined;
  /** It has been delivered, or given up. */
  ended?(parcel: Parcel, end: Ending, now: number): void;
}

export interface Ending {
  readonly parcel: Parcel;
  readonly deliveredAt: number | undefined;
  /** The promise that was made at capture. */
  readonly firstMissed: boolean;
  /** The promise that stood at the end; a refund is none that is missed. */
  readonly lastMissed: boolean;
  /** The customer was told before the first promise had passed. */
  readonly isTold: boolean;
  readonly actionCost: number;
  readonly breachCost: number;
  /** Not counting new promises. */
  readonly interventions: number;
  readonly notices: number;
  /** When something was done first, a new promise included. */
  readonly firstDeedAt: number | undefined;
  readonly isRefunded: boolean;
  /** It was paid back or sent once more, and came all the same. */
  readonly isReversed: boolean;
}

interface Running {
  readonly parcel: Parcel;
  service: Service;
  life: Life;
  leg: number;
  /** A second parcel that was sent instead. */
  replacement: (Pick<Seen, 'service' | 'from' | 'readyAt'> & { readonly life: Life }) | undefined;
  promisedAt: number;
  toldAt: number | undefined;
  actionCost: number;
  interventions: number;
  notices: number;
  firstDeedAt: number | undefined;
  isRefunded: boolean;
  reported: boolean;
  /** Scans that the model was told of. */
  reportedScans: number;
  readonly done: Deed['action'][];
  readonly failed: Deed['action'][];
}

export function run(world: World, way: Way, model: RiskModel): readonly Ending[] {
  const endings: Ending[] = [];
  let running: Running[] = [];
  let next = 0;
  const end = BEGIN + WORLD.endDay * DAY_MS;
  for (let now = BEGIN; now <= end; now += REVIEW_MS) {
    for (; next < world.parcels.length && (world.parcels[next] as Parcel).readyAt <= now; next++) {
      running.push(begin(world, world.parcels[next] as Parcel));
    }
    const told = new Map(running.map((one) => [one, toldBy(one.life, now)]));
    const news: Observation[] = [];
    for (const [one, scans] of told) news.push(...newsOf(one, scans));
    model.observe(news, now);
    running = running.filter((one) => {
      const scans = told.get(one) ?? [];
      const arrived = now >= end || one.isRefunded || isDelivered(scans) || toldReplaced(one, now);
      if (arrived) {
        const ending = endingOf(one);
        endings.push(ending);
        way.ended?.(one.parcel, ending, now);
        return false;
      }
      const deed = way.review(seenOf(one, scans, world, now), world, model);
      if (deed !== undefined) apply(one, deed, world, now);
      return true;
    });
  }
  return endings.sort((a, b) => (a.parcel.orderId < b.parcel.orderId ? -1 : 1));
}

function begin(world: World, parcel: Parcel): Running {
  return {
    parcel,
    service: parcel.service,
    life: world.planned(parcel),
    leg: 1,
    replacement: undefined,
    promisedAt: parcel.promisedAt,
    toldAt: undefined,
    actionCost: 0,
    interventions: 0,
    notices: 0,
    firstDeedAt: undefined,
    isRefunded: false,
    reported: false,
    reportedScans: 0,
    done: [],
    failed: [],
  };
}

/** The nearest node, from which a replacement is sent. */
export function nearestNode(parcel: Parcel): ShipNode {
  return NODES.reduce((best, one) => (kmBetween(one, parcel.to) < kmBetween(best, parcel.to) ? one : best));
}

export function legOf(
  parcel: Parcel,
  service: Service,
  handedOverAt: number,
  from: { latitude: number; longitude: number; node?: string },
): Leg {
  return {
    node: from.node ?? parcel.from.node,
    service: service.simulated.service,
    postalCode: parcel.to.postalCode,
    km: kmBetween(from, parcel.to),
    handedOverAt,
  };
}

type Scan = Life['scans'][number];

/** Scans by when they are told first; those that never are, are not in it. */
const TOLD = new WeakMap<Life, readonly { readonly at: number; readonly scan: Scan }[]>();

function toldBy(life: Life, now: number): readonly Scan[] {
  let all = TOLD.get(life);
  if (all === undefined) {
    all = life.scans
      .filter(({ toldAt, kind }) => toldAt.length > 0 && kind !== 'labelCreated')
      .map((scan) => ({ at: Math.min(...scan.toldAt), scan }))
      .sort((a, b) => a.at - b.at);
    TOLD.set(life, all);
  }
  const told: Scan[] = [];
  for (const { at, scan } of all) {
    if (at > now) break;
    told.push(scan);
  }
  return told;
}

function newsOf(one: Running, told: readonly Scan[]): Observation[] {
  const shipmentId = `${one.parcel.orderId}#${one.leg}`;
  const pickedUp =
    told.find(({ kind }) => kind === 'pickedUp') ?? (one.leg === 2 ? { at: one.life.pickupAt } : undefined);
  const delivered = told.find(({ kind }) => kind === 'delivered');
  const news: Observation[] = [];
  if (pickedUp !== undefined && !one.reported) {
    one.reported = true;
    news.push({
      kind: 'handedOver',
      shipment: { shipmentId, ...legOf(one.parcel, one.service, pickedUp.at, one.parcel.from) },
    });
  }
  if (one.reported) {
    for (const { at } of told.slice(one.reportedScans)) news.push({ kind: 'scan', shipmentId, at });
    one.reportedScans = told.length;
  }
  if (delivered !== undefined && one.reported) news.push({ kind: 'delivered', shipmentId, at: delivered.at });
  return news;
}

function isDelivered(told: readonly Scan[]): boolean {
  return told.some(({ kind }) => kind === 'delivered');
}

function toldReplaced({ replacement }: Running, now: number): boolean {
  return replacement !== undefined && isDelivered(toldBy(replacement.life, now));
}

function seenOf(one: Running, scans: readonly Scan[], world: World, now: number): Seen {
  const { replacement } = one;
  const told = replacement === undefined ? scans : toldBy(replacement.life, now);
  const { parcel } = one;
  const { service, from, readyAt } = replacement ?? {
    service: one.service,
    from: parcel.from,
    readyAt: parcel.readyAt,
  };
  const isRedirected = one.leg === 2 && replacement === undefined;
  let last: Scan | undefined;
  for (const scan of told) if (last === undefined || scan.at > last.at) last = scan;
  return {
    parcel,
    now,
    service,
    from,
    readyAt,
    handedOverAt: isRedirected
      ? one.life.pickupAt
      : told.length === 0
        ? undefined
        : (told.find(({ kind }) => kind === 'pickedUp')?.at ?? told[0]?.at),
    lastScanAt: last?.at ?? (isRedirected ? one.life.pickupAt : undefined),
    isOutForDelivery: last?.kind === 'outForDelivery',
    isGivenUp: last !== undefined && GIVEN_UP.has(last.kind),
    place: last?.place ?? from,
    promisedAt: one.promisedAt,
    isBookable: world.bookableAt(service.carrier, now) === now,
    done: one.done,
    failed: one.failed,
    isReplaced: replacement !== undefined,
  };
}

function apply(one: Running, deed: Deed, world: World, now: number): void {
  one.firstDeedAt ??= now;
  one.done.push(deed.action);
  switch (deed.action) {
    case 'repromise':
      one.toldAt ??= now;
      one.actionCost += COSTS.notice + (COSTS.waitingDay * (deed.promisedAt - one.promisedAt)) / DAY_MS;
      one.promisedAt = deed.promisedAt;
      one.notices++;
      return;
    case 'refund':
      one.isRefunded = true;
      one.toldAt ??= now;
      one.interventions++;
      one.actionCost += one.parcel.value;
      return;
    case 'escalate':
      one.actionCost += COSTS.abandoned;
      return;
    case 'reship':
      one.interventions++;
      reship(one, deed.service, world, now);
      return;
    case 'upgrade':
    case 'reroute':
      one.interventions++;
      if (one.life.pickupAt > now) rebook(one, deed.service, world, now);
      else redirect(one, deed, world, now);
  }
}

function rebook(one: Running, service: Service, world: World, now: number): void {
  one.actionCost +=
    COSTS.rebook + Math.max(0, freightOf(service, one.parcel.km) - freightOf(one.service, one.parcel.km));
  one.life = world.lifeOf(one.parcel, service, now, 1);
  one.service = service;
}

/** By its carrier, from where it is, if it can be got hold of. */
function redirect(one: Running, { action, service }: Deed & { service: Service }, world: World, now: number): void {
  const { life, parcel } = one;
  const past = life.scans.filter(({ at }) => at <= now);
  const place = past.at(-1)?.place ?? parcel.from;
  const { intercept } = one.service.profile;
  const works = past.at(-1)?.kind === 'outForDelivery' ? intercept.outForDelivery : intercept.inTransit;
  one.actionCost += COSTS.redirectFee;
  const isOver = life.scans.some(({ kind, at }) => at <= now && (kind === 'delivered' || kind === 'returned'));
  const isGone = life.lost && past.length === life.scans.length;
  if (
    service.carrier !== one.service.carrier ||
    isOver ||
    isGone ||
    draw(world.seed, parcel.orderId, 'intercept') >= works
  ) {
    one.failed.push(action);
    return;
  }
  one.actionCost += freightOf(service, kmBetween(place, parcel.to));
  one.life = world.goingOn(parcel, service, now, place);
  one.leg = 2;
  one.reported = false;
  one.reportedScans = 0;
  one.service = service;
}

function reship(one: Running, service: Service, world: World, now: number): void {
  const { parcel } = one;
  const from = nearestNode(parcel);
  const goods = COSTS.goodsShare * parcel.value;
  const { intercept } = one.service.profile;
  const comesBack = !one.life.lost && draw(world.seed, parcel.orderId, 'return') < intercept.inTransit;
  one.actionCost += COSTS.reshipHandling + freightOf(service, kmBetween(from, parcel.to)) + COSTS.redirectFee;
  one.actionCost += comesBack ? goods * (1 - COSTS.recoveredShare) : goods;
  const readyAt = now + RESHIP_MS;
  one.replacement = { life: world.lifeOf(parcel, service, readyAt, 3, from), service, from, readyAt };
  // The first is called back; if that does not succeed both arrive.
  if (comesBack) one.life = { ...one.life, scans: one.life.scans.filter(({ at }) => at <= now) };
}

function endingOf(one: Running): Ending {
  const { parcel } = one;
  const comes = deliveredAt(one.life);
  const times = [comes, one.replacement && deliveredAt(one.replacement.life)].filter((at) => at !== undefined);
  const arrived = one.isRefunded || times.length === 0 ? undefined : Math.min(...times);
  const isLate = (promised: number): boolean => arrived === undefined || arrived > promised;
  const firstMissed = isLate(parcel.promisedAt);
  const isTold = one.toldAt !== undefined && one.toldAt <= parcel.promisedAt - COSTS.toldHours * HOUR_MS;
  const cost = COSTS.breachFixed + COSTS.breachShare * parcel.value + parcel.promiseValue;
  const lastMissed = !one.isRefunded && isLate(one.promisedAt);
  // Told in time, a part is paid whether it was necessary or not, and the rest if the new promise is missed as well.
  const missed = isTold ? COSTS.toldShare + (lastMissed ? 1 - COSTS.toldShare : 0) : firstMissed ? 1 : 0;
  const abandoned = arrived === undefined && !one.isRefunded ? COSTS.abandoned + parcel.value : 0;
  return {
    parcel,
    deliveredAt: arrived,
    firstMissed,
    lastMissed,
    isTold,
    actionCost: one.actionCost + abandoned,
    breachCost: missed * cost,
    interventions: one.interventions,
    notices: one.notices,
    firstDeedAt: one.firstDeedAt,
    isRefunded: one.isRefunded,
    isReversed: comes !== undefined && (one.isRefunded || one.replacement !== undefined),
  };
}
