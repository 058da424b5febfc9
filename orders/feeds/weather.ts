// Weather: hourly at stations, as rows of origin, time_hour, temp (°F), wind_speed and wind_gust (mph), precip (inches), visib (miles); and
// how much it hinders who drives parcels. Pure.
import { kmBetween } from '../sourcing/geo.ts';
import { STATION_REACH_KM, WEATHER_STALE_AFTER_MS } from './limits.ts';
import { FeedMalformed, type Reading, readingAt, type Timed } from './reading.ts';
import { rowsOf } from './rows.ts';

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
  for (const { row, cells } of rowsOf(text, ['origin', 'time_hour'])) {
    const { origin: station = '' } = cells;
    const at = Date.parse(cells['time_hour'] ?? '');
    if (Number.isNaN(at)) throw new FeedMalformed(`row ${row}, time_hour: ${cells['time_hour']} is no time`);
    const known = stations.get(station) ?? { station, ...placeOf(station, cells, row), severities: [] };
    stations.set(station, known);
    known.severities.push({ at, value: severityOf(cells) });
  }
  for (const { severities } of stations.values()) severities.sort((a, b) => a.at - b.at);
  return [...stations.values()];
}

function placeOf(station: string, cells: Readonly<Record<string, string>>, row: number): Spot {
  const latitude = Number(cells['latitude'] || Number.NaN);
  const longitude = Number(cells['longitude'] || Number.NaN);
  if (Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) return { latitude, longitude };
  const known = STATIONS.get(station);
  if (known === undefined) throw new FeedMalformed(`row ${row}: where is ${station}? Give latitude and longitude.`);
  return known;
}

/**
 * 0 (nothing in the way) to 1 (nobody drives): the worst of wind from 25 to 60 mph, rain or snow from 0.1 to 0.5 inches an hour, and
 * sight below a mile; frozen rain is 0.3 more. Made up; what is not measured (NA) hinders nobody.
 */
function severityOf(cells: Readonly<Record<string, string>>): number {
  const number = (name: string, otherwise: number): number => {
    const value = Number(cells[name] || Number.NaN);
    return Number.isNaN(value) ? otherwise : value;
  };
  const wind = Math.max(number('wind_speed', 0), number('wind_gust', 0));
  const precip = number('precip', 0);
  const frozen = precip > 0 && number('temp', 60) <= 32 ? 0.3 : 0;
  const worst = Math.max((wind - 25) / 35, (precip - 0.1) / 0.4, 1 - number('visib', 10)) + frozen;
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
