// A profile from calibration data: a folder with the ratios of delivery times by service, distance and quantile, the slope of cost
// over distance, where services collect and deliver, and the edges of the distance bands. SIMULATED.md says what is measured in
// them and what is made up here.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { type CarrierProfile, type CarrierProfileInput, ProfileInvalid, readProfile, spread } from './profile.ts';

/** Made up: the data have multipliers, not days. Median days of the bands, nearest first. */
const MEDIAN_DAYS = [1.3, 2.1, 2.8, 3.5, 4.4];
/** Made up: the data have a slope only. */
const BASE_COST = 600;
const PER_KG = 60;
const FUEL_SURCHARGE = 0.14;
/** Minor units a km and unit of slope: the slope is in a currency unit of the data a km. */
const SLOPE_TO_MINOR = 40;
/** Three of the services have slopes of some hundred times the others', fitted on few lanes: they are held to this. */
const PER_KM_MAX = 1;
/** Beyond the last edge, as far as anything on earth. */
const BEYOND_KM = 20_100;

const ratios = z.array(
  z.object({ carrier_service_id_anon: z.string(), dist_bin: z.coerce.number().int().min(0) }).catchall(z.string()),
);
const costs = z.array(z.object({ carrier_service_id: z.string(), coef_distance_km: z.coerce.number() }));
const eligibility = z.array(
  z.object({ carrier_service_id: z.string(), zip3: z.string(), allowed_states: z.string(), has_coverage: z.string() }),
);
const edges = z.object({ edges_km: z.array(z.number().positive()).min(1).max(16) });

export interface CalibrationOptions {
  readonly carrier?: string;
  /** Takes what the data say of where services collect and deliver; without it, all go everywhere. */
  readonly coverage?: boolean;
  /** How it misbehaves; without it, as the default does. */
  readonly behaviour?: Omit<CarrierProfileInput, 'carrier' | 'services'>;
}

/** @throws ProfileInvalid naming the file that cannot be read, or what in it */
export async function readCalibration(directory: string, options: CalibrationOptions = {}): Promise<CarrierProfile> {
  const table = async <T>(file: string, schema: z.ZodType<T>): Promise<T> =>
    read(file, schema, (text) => parse(text, { columns: true, skip_empty_lines: true }));
  const read = async <T>(file: string, schema: z.ZodType<T>, parsed: (text: string) => unknown): Promise<T> => {
    try {
      return schema.parse(parsed(await readFile(join(directory, file), 'utf8')));
    } catch (error) {
      throw new ProfileInvalid(`${join(directory, file)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { edges_km } = await read('calibration_dist_bins_km.json', edges, JSON.parse);
  const slopes = new Map(
    (await table('real_cost_models_cs.csv', costs)).map((row) => [row.carrier_service_id, row.coef_distance_km]),
  );
  const lanes = options.coverage === true ? lanesOf(await table('dc_carrier_eligibility.csv', eligibility)) : undefined;
  const rows = await table('real_ratios_cs.csv', ratios);
  const ids = [...new Set(rows.map((row) => row.carrier_service_id_anon))].sort((a, b) => Number(a) - Number(b));
  const bands = [...edges_km, BEYOND_KM];
  const services = ids.map((id) => {
    const own = rows.filter((row) => row.carrier_service_id_anon === id);
    const transit = bands.flatMap((untilKm, bin) => {
      const row = own.find((one) => one.dist_bin === bin);
      return row === undefined ? [] : [{ untilKm, quantiles: curveOf(row, bin) }];
    });
    const perKm = Math.min(PER_KM_MAX, Math.max(0, slopes.get(id) ?? 0) * SLOPE_TO_MINOR);
    return {
      service: `service-${id}`,
      base: BASE_COST,
      perKm,
      perKg: PER_KG,
      fuelSurcharge: FUEL_SURCHARGE,
      transit,
      ...(lanes === undefined ? {} : { lanes: lanes.get(id) ?? {} }),
    };
  });
  return readProfile({ ...options.behaviour, carrier: options.carrier ?? 'calibrated', services });
}

/** The band's made-up days at each quantile, times the measured ratio; never falling, though ratios cross. */
function curveOf(row: Readonly<Record<string, string | number>>, bin: number): [number, number][] {
  const median = MEDIAN_DAYS[Math.min(bin, MEDIAN_DAYS.length - 1)] ?? 1;
  let longest = 0;
  return spread(median).map(([p, days]) => {
    const ratio = Number(row[`r_p${String(Math.round(p * 100)).padStart(3, '0')}`]);
    if (!(ratio > 0)) throw new ProfileInvalid(`real_ratios_cs.csv: no ratio for the quantile ${p}`);
    longest = Math.max(longest, days * ratio);
    return [p, longest];
  });
}

/** By service: the areas it delivers to, by the first three of the postal code it collects at. */
function lanesOf(rows: z.output<typeof eligibility>): Map<string, Record<string, string[]>> {
  const lanes = new Map<string, Record<string, string[]>>();
  for (const row of rows) {
    if (row.has_coverage !== 'True') continue;
    const own = lanes.get(row.carrier_service_id) ?? {};
    own[row.zip3] = row.allowed_states.split('|').filter((state) => state !== '');
    lanes.set(row.carrier_service_id, own);
  }
  return lanes;
}
