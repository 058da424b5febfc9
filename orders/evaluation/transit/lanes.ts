// Simulated lanes: eight hubs, the calibrated carrier services and the zip3 areas of the contiguous USA, with what a model has to cope
// with: services and areas that differ, a slow drift and sudden changes, a peak season, closed Sundays, strikes and storms. Not made
// from the model that is judged by it: a disruption slows a parcel's own clock, whatever the parcel has done before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { stopsOf } from '../../carriers/simulated/journey.ts';
import { kmBetween } from '../../sourcing/geo.ts';
import type { Shipment } from '../../transit/model.ts';
import { cumulated, Random } from './random.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2024, 0, 1);

/** The calibration has ratios only, so what they are ratios of is assumed: lognormal days by distance. */
const BASE_MEDIAN_DAYS = [1.1, 1.7, 2.3, 2.9, 3.6];
const BASE_SIGMA = 0.38;
const RATIO_SHARES = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98];
/** Of the standard normal distribution at those shares. */
const RATIO_NORMAL = [-2.054, -1.645, -1.282, -0.842, -0.385, 0, 0.385, 0.842, 1.282, 1.645, 2.054];
/** Services that carry less of a distance band are left out: their ratios are estimates from few. */
const SHARE_MIN = 0.004;
const AREAS_ABROAD = /^(AK|HI|PR|VI|GU|AS|MP|FM|MH|PW|AE|AA|AP)$/;

/** As the simulated carrier has it (orders/carriers/simulated/SIMULATED.md). */
const SCANS = { lost: 0.04, late: 0.05, lateMeanMs: 6 * 3_600_000, delayMeanMs: 3 * 60_000 };

export interface WorldSettings {
  readonly days: number;
  readonly parcelsPerDay: number;
}

export const WORLD: WorldSettings = { days: 100, parcelsPerDay: 1_000 };

export interface Case {
  readonly shipment: Shipment;
  /** ms since the epoch; undefined for a parcel that is lost. */
  readonly deliveredAt: number | undefined;
  /** When the delivery becomes known, ms since the epoch. */
  readonly knownAt: number | undefined;
  /** Before the delivery, each told once; those that get lost are not among them. */
  readonly scans?: readonly ScanTold[];
  /** Handed over while a disruption was on that slows parcels like it: days since that had begun. */
  readonly disruptedDays?: number;
}

/** Times are ms since the epoch. */
interface ScanTold {
  readonly at: number;
  readonly knownAt: number;
}

interface Hub {
  readonly node: string;
  readonly latitude: number;
  readonly longitude: number;
}

interface Area extends Omit<Hub, 'node'> {
  readonly zip3: string;
  readonly zips: number;
}

interface Service {
  readonly service: string;
  readonly share: number;
  /** Days at each of RATIO_SHARES. */
  readonly days: readonly number[];
}

interface Disruption {
  readonly from: number;
  readonly until: number;
  readonly speed: number;
  readonly hits: (service: string, area: Area) => boolean;
}

export interface Calibration {
  readonly hubs: readonly Hub[];
  readonly areas: readonly Area[];
  /** km, ascending; one more band than edges. */
  readonly edges: readonly number[];
  readonly bands: readonly (readonly Service[])[];
}

/** @param directory that has carrier-calibration/ and geo/ */
export function readCalibration(directory: string): Calibration {
  const rows = (file: string) =>
    parse(readFileSync(join(directory, file)), { columns: true }) as Readonly<Record<string, string>>[];
  const hubs = rows('carrier-calibration/hubs.csv').map((row) => ({
    node: `hub-${row['dc_id']}`,
    latitude: Number(row['hub_lat']),
    longitude: Number(row['hub_lon']),
  }));
  const sums = new Map<string, Area>();
  for (const { zip_code = '', state = '', latitude, longitude } of rows('geo/us_zipcodes.csv')) {
    if (state === '' || AREAS_ABROAD.test(state)) continue;
    const zip3 = zip_code.slice(0, 3);
    const sum = sums.get(zip3) ?? { zip3, zips: 0, latitude: 0, longitude: 0 };
    sums.set(zip3, {
      zip3,
      zips: sum.zips + 1,
      latitude: sum.latitude + Number(latitude),
      longitude: sum.longitude + Number(longitude),
    });
  }
  const areas = [...sums.values()].map(({ zip3, zips, latitude, longitude }) => ({
    zip3,
    zips,
    latitude: latitude / zips,
    longitude: longitude / zips,
  }));
  const { edges_km } = JSON.parse(
    readFileSync(join(directory, 'carrier-calibration/calibration_dist_bins_km.json'), 'utf8'),
  ) as { edges_km: number[] };
  const ratios = rows('carrier-calibration/real_ratios_cs.csv');
  const bands = BASE_MEDIAN_DAYS.map((median, band) =>
    ratios
      .filter((row) => Number(row['dist_bin']) === band && Number(row['share_in_bin']) >= SHARE_MIN)
      .map((row) => ({
        service: `service-${row['carrier_service_id_anon']}`,
        share: Number(row['share_in_bin']),
        days: rising(
          RATIO_NORMAL.map((z, n) => {
            const ratio = Number(row[`r_p${String(Math.round((RATIO_SHARES[n] as number) * 100)).padStart(3, '0')}`]);
            return ratio * median * Math.exp(BASE_SIGMA * z);
          }),
        ),
      })),
  );
  return { hubs, areas, edges: edges_km, bands };
}

