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

/** Seeds each region of `urls` (region → worker URL) from `none`, `demo` or a file. @throws UserError */
export async function seedRegions(
  catalog: string,
  urls: ReadonlyMap<string, string>,
  log: (line: string) => void,
): Promise<void> {
  if (catalog === 'none') return;
  const { rows, digest } = await catalogRows(catalog, [...urls.keys()]);
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

async function catalogRows(catalog: string, regions: readonly string[]): Promise<{ rows: GoodRow[]; digest: string }> {
  if (catalog === 'demo') {
    const rows = demoRows(regions).map((row, index) => ({ line: index + 1, row }));
    return { rows, digest: createHash('sha256').update(JSON.stringify(rows)).digest('hex') };
  }
  const file = await openCatalog(catalog);
  const rows: GoodRow[] = [];
  for await (const numbered of file.rows() as AsyncIterable<NumberedRow>) {
    if ('error' in numbered) throw usageError(`${catalog}, line ${numbered.line}: ${numbered.error}`);
    rows.push(numbered);
  }
  return { rows, digest: file.digest };
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
