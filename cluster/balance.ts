// Where partitions go when the members change: each stays with the member it belongs to, unless that is gone or has more
// than its even share; what is left over goes by the ring. So a join moves one share and a leave what the leaver had, and
// nothing moves between two that stayed (I10), which a ring with bounded load by itself does not give: it moved 1.3 to 1.7
// shares. Pure; the same placement and members give the same placement anywhere.
import { placePartitions, ringOf } from './ring.ts';

/**
 * The owner of each partition after a change: index = partition, value = member id. Each member has ⌊P/N⌋ or ⌈P/N⌉.
 *
 * @param before the placement until now; of another length, or empty: none, and the ring places all
 * @throws RangeError as placePartitions
 */
export function rebalance(
  before: readonly string[],
  members: readonly string[],
  partitions: number,
): readonly string[] {
  if (before.length !== partitions) return placePartitions(members, partitions);
  const ring = ringOf(members);
  const room = sharesOf(before, members, partitions);
  const owners = new Array<string | undefined>(partitions);
  // Who has more than its share keeps what the ring would give it too, and then what comes first.
  for (const isPreferred of [true, false]) {
    for (const [partition, owner] of before.entries()) {
      const left = room.get(owner) ?? 0;
      if (left === 0 || owners[partition] !== undefined || ring.isFirst(partition, owner) !== isPreferred) continue;
      owners[partition] = owner;
      room.set(owner, left - 1);
    }
  }
  return ring.fill(owners, room);
}

/** How many partitions each member is to have: those with the most of them have one more where it does not come out even. */
function sharesOf(before: readonly string[], members: readonly string[], partitions: number): Map<string, number> {
  const had = new Map<string, number>(members.map((member) => [member, 0]));
  for (const owner of before) {
    const count = had.get(owner);
    if (count !== undefined) had.set(owner, count + 1);
  }
  const byLoad = [...had].sort(([one, ones], [other, others]) => others - ones || (one < other ? -1 : 1));
  const share = Math.floor(partitions / members.length);
  const larger = partitions % members.length;
  return new Map(byLoad.map(([member], rank) => [member, rank < larger ? share + 1 : share]));
}
