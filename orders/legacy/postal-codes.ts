// Where postal codes are, from a file: zip_code, latitude, longitude, and whatever other columns. For orders that say no coordinates.
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { FileRefused } from './errors.ts';
import type { Locate } from './orders.ts';
import { requireCommas } from './separator.ts';

/**
 * Of one country; asked for another, it knows nothing. Of US codes the first five characters count.
 * @param country as orders name it; those that name none are taken to mean it
 * @throws FileRefused naming the row
 */
export async function readPostalCodes(path: string, country = 'US'): Promise<Locate> {
  const places = new Map<string, { latitude: number; longitude: number }>();
  const source = createReadStream(path);
  const parser = parse({ columns: true, bom: true, skip_empty_lines: true, skip_records_with_empty_values: true });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let row = 1;
  for await (const one of parser as AsyncIterable<Record<string, string>>) {
    if (row === 1) requireCommas(Object.keys(one));
    row += 1;
    const latitude = Number(one['latitude'] || Number.NaN);
    const longitude = Number(one['longitude'] || Number.NaN);
    const code = one['zip_code'] ?? one['postalCode'] ?? '';
    if (code === '' || !(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) {
      throw new FileRefused({
        row,
        field: '',
        reason: 'no place',
        next: 'Have zip_code, latitude and longitude in each row.',
      });
    }
    places.set(code, { latitude, longitude });
  }
  const short = (code: string): string => (country === 'US' ? code.slice(0, 5) : code);
  return (code, of) => (of === '' || of === country ? (places.get(code) ?? places.get(short(code))) : undefined);
}
