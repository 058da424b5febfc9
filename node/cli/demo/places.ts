// Where the demonstration sends from and to: hubs and postal codes from data files where there are some, else a few that stand here.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { OrderDestination } from '../../../protocol/index.ts';

export interface Hub {
  readonly node: string;
  readonly state: string;
  readonly postalCode: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** Eight cities that the United States are served from. */
const HUBS: readonly Hub[] = [
  hub('brooklyn', 'NY', '11201', 40.6782, -73.9442),
  hub('chicago', 'IL', '60601', 41.8781, -87.6298),
  hub('los-angeles', 'CA', '90301', 33.9617, -118.3531),
  hub('charlotte', 'NC', '28201', 35.2271, -80.8431),
  hub('dallas', 'TX', '75201', 32.7767, -96.797),
  hub('seattle', 'WA', '98101', 47.6062, -122.3321),
  hub('orlando', 'FL', '32801', 28.5384, -81.3789),
  hub('denver', 'CO', '80201', 39.7392, -104.9903),
];

/** Time zones of the states that hubs are in; any other is taken for central. */
const TIME_ZONES: Readonly<Record<string, string>> = {
  NY: 'America/New_York',
  NC: 'America/New_York',
  FL: 'America/New_York',
  CO: 'America/Denver',
  CA: 'America/Los_Angeles',
  WA: 'America/Los_Angeles',
};

export function timeZoneOf({ state }: Hub): string {
  return TIME_ZONES[state] ?? 'America/Chicago';
}

function hub(node: string, state: string, postalCode: string, latitude: number, longitude: number): Hub {
  return { node, state, postalCode, latitude, longitude };
}

/** Those of the data; undefined where there are none. */
export async function readHubs(data: string): Promise<readonly Hub[] | undefined> {
  const rows = await rowsOf(join(data, 'carrier-calibration', 'hubs.csv'));
  return rows?.map((row) =>
    hub(
      (row['city_name'] ?? '').toLowerCase().replace(/[^a-z0-9]+/g, '-'),
      row['state'] ?? '',
      `${row['zip3'] ?? ''}00`,
      Number(row['hub_lat']),
      Number(row['hub_lon']),
    ),
  );
}

export const hubsOfOurOwn = HUBS;

/** Places in the contiguous United States that orders go to; the hubs' own cities where there are no data. */
export async function readDestinations(data: string): Promise<readonly OrderDestination[] | undefined> {
  const rows = await rowsOf(join(data, 'geo', 'us_zipcodes.csv'));
  return rows
    ?.map((row) => ({
      latitude: Number(row['latitude']),
      longitude: Number(row['longitude']),
      postalCode: row['zip_code'] ?? '',
      country: 'US',
      city: (row['city'] ?? '').slice(0, 64),
    }))
    .filter(({ latitude, longitude }) => latitude > 24 && latitude < 50 && longitude > -125 && longitude < -66);
}

export function destinationsOfOurOwn(): readonly OrderDestination[] {
  return HUBS.map(({ latitude, longitude, postalCode }) => ({ latitude, longitude, postalCode, country: 'US' }));
}

async function rowsOf(file: string): Promise<readonly Record<string, string>[] | undefined> {
  try {
    return parse(await readFile(file), { columns: true, skip_empty_lines: true }) as Record<string, string>[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
