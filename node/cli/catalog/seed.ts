// The stock of a first start. A region is seeded when it is empty, and seeding goes on when an earlier one was cut
// short: its first row is applied before the others and its last row after them, so that their presence tells how far
// it came.
import { createHash } from 'node:crypto';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { UserError, usageError } from '../exit.ts';
import { clientsByRegion, withRegions } from '../grid-client.ts';
import { applyRows } from './apply.ts';
import { demoRows } from './demo.ts';
import { type NumberedRow, openCatalog } from './read-file.ts';
import type { CatalogRow } from './rows.ts';

/** What regions are seeded with; `rows` is empty without a catalogue. */
export interface Seed {
  readonly catalog: string;
  readonly rows: readonly GoodRow[];
  readonly digest: string;
}

/** Seeds each region of `urls` (region → worker URL). @throws UserError */
export async function seedRegions(
  { catalog, rows, digest }: Seed,
  urls: ReadonlyMap<string, string>,
  log: (line: string) => void,
): Promise<void> {
  if (rows.length === 0) return;
  await withRegions([...urls.values()], async (connections) => {
    const clients = clientsByRegion(connections);
    for (const [region, client] of clients) {
      const ofRegion = rows.filter(({ row }) => row.region === region);
      const prefix = `seed-${digest.slice(0, 24)}`;
      if (ofRegion.length === 0 || !(await isWanted(client, region, ofRegion))) continue;
      for (const part of [ofRegion.slice(0, 1), ofRegion.slice(1, -1), ofRegion.slice(-1)]) {
        const result = await applyRows(part, { clients, requestPrefix: prefix, reason: 'first stock', strict: true });
        const [failure] = result.failures;
        if (failure !== undefined) {
          throw new UserError(
            `the catalogue ${catalog} could not be loaded into ${region}: row ${failure.line}, ${failure.reason}`,
            'Correct the row and start again (seeding goes on where it stopped), or start with --catalog none.',
          );
        }
      }
      log(`${region}: ${ofRegion.length} positions of the catalogue ${catalog} loaded`);
    }
  });
}

type GoodRow = { readonly line: number; readonly row: CatalogRow };

/** Of `none`, `demo` or a file: read whole before anything is started, so that what is wrong with it is told first. @throws UserError */
export async function readSeed(catalog: string, regions: readonly string[]): Promise<Seed> {
  if (catalog === 'none') return { catalog, rows: [], digest: '' };
  if (catalog === 'demo') {
    const rows = demoRows(regions).map((row, index) => ({ line: index + 1, row }));
    return { catalog, rows, digest: createHash('sha256').update(JSON.stringify(rows)).digest('hex') };
  }
  const file = await openCatalog(catalog);
  const rows: GoodRow[] = [];
  for await (const numbered of file.rows() as AsyncIterable<NumberedRow>) {
    if ('error' in numbered) throw usageError(`${catalog}, line ${numbered.line}: ${numbered.error}`);
    rows.push(numbered);
  }
  return { catalog, rows, digest: file.digest };
}

async function isWanted(client: HoldfastClient, region: string, rows: readonly GoodRow[]): Promise<boolean> {
  const first = rows[0]?.row;
  const last = rows.at(-1)?.row;
  if (first === undefined || last === undefined) return false;
  const has = async ({ sku, node }: CatalogRow): Promise<boolean> => {
    const { positions } = await client.query({ skus: [sku], regions: [region] });
    return positions.some((position) => position.nodes.some((other) => other.node === node));
  };
  if (await has(last)) return false;
  // Begun and not finished, or empty; anything else is stock of the user's own.
  return (await has(first)) || (await client.list({ region, limit: 1 })).positions.length === 0;
}