/** All parcels of a world, by the time of their hand-over. */
export function simulateLanes(seed: number, calibration: Calibration, world: WorldSettings = WORLD): Case[] {
  const { hubs, areas, edges, bands } = calibration;
  const random = new Random(seed);
  /** Apart, so that a world is the same whether its parcels are scanned or not. */
  const scanning = new Random(seed + 1_000_000);
  const weights = cumulated(areas.map(({ zips }) => zips));
  const names = [...new Set(bands.flatMap((band) => band.map(({ service }) => service)))];
  const areaEffects = areas.map(() => random.normal(0.1));
  const laneEffects = new Map<string, number>();
  const drifts = new Map(names.map((name) => [name, driftOf(random, world.days)]));
  const changes = names.map((name) => ({
    name,
    from: random.between(0.2, 0.95) * world.days,
    region: String(Math.floor(random.next() * 10)),
    effect: random.normal(0.15),
  }));
  const disruptions = disruptionsOf(random, names, areas, weights, world.days);
  const nearest = areas.map((area) => [...hubs].sort((a, b) => kmBetween(a, area) - kmBetween(b, area)));
  const cases: Case[] = [];
  for (let day = 0; day < world.days; day++) {
    const weekday = new Date(START_MS + day * DAY_MS).getUTCDay();
    const peak = 1 + Math.exp(-(((day - 0.7 * world.days) / 8) ** 2));
    const parcels = weekday === 0 ? 0 : Math.round(world.parcelsPerDay * peak * (weekday === 6 ? 0.5 : 1));
    for (let n = 0; n < parcels; n++) {
      const which = random.pick(weights);
      const area = areas[which] as Area;
      const from = random.next();
      const rank = from < 0.65 ? 0 : from < 0.85 ? 1 : Math.floor(random.next() * hubs.length);
      const hub = (nearest[which] as Hub[])[rank] as Hub;
      const km = kmBetween(hub, area);
      const band = bands[edges.filter((edge) => km >= edge).length] as readonly Service[];
      const service = band[random.pick(cumulated(band.map(({ share }) => share)))] as Service;
      const lane = `${service.service} ${hub.node} ${area.zip3}`;
      if (!laneEffects.has(lane)) laneEffects.set(lane, random.normal(0.12));
      const handedOver = day + random.between(15, 18) / 24;
      const change = changes.find(
        (one) => one.name === service.service && one.from <= day && area.zip3.startsWith(one.region),
      );
      const effect =
        (areaEffects[which] as number) +
        (laneEffects.get(lane) as number) +
        (drifts.get(service.service)?.[day] as number) +
        (change?.effect ?? 0);
      const work = drawDays(service.days, random.next()) * Math.exp(effect);
      const hitting = disruptions.filter((one) => one.until > handedOver && one.hits(service.service, area));
      const delivered = openDoor(moved(handedOver, work, hitting), random);
      const lost = random.next() < 0.003;
      const deliveredAt = lost ? undefined : START_MS + Math.round(delivered * DAY_MS);
      cases.push({
        shipment: {
          shipmentId: `${seed}-${day}-${n}`,
          node: hub.node,
          service: service.service,
          postalCode: `${area.zip3}01`,
          km,
          handedOverAt: START_MS + Math.round(handedOver * DAY_MS),
        },
        deliveredAt,
        knownAt: deliveredAt,
        scans: lost ? [] : scansOf(scanning, km, (share) => moved(handedOver, share * work, hitting)),
        ...disruptedDays(hitting, handedOver),
      });
    }
  }
  return cases.sort((a, b) => a.shipment.handedOverAt - b.shipment.handedOverAt);
}

