// Whether the journal about to be audited is the one that the live grid writes: asked before they are compared, because
// two grids that have nothing to do with each other differ everywhere.
import type { JournalStore, Ownership } from '../../journal/port.ts';
import { usageError } from '../exit.ts';
import type { RegionConnection } from '../grid-client.ts';
import { statusOf } from '../grid-client.ts';

/** @throws UserError for the command line when the grid writes elsewhere, or the grid does not answer */
export async function assertSameJournal(
  connection: Pick<RegionConnection, 'region' | 'url'>,
  driver: JournalStore['driver'],
  storeName: string,
  ownership: Ownership | undefined,
): Promise<void> {
  const { region, url } = connection;
  const { info } = await statusOf(url);
  // It owns nothing yet: the comparison itself will wait for it or fail with its reason.
  if (info.epoch === 0) return;
  const why =
    info.store !== driver
      ? `it writes to ${info.store}, this is ${driver}`
      : ownership === undefined
        ? `nobody has written ${region} here`
        : info.epoch !== ownership.epoch
          ? `its epoch of ${region} is ${info.epoch}, here it is ${ownership.epoch}`
          : info.nonce !== undefined && info.nonce !== ownership.nonce
            ? `${region} was written here by another process, ${ownership.ownerId}`
            : undefined;
  if (why === undefined) return;
  throw usageError(
    `the journal in ${storeName} is not the one the grid at ${url} writes (${why})`,
    'Give --data-dir or --store as the grid was started.',
  );
}
