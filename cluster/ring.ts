// Where partitions belong by the set of members alone, so that all compute the same: for a region that begins, and for
// whatever balance.ts does not leave where it is.
// Consistent hashing with ketama points (package `hashring`), with bounded load: nobody has more than
// ⌈1.05 · partitions / members⌉. Pure. What a join costs is in docs/benchmarks.md ("Placing partitions").
import { hash } from 'node:crypto';
import HashRing from 'hashring';
import { MEMBERS_MAX, PARTITIONS_MAX } from './member-limits.ts';

/** 16 points from each digest of 64 bytes, where ketama takes 4 from one of 16: a fourth of the digests. */
const POINTS_A_DIGEST = 16;
const DIGEST = 'sha512';
const DIGEST_BYTES = 64;

/**
 * Five digests a member: 80 points, half of ketama's. What evens the load out is the bound, and the time that a ring takes is
 * the sorting of its points. The package scales the count by weight / total in floating point and rounds down, so that with
 * some counts of members (49, say) each would get one digest less, which moves partitions between members that stayed.
 * The half absorbs the rounding.
 */
const DIGESTS_A_MEMBER = 5.5;

/** The bound on load, in hundredths of the mean: integers, so that every machine rounds alike. */
const LOAD_PERCENT = 105;

/** The greatest number of partitions that one of `members` members may have: ⌈1.05 · partitions / members⌉. */
export function loadMax(members: number, partitions: number): number {
  return Math.ceil((LOAD_PERCENT * partitions) / (100 * members));
}

/**
 * The owner of each partition: index = partition, value = member id. The order of `members` does not matter.
 *
 * Placed in rounds: first every partition, in the order of numbers, asks the first member of its preference list; those
 * that find it full ask their second in the next round, and so on. So a partition is never displaced by one that got
 * there on a lower preference, and a change among the displaced leaves the others alone.
 *
 * @throws RangeError when there is no member, an id is empty or there twice, or a bound of member-limits.ts is exceeded
 */
export function placePartitions(members: readonly string[], partitions: number): readonly string[] {
  if (!Number.isInteger(partitions) || partitions < 0 || partitions > PARTITIONS_MAX) {
    throw new RangeError(`partitions: an integer from 0 to ${PARTITIONS_MAX}, got ${partitions}`);
  }
  const ring = ringOf(members);
  if (ring.placed?.length !== partitions) ring.placed = place(ring, members, partitions);
  return ring.placed;
}

function place(ring: Ring, members: readonly string[], partitions: number): readonly string[] {
  const room = new Map(members.map((member) => [member, loadMax(members.length, partitions)]));
  return ring.fill(new Array<string | undefined>(partitions), room);
}

/** The owners by the ring alone, with no bound on load: what placePartitions departs from. */
export function placeUnbounded(members: readonly string[], partitions: number): readonly string[] {
  const ring = ringOf(members);
  return Array.from({ length: partitions }, (_, partition) => ring.preferred(keyOf(partition), 0));
}

/**
 * All members in the order in which they come behind `key` on the ring; none when there are none. A member that leaves
 * does not change the order of the others.
 *
 * @throws RangeError as placePartitions
 */
export function preferenceOf(members: readonly string[], key: string): readonly string[] {
  return members.length === 0 ? [] : ringOf(members).all(key);
}

function keyOf(partition: number): string {
  return `partition-${partition}`;
}

/** How many members of a preference list are looked up when the first is not enough; doubled while more are needed. */
const LOOK_AHEAD = 4;

/** Rings of the last few sets of members: the same one is asked for again and again, and building it is what costs. */
const rings = new Map<string, Ring>();
const RINGS_MAX = 8;

/** The ring of these members. @throws RangeError as placePartitions */
export function ringOf(members: readonly string[]): Ring {
  const key = JSON.stringify([...members].sort());
  const ring = rings.get(key) ?? new Ring(members);
  // The one that was asked for last is the last to go.
  rings.delete(key);
  rings.set(key, ring);
  if (rings.size > RINGS_MAX) rings.delete(rings.keys().next().value as string);
  return ring;
}

/** A ring that is built once and never changed: what the package does in place does not give what a fresh ring gives. */
class Ring {
  readonly #points: HashRing;
  readonly #members: number;
  readonly #lists = new Map<string, readonly string[]>();
  /** What placePartitions made of it last. */
  placed: readonly string[] | undefined;

  constructor(members: readonly string[]) {
    if (members.length === 0 || members.length > MEMBERS_MAX) {
      throw new RangeError(`members: 1 to ${MEMBERS_MAX}, got ${members.length}`);
    }
    if (new Set(members).size !== members.length) throw new RangeError('members: an id is there twice');
    // The package keeps members as keys of plain objects, where this one is not a key.
    if (members.includes('') || members.includes('__proto__')) throw new RangeError('members: an id cannot be used');
    this.#members = members.length;
    const options = { 'vnode count': DIGESTS_A_MEMBER, replicas: POINTS_A_DIGEST, 'max cache size': 1 };
    this.#points = new HashRing([...members].sort(), digester(), options);
  }

  /** The member at `place` (from 0) of the key's preference list. `place` is less than the number of members. */
  preferred(key: string, place: number): string {
    // Most keys are asked for their first member only, and a list of one is found without a walk.
    if (place === 0) return this.#points.range(key, 1)[0] as string;
    let list = this.#lists.get(key);
    if (list === undefined || place >= list.length) {
      list = this.#points.range(key, Math.min(this.#members, Math.max(LOOK_AHEAD, 2 * place)));
      this.#lists.set(key, list);
    }
    return list[place] as string;
  }

  /** Whether the partition's preference list begins with the member. */
  isFirst(partition: number, member: string): boolean {
    return this.preferred(keyOf(partition), 0) === member;
  }

  /**
   * Gives each partition that has no owner the first member of its list that has room.
   * @param owners index = partition
   * @param room how many more each member may have; counted down. There is enough
   */
  fill(owners: (string | undefined)[], room: Map<string, number>): readonly string[] {
    const filled = [...owners];
    let unplaced = Array.from(filled.keys()).filter((partition) => filled[partition] === undefined);
    for (let round = 0; unplaced.length > 0; round++) {
      const displaced: number[] = [];
      for (const partition of unplaced) {
        const member = this.preferred(keyOf(partition), round);
        const left = room.get(member) as number;
        if (left === 0) displaced.push(partition);
        else {
          room.set(member, left - 1);
          filled[partition] = member;
        }
      }
      unplaced = displaced;
    }
    return filled as string[];
  }

  all(key: string): readonly string[] {
    return this.#points.range(key, this.#members);
  }
}

/**
 * The digest of a key, valid until the next: the package reads it at once, and thousands of buffers cost as much as the
 * digests. One call by string is also faster than a Hash object. Nothing here is cryptographic.
 */
function digester(): (key: string) => Buffer {
  const digest = Buffer.alloc(DIGEST_BYTES);
  return (key) => {
    digest.write(hash(DIGEST, key, 'binary'), 'binary');
    return digest;
  };
}
