// A profile from calibration data: a small made-up folder, and the real one where HOLDFAST_CALIBRATION names it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCalibration } from './calibration.ts';
import { ProfileInvalid, transitDays } from './profile.ts';

const QUANTILES = ['002', '005', '010', '020', '035', '050', '065', '080', '090', '095', '098'];
const HEADER = `carrier_service_id_anon,dist_bin,n_group,share_in_bin,${QUANTILES.map((p) => `r_p${p}`).join(',')}`;
const row = (id: number, bin: number, ratio: (n: number) => number): string =>
  [id, bin, 100, 0.5, ...QUANTILES.map((_, n) => ratio(n))].join(',');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-calibration-'));
  const files = {
    'calibration_dist_bins_km.json': '{"edges_km":[250,1000]}',
    'real_cost_models_cs.csv':
      'carrier_service_id,n_group,r2,coef_distance_km,pval_distance_km\n1,9,0.5,0.005,0\n2,9,0.5,0.7,0\n',
    'real_ratios_cs.csv': [HEADER, row(1, 0, () => 1), row(1, 1, () => 2), row(2, 0, (n) => 1 - n * 0.09)].join('\n'),
    'dc_carrier_eligibility.csv':
      'dc_id,region_id,carrier_service_id,zip3,allowed_state_count,allowed_states,has_coverage\n2,2,1,112,2,NY|NJ,True\n2,2,2,112,0,,False\n',
  };
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
});
afterEach(() => rm(directory, { recursive: true }));

test('given a folder, then services have the ratios, the slopes within bounds, and the lanes where they are asked for', async () => {
  const { services } = await readCalibration(directory, { coverage: true });
  const [one, two] = services;
  if (one === undefined || two === undefined) throw new Error('two services are in the data');
  expect(one.perKm).toBeCloseTo(0.2);
  expect(two.perKm).toBe(1);
  expect(transitDays(one, 500, 0.5) / transitDays(one, 100, 0.5)).toBeCloseTo((2 * 2.1) / 1.3);
  expect(one.lanes).toEqual({ 112: ['NY', 'NJ'] });
  expect(two.lanes).toEqual({});
  expect((await readCalibration(directory)).services[0]?.lanes).toBeUndefined();
});

test('given ratios that cross, then days do not fall', async () => {
  const two = (await readCalibration(directory)).services[1];
  const days = two?.transit[0]?.quantiles.map(([, value]) => value) ?? [];
  expect(days).toEqual([...days].sort((a, b) => a - b));
});

test('given a file that is not there, or a ratio that is none, then it is named', async () => {
  await writeFile(join(directory, 'real_ratios_cs.csv'), [HEADER, row(1, 0, () => -1)].join('\n'));
  await expect(readCalibration(directory)).rejects.toThrow(/real_ratios_cs\.csv/);
  await rm(join(directory, 'real_ratios_cs.csv'));
  await expect(readCalibration(directory)).rejects.toThrow(ProfileInvalid);
});

test('given the real data, then each of the 17 services that have ratios has a curve', async (context) => {
  const real = process.env['HOLDFAST_CALIBRATION'];
  if (real === undefined) context.skip('set HOLDFAST_CALIBRATION to the folder of the calibration data');
  const { services } = await readCalibration(real ?? '', { coverage: true });
  expect(services).toHaveLength(17);
  for (const service of services)
    expect(transitDays(service, 900, 0.98)).toBeGreaterThan(transitDays(service, 900, 0.02));
});
