// Whether the journal about to be audited is the one that the live grid writes: asked before they are compared, because
// two grids that have nothing to do with each other differ everywhere.
import type { JournalStore, Ownership } from '../../journal/port.ts';
import { usageError } from '../exit.ts';
import type { RegionConnection } from '../grid-client.ts';
import { statusOf } from '../grid-client.ts';

/**
 * @param ownerships the last owner of each lane of the region; the grid's worker names its home lane's
 * @throws UserError for the command line when the grid writes elsewhere, or the grid does not answer
 */
export async function assertSameJournal(
  connection: Pick<RegionConnection, 'region' | 'url'>,
  driver: JournalStore['driver'],
  storeName: string,
  ownerships: readonly Ownership[],
): Promise<void> {
  const { region, url } = connection;
  const { info } = await statusOf(url);
  // It owns nothing yet: the comparison itself will wait for it or fail with its reason.
  if (info.epoch === 0) return;
  const ofEpoch = ownerships.filter(({ epoch }) => epoch === info.epoch);
  const why =
    info.store !== driver
      ? `it writes to ${info.store}, this is ${driver}`
      : ownerships.length === 0
        ? `nobody has written ${region} here`
        : ofEpoch.length === 0
          ? `its epoch of ${region} is ${info.epoch}, here it is ${listed(ownerships.map(({ epoch }) => epoch))}`
          : info.nonce !== undefined && ofEpoch.every(({ nonce }) => nonce !== info.nonce)
            ? `${region} was written here by another process, ${listed(ofEpoch.map(({ ownerId }) => ownerId))}`
            : undefined;
  if (why === undefined) return;
  throw usageError(
    `the journal in ${storeName} is not the one the grid at ${url} writes (${why})`,
    'Give --data-dir or --store as the grid was started.',
  );
}

function listed(values: readonly (string | number)[]): string {
  return [...new Set(values)].join(' or ');
}