/** @param doneAt day on which a share of the way is done */
function scansOf(random: Random, km: number, doneAt: (share: number) => number): ScanTold[] {
  return stopsOf(km, () => random.next() - 0.5).flatMap(({ share, kind }) => {
    const [isLost, isLate] = [random.next() < SCANS.lost, random.next() < SCANS.late];
    const delay = random.exponential(SCANS.delayMeanMs) + (isLate ? random.exponential(SCANS.lateMeanMs) : 0);
    if (kind === 'delivered' || isLost) return [];
    const at = START_MS + Math.round(doneAt(share) * DAY_MS);
    return [{ at, knownAt: Math.round(at + delay) }];
  });
}

/** Strikes stop one service everywhere or in a part of the country, storms all services around a place. */
function disruptionsOf(
  random: Random,
  names: readonly string[],
  areas: readonly Area[],
  weights: readonly number[],
  days: number,
): Disruption[] {
  const found: Disruption[] = [];
  for (const name of names) {
    for (let at = random.exponential(75); at < days; at += random.exponential(75)) {
      const region = random.next() < 0.5 ? undefined : String(Math.floor(random.next() * 10));
      found.push({
        from: at,
        until: at + random.between(2, 7),
        speed: random.between(0.2, 0.7),
        hits: (service, area) => service === name && (region === undefined || area.zip3.startsWith(region)),
      });
    }
  }
  for (let at = random.exponential(8); at < days; at += random.exponential(8)) {
    const centre = areas[random.pick(weights)] as Area;
    const radiusKm = random.between(200, 600);
    found.push({
      from: at,
      until: at + random.between(1, 4),
      speed: random.between(0.2, 0.7),
      hits: (_, area) => kmBetween(centre, area) <= radiusKm,
    });
  }
  return found;
}

function disruptedDays(disruptions: readonly Disruption[], at: number): Pick<Case, 'disruptedDays'> {
  const on = disruptions.filter((one) => one.from <= at);
  return on.length === 0 ? {} : { disruptedDays: at - Math.min(...on.map(({ from }) => from)) };
}

/** When `work` days of undisturbed way are done, if each day counts for the speed of the worst disruption that is on. */
function moved(from: number, work: number, disruptions: readonly Disruption[]): number {
  let [at, left] = [from, work];
  for (;;) {
    const now = at;
    const on = disruptions.filter((one) => one.from <= now && one.until > now);
    const speed = Math.min(1, ...on.map((one) => one.speed));
    const next = Math.min(
      ...disruptions.flatMap((one) => [one.from, one.until]).filter((edge) => edge > now),
      Number.POSITIVE_INFINITY,
    );
    if (left / speed <= next - now) return now + left / speed;
    left -= (next - now) * speed;
    at = next;
  }
}

/** Parcels are delivered by day, from Monday to Saturday. */
function openDoor(at: number, random: Random): number {
  let day = Math.floor(at);
  let hour = (at - day) * 24;
  if (hour > 20) {
    day++;
    hour = 0;
  }
  if (new Date(START_MS + day * DAY_MS).getUTCDay() === 0) {
    day++;
    hour = 0;
  }
  return day + (hour < 9 ? random.between(9, 14) : hour) / 24;
}

/** A log effect for each day that wanders and returns. */
function driftOf(random: Random, days: number): number[] {
  let effect = random.normal(0.08);
  return Array.from({ length: days }, () => (effect = 0.96 * effect + random.normal(0.022)));
}

function drawDays(days: readonly number[], share: number): number {
  const last = RATIO_SHARES.length - 1;
  if (share <= (RATIO_SHARES[0] as number)) return days[0] as number;
  for (let n = 1; n <= last; n++) {
    const [low, high] = [RATIO_SHARES[n - 1] as number, RATIO_SHARES[n] as number];
    if (share > high) continue;
    const [from, to] = [days[n - 1] as number, days[n] as number];
    return from + ((to - from) * (share - low)) / (high - low);
  }
  // The slowest two in a hundred: a tail that falls with the cube of the days.
  return (days[last] as number) * ((1 - (RATIO_SHARES[last] as number)) / (1 - share)) ** (1 / 3);
}

function rising(values: readonly number[]): number[] {
  let highest = 0;
  return values.map((value) => (highest = Math.max(highest, value)));
}
