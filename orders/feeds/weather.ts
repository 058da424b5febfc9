// Weather: hourly at stations, as rows of origin, time_hour, temp (°F), wind_speed and wind_gust (mph), precip (inches), visib (miles); and
// how much it hinders who drives parcels. Pure.
import { kmBetween } from '../sourcing/geo.ts';
import { STATION_REACH_KM, WEATHER_STALE_AFTER_MS } from './limits.ts';
import { FeedMalformed, type Reading, readingAt, type Timed } from './reading.ts';
import { numberOf, type Row, rowsOf } from './rows.ts';

export interface Station {
  readonly station: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly severities: readonly Timed<number>[];
}

interface Spot {
  readonly latitude: number;
  readonly longitude: number;
}

/** Where the stations of the New York data are; others say so in columns latitude and longitude. */
const STATIONS: ReadonlyMap<string, Spot> = new Map([
  ['EWR', { latitude: 40.6925, longitude: -74.1687 }],
  ['JFK', { latitude: 40.6413, longitude: -73.7781 }],
  ['LGA', { latitude: 40.7769, longitude: -73.874 }],
]);

/** @throws FeedMalformed naming the row */
export function readWeather(text: string): readonly Station[] {
  const stations = new Map<string, Station & { readonly severities: Timed<number>[] }>();
  for (const one of rowsOf(text, ['origin', 'time_hour'])) {
    const { row, cells } = one;
    const { origin: station = '' } = cells;
    const at = timeOf(cells['time_hour'] ?? '');
    if (Number.isNaN(at)) {
      throw new FeedMalformed(`row ${row}, time_hour: ${cells['time_hour']} is no time such as 2026-11-27T06:00:00Z`);
    }
    const known = stations.get(station) ?? { station, ...placeOf(station, one), severities: [] };
    stations.set(station, known);
    const value = severityOf(one);
    if (value !== undefined) known.severities.push({ at, value });
  }
  for (const { severities } of stations.values()) severities.sort((a, b) => a.at - b.at);
  return [...stations.values()];
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))? ?(Z|UTC|[+-]\d\d:?\d\d)?$/;

/** UTC where no offset is named, whatever the time zone of this machine. NaN where it is none. */
function timeOf(text: string): number {
  const [, date, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  return date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone === 'UTC' ? 'Z' : zone}`);
}

function placeOf(station: string, one: Row): Spot {
  const { row } = one;
  const latitude = numberOf(one, 'latitude') ?? Number.NaN;
  const longitude = numberOf(one, 'longitude') ?? Number.NaN;
  if (Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) return { latitude, longitude };
  const known = STATIONS.get(station);
  if (known === undefined) throw new FeedMalformed(`row ${row}: where is ${station}? Give latitude and longitude.`);
  return known;
}

/**
 * 0 (nothing in the way) to 1 (nobody drives): the worst of wind from 25 to 60 mph, rain or snow from 0.1 to 0.5 inches an hour, and
 * sight below a mile; frozen rain is 0.3 more. Made up; what is not measured (NA) hinders nobody. Undefined where nothing of it was: no row
 * says that it is calm by leaving all out.
 */
function severityOf(one: Row): number | undefined {
  const measured = (name: string): number | undefined => numberOf(one, name);
  const [wind, gust, precip, visib] = ['wind_speed', 'wind_gust', 'precip', 'visib'].map(measured);
  if ([wind, gust, precip, visib].every((value) => value === undefined)) return undefined;
  const frozen = (precip ?? 0) > 0 && (measured('temp') ?? 60) <= 32 ? 0.3 : 0;
  const blows = (Math.max(wind ?? 0, gust ?? 0) - 25) / 35;
  const worst = Math.max(blows, ((precip ?? 0) - 0.1) / 0.4, 1 - (visib ?? 10)) + frozen;
  return Math.min(1, Math.max(0, Math.round(worst * 1e4) / 1e4));
}

export interface WeatherTerms {
  readonly staleAfterMs?: number;
  readonly reachKm?: number;
  /** The severity that counts where nothing is known. */
  readonly fallback: number;
}

/** How bad it is there now, by the nearest station. */
export function weatherAt(
  stations: readonly Station[] | undefined,
  place: Spot,
  terms: WeatherTerms,
  now: number,
): Reading<number> {
  const { staleAfterMs = WEATHER_STALE_AFTER_MS, reachKm = STATION_REACH_KM, fallback } = terms;
  if (stations === undefined) return readingAt(undefined, { staleAfterMs, fallback }, now);
  const near = stations
    .map((station) => ({ station, km: kmBetween(station, place) }))
    .filter(({ km }) => km <= reachKm)
    .sort((a, b) => a.km - b.km);
  const readings = near.map(({ station }) => readingAt(station.severities, { staleAfterMs, fallback }, now));
  // A station that is silent is stood in for by the next one.
  const found = readings.find(({ source }) => source === 'feed') ?? readings[0];
  return found ?? { value: fallback, source: 'default', reason: `no station within ${reachKm} km` };
}

/** Why weather counts nowhere now, though there is a document of it. Undefined: some station says how it is. */
export function whyUnknown(stations: readonly Station[], now: number): string | undefined {
  const terms = { staleAfterMs: WEATHER_STALE_AFTER_MS, fallback: 0 };
  const readings = stations.map(({ severities }) => readingAt(severities, terms, now));
  if (readings.some(({ source }) => source === 'feed')) return undefined;
  const newest = Math.max(...readings.map(({ asOf = Number.NEGATIVE_INFINITY }) => asOf));
  if (!Number.isFinite(newest)) return 'no station has measured anything up to now';
  const hours = WEATHER_STALE_AFTER_MS / 3_600_000;
  return `stale: the last that was measured is of ${new Date(newest).toISOString()}, and ${hours} hours count`;
}
