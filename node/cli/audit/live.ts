// Compares the rebuilt actors with what the live grid says over the wire. A grid that works on meanwhile is compared
// exactly all the same: each answer names the actor's seq, and what an answer shows is durable (I6), so the journal
// read on to that seq must show the same.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { type AvailabilityView, QUERY_SKUS_MAX } from '../../../protocol/index.ts';
import { type InventoryState, view } from '../../core/index.ts';
import { type Rebuilt, readOn } from './rebuild.ts';
import type { RegionImage } from './region-image.ts';
import type { DifferenceSink } from './report.ts';

export interface LiveComparison {
  readonly compared: number;
  /** Records read to catch up with the grid. */
  readonly caughtUp: number;
}

/**
 * @throws LaneMoved when the grid was so busy that the records needed were trimmed meanwhile, or partitions moved
 */
export async function compareLive(
  client: HoldfastClient,
  region: string,
  image: RegionImage,
  lanes: readonly Rebuilt[],
  differences: DifferenceSink,
): Promise<LiveComparison> {
  /** Answers ahead of the journal as read so far. */
  const ahead = new Map<string, AvailabilityView>();
  const seen = new Set<string>();
  const report = (found: AvailabilityView, state: InventoryState | undefined): void => {
    const expected =
      state === undefined ? 'no such actor' : meaning(view(state, region, image.holderOf(found.sku)?.epoch ?? 0));
    if (expected === meaning(found)) return;
    const { sku, version } = found;
    differences.add({ check: 'live grid (I6, I7)', sku, seq: version.seq, expected, found: meaning(found) });
  };
  const take = (found: AvailabilityView): void => {
    seen.add(found.sku);
    const state = image.state(found.sku);
    if ((state?.seq ?? 0) < found.version.seq) ahead.set(found.sku, found);
    else report(found, state);
  };

  for await (const found of client.listAll({ region })) take(found);
  const unlisted = [...image.skus()].filter((sku) => !seen.has(sku));
  for (let i = 0; i < unlisted.length; i += QUERY_SKUS_MAX) {
    const skus = unlisted.slice(i, i + QUERY_SKUS_MAX);
    const { positions, unknown } = await client.query({ skus, regions: [region] });
    for (const found of positions) take(found);
    for (const { sku } of unknown) {
      const seq = image.state(sku)?.seq ?? 0;
      // An actor that was only ever refused has nothing to show.
      if (seq === 0) continue;
      differences.add({
        check: 'live grid (I6, I7)',
        sku,
        seq,
        expected: `an actor at seq ${seq}`,
        found: 'unknown to the grid',
      });
    }
  }

  const recordsRead = (): number => lanes.reduce((sum, { records }) => sum + records, 0);
  const recordsBefore = recordsRead();
  if (ahead.size > 0) {
    for (const lane of lanes) {
      await readOn(lane, (sku) => {
        const found = ahead.get(sku);
        if (found === undefined) return;
        const state = image.state(sku);
        if (state?.seq !== found.version.seq) return;
        report(found, state);
        ahead.delete(sku);
      });
    }
  }
  for (const [sku, found] of ahead) {
    differences.add({
      check: 'live grid (I6, I7)',
      sku,
      seq: found.version.seq,
      expected: `at most seq ${image.state(sku)?.seq ?? 0}, where the journal ends`,
      found: `seq ${found.version.seq}: ${meaning(found)}`,
    });
  }
  return { compared: seen.size, caughtUp: recordsRead() - recordsBefore };
}

/** All that an answer says but the epoch, which a record of an earlier owner does not share. */
function meaning(found: AvailabilityView): string {
  const { onHand, reserved, allocated, availableToSell, nodes, channelBuffers, limitPerOwner, pool, version } = found;
  return JSON.stringify({
    seq: version.seq,
    onHand,
    reserved,
    allocated,
    availableToSell,
    nodes: nodes.map((node) => ({
      node: node.node,
      onHand: node.onHand,
      reserved: node.reserved,
      allocated: node.allocated,
      safetyStock: node.safetyStock,
      backorderLimit: node.backorderLimit,
      availableToSell: node.availableToSell,
      shortfall: node.shortfall ?? 0,
    })),
    channelBuffers: Object.entries(channelBuffers ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    limitPerOwner: limitPerOwner ?? 0,
    pool: pool ?? null,
  });
}
