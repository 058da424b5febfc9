// Which member each partition belongs to: a consistent hash ring with bounded load. The ring is built anew from the
// sorted ids, never changed: the package's own changes leave it different from a fresh one.
import HashRing from 'hashring';

/** No member gets more than this share above the mean. */
const LOAD_FACTOR = 1.05;

/**
 * The member of each partition; the same members give the same answer, in whatever order they come. Partitions are
 * placed in their own order: each goes to the first member on its walk around the ring that is not full.
 */
export function placePartitions(members: readonly string[], partitions: number): readonly string[] {
  const sorted = [...new Set(members)].sort();
  const [only] = sorted;
  if (only === undefined) return [];
  if (sorted.length === 1) return new Array<string>(partitions).fill(only);
  const ring = new HashRing(sorted, 'md5', { replicas: 40 });
  const room = new Map(sorted.map((id) => [id, Math.ceil((LOAD_FACTOR * partitions) / sorted.length)]));
  return Array.from({ length: partitions }, (_, partition) => {
    const walk = ring.range(`partition-${partition}`, sorted.length) as string[];
    const member = walk.find((id) => (room.get(id) as number) > 0) as string;
    room.set(member, (room.get(member) as number) - 1);
    return member;
  });
}

/** All members in the order in which a key walks the ring. */
export function walkFor(key: string, members: readonly string[]): readonly string[] {
  const sorted = [...new Set(members)].sort();
  if (sorted.length < 2) return sorted;
  return new HashRing(sorted, 'md5', { replicas: 40 }).range(key, sorted.length) as string[];
}
