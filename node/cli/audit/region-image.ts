// A region put together from its lanes: each partition from the lane that has it, by what the lanes' tables say and
// nothing else (I9). Pure: the lanes have been read.
import { type PartitionRow, PartitionTable } from '../../../cluster/handoff/table.ts';
import type { InventoryState } from '../../core/index.ts';
import { FIRST_LANE } from '../../journal/port.ts';
import { isOrderKey, partitionOfKey } from '../../shell/keys.ts';
import type { HostedOrder } from '../../shell/orders/hosted-order.ts';
import type { Rebuilt } from './rebuild.ts';
import type { DifferenceSink } from './report.ts';

interface Claimant {
  readonly lane: Rebuilt;
  readonly row: PartitionRow;
}

export class RegionImage {
  /** By partition; undefined where no lane has it. */
  readonly #holders: readonly (Rebuilt | undefined)[];

  private constructor(holders: readonly (Rebuilt | undefined)[]) {
    this.#holders = holders;
  }

  /** Takes each partition from the lane that has it, and reports those that are in two, or in none. */
  static of(lanes: readonly Rebuilt[], partitions: number, differences: DifferenceSink): RegionImage {
    const isNew = isUntouched(lanes, partitions);
    const holders: (Rebuilt | undefined)[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const claimants = lanes.map((lane) => ({ lane, row: lane.image.table.row(partition) }));
      const holder = holderOf(claimants);
      holders.push(holder?.lane);
      const found = isNew ? undefined : whatIsWrong(claimants, holder);
      if (found === undefined) continue;
      differences.add({
        check: 'hand-off (I9)',
        sku: undefined,
        seq: holder?.lane.lastSeq ?? 0,
        expected: `partition ${partition} in exactly one lane`,
        found,
      });
    }
    return new RegionImage(holders);
  }

  /** The lane that has the partition of the SKU. */
  holderOf(sku: string): Rebuilt | undefined {
    return this.#holders[partitionOfKey(sku, this.#holders.length)];
  }

  /** How many partitions are taken from the lane. */
  partitionsOf(lane: Rebuilt): number {
    return this.#holders.filter((holder) => holder === lane).length;
  }

  /** The keys of all actors. */
  *#keys(): Generator<string, void, undefined> {
    for (const [partition, holder] of this.#holders.entries()) {
      if (holder !== undefined) yield* holder.image.actors.skusOf(partition);
    }
  }

  *skus(): Generator<string, void, undefined> {
    for (const key of this.#keys()) if (!isOrderKey(key)) yield key;
  }

  /** The keys of all orders. */
  *orders(): Generator<string, void, undefined> {
    for (const key of this.#keys()) if (isOrderKey(key)) yield key;
  }

  /** The SKU's actor, from the lane that has it. @throws CorruptRecord when its row is damaged */
  state(sku: string): InventoryState | undefined {
    return this.holderOf(sku)?.image.actors.state(sku) as InventoryState | undefined;
  }

  /** As state, of the order with the key. */
  order(key: string): HostedOrder | undefined {
    return this.holderOf(key)?.image.actors.state(key) as HostedOrder | undefined;
  }
}

/** Of those that have it open or sealed the one with the greatest epoch: each hand-off raises it. */
function holderOf(claimants: readonly Claimant[]): Claimant | undefined {
  let holder: Claimant | undefined;
  for (const claimant of claimants) {
    if (claimant.row.status === 'elsewhere') continue;
    if (holder === undefined || claimant.row.epoch > holder.row.epoch) holder = claimant;
  }
  return holder;
}

function whatIsWrong(claimants: readonly Claimant[], holder: Claimant | undefined): string | undefined {
  const say = ({ lane, row }: Claimant): string =>
    `${row.status} in lane ${lane.lane} (epoch ${row.epoch}${row.status === 'sealed' ? `, for lane ${row.toLane}` : ''})`;
  const everHere = claimants.filter(({ row }) => row.epoch > 0);
  if (holder === undefined) {
    return `neither open nor sealed in any lane: ${everHere.map(say).join(', ') || 'no lane has heard of it'}`;
  }
  const open = claimants.filter(({ row }) => row.status === 'open');
  if (open.length > 1) return `open in ${open.length} lanes: ${open.map(say).join(', ')}`;
  // Whoever has it has the greatest epoch: one that is greater is of a lane that let it go to nobody.
  const later = claimants.filter((other) => other !== holder && other.row.epoch > holder.row.epoch);
  const isPassedOver = later.length > 0 || (open.length === 1 && open[0] !== holder);
  return isPassedOver ? `${[...new Set([holder, ...open, ...later])].map(say).join(', ')}` : undefined;
}

/** The first lane has never been written, nor has anything been moved: no partition can be missing. */
function isUntouched(lanes: readonly Rebuilt[], partitions: number): boolean {
  if (lanes.some(({ lane }) => lane === FIRST_LANE)) return false;
  const untouched = new PartitionTable(partitions, false).encode();
  return lanes.every(({ image }) => image.table.encode() === untouched);
}

/** What was admitted of a partition must be what was sealed; only where both records are still in the journals. */
export function compareCargo(lanes: readonly Rebuilt[], differences: DifferenceSink): void {
  for (const to of lanes) {
    for (const opening of to.openings) {
      const { partition, epoch, epochBefore } = opening;
      for (const from of lanes) {
        const sealing = from.sealings.find(
          (other) =>
            other.partition === partition &&
            other.toLane === to.lane &&
            // Of an epoch the lane had not opened it in yet, and so this very move.
            other.epoch >= epochBefore &&
            other.epoch < epoch,
        );
        if (sealing === undefined) continue;
        for (const sku of new Set([...sealing.cargo.keys(), ...opening.cargo.keys()])) {
          const sent = sealing.cargo.get(sku);
          const taken = opening.cargo.get(sku);
          if (sent?.digest === taken?.digest) continue;
          differences.add({
            check: 'hand-off (I9)',
            sku,
            seq: sent?.seq ?? taken?.seq ?? 0,
            expected: `${brief(sent)} in lane ${to.lane}, as lane ${from.lane} sealed it with partition ${partition}`,
            found: `${brief(taken)}, opened there in epoch ${epoch}`,
          });
        }
      }
    }
  }
}

function brief(actor: { readonly seq: number; readonly digest: string } | undefined): string {
  return actor === undefined ? 'no such actor' : `an actor at seq ${actor.seq} (sha256 ${actor.digest.slice(0, 12)}…)`;
}
