// Who holds which reservations of one actor. Of few reservations each is looked at; of more there is an index of the owners that
// hold one, two integers each, which says where to look and leaves it to the reservations whose they are.
import { FingerprintIndex } from './fingerprint-index.ts';
import { tagOf } from './hash.ts';
import type { Reservation } from './reservation.ts';
import type { ReservationTable } from './reservations.ts';
import { ShardedMap } from './sharded-map.ts';

/** An owner with several reservations. Ended ones stay in `nos` until half of it is ended. */
interface Holdings {
  units: number;
  live: number;
  nos: number[];
}

/** What an actor has for this. */
interface Held {
  readonly reservations: ReservationTable;
  /** 0: none. */
  readonly limitPerOwner: number;
  /** undefined while the reservations are few, and there is no limit. */
  owners: OwnerIndex | undefined;
}

/** Reservations looked at to find one an owner may be given again; newest first. Bounds a refused reserve. */
const ADOPTION_SCAN_MAX = 256;

/** Up to so many rows are looked at one by one. No more than ADOPTION_SCAN_MAX. */
export const SCANNED_ROWS_MAX = 128;

/** The index counts reservations modulo this. */
const ROW_NUMBERS = 2 ** 30;

/** To be called whenever a reservation was made, or read back, once it stands in the table; `owner`: if it holds units and has one. */
export function hold(held: Held, owner: string | undefined, no: number, units: number): void {
  const { owners, reservations, limitPerOwner } = held;
  if (owners === undefined) {
    // Under a limit every reserve asks, not only one that would be refused.
    if (reservations.size > SCANNED_ROWS_MAX || limitPerOwner > 0) held.owners = new OwnerIndex(reservations);
  } else if (owner !== undefined) {
    owners.add(owner, no, units);
  }
}

/** Units the owner has reserved, or committed and not yet shipped. */
export function openUnits({ owners, reservations }: Held, owner: string): number {
  if (owners !== undefined) return owners.openUnits(owner);
  let units = 0;
  reservations.eachHeldBy(owner, (no) => {
    units += reservations.openUnits(no);
  });
  return units;
}

/** The newest open reservation of the owner that `suits`, of its newest ADOPTION_SCAN_MAX. */
export function findOpen(
  { owners, reservations }: Held,
  owner: string,
  now: number,
  suits: (r: Reservation) => boolean,
): Reservation | undefined {
  if (owners !== undefined) return owners.findOpen(owner, now, suits);
  let newest: Reservation | undefined;
  reservations.eachHeldBy(owner, (no) => {
    const r = reservations.get(no, now);
    if (r !== undefined && suits(r)) newest = r;
  });
  return newest;
}

export class OwnerIndex {
  /** Where the reservations of those owners stand that hold one; made for the first of them. */
  private single: FingerprintIndex | undefined;
  private singles = 0;
  private several: ShardedMap<string, Holdings> | undefined;
  private readonly reservations: ReservationTable;

  /** Begins with those that are in the table. */
  constructor(reservations: ReservationTable) {
    this.reservations = reservations;
    reservations.eachOpen(0, ({ no, owner }) => {
      if (owner !== undefined) this.add(owner, no, reservations.openUnits(no));
    });
  }

  /** Owners that hold something. */
  get size(): number {
    return this.singles + (this.several === undefined ? 0 : this.several.size);
  }

  /** As openUnits above. */
  openUnits(owner: string): number {
    const held = this.several?.get(owner);
    return held === undefined ? this.reservations.openUnits(this.singleOf(owner, tagOf(owner), 0)) : held.units;
  }

  /** A reservation was made, or read back. Call after it stands in the table. */
  add(owner: string, no: number, units: number): void {
    const held = this.several?.get(owner);
    if (held !== undefined) {
      held.units += units;
      held.live += 1;
      held.nos.push(no);
      return;
    }
    this.single ??= new FingerprintIndex(() => true);
    const tag = tagOf(owner);
    const first = this.singleOf(owner, tag, no);
    if (first === 0) {
      this.single.add(tag, no % ROW_NUMBERS);
      this.singles += 1;
      return;
    }
    this.removeSingle(tag, first);
    this.several ??= new ShardedMap();
    this.several.set(owner, { units: this.reservations.openUnits(first) + units, live: 2, nos: [first, no] });
  }

  /** `units` of a reservation were freed or shipped; `ended` when it holds none any more. Call after update(). */
  subtract(owner: string, no: number, units: number, ended: boolean): void {
    const held = this.several?.get(owner);
    if (held === undefined) {
      if (ended) this.removeSingle(tagOf(owner), no);
      return;
    }
    held.units -= units;
    if (!ended) return;
    held.live -= 1;
    if (held.live === 0) {
      this.several?.delete(owner);
    } else if (held.nos.length > 2 * held.live + 8) {
      held.nos = held.nos.filter((one) => this.reservations.openUnits(one) > 0);
    }
  }

  /** To be called once reservations were added in another order than that of their numbers. */
  sortHeld(): void {
    this.several?.each((held) => {
      held.nos.sort((a, b) => a - b);
    });
  }

  /** As findOpen above. */
  findOpen(owner: string, now: number, suits: (r: Reservation) => boolean): Reservation | undefined {
    const held = this.several?.get(owner);
    if (held === undefined) {
      const r = this.reservations.get(this.singleOf(owner, tagOf(owner), 0), now);
      return r !== undefined && suits(r) ? r : undefined;
    }
    const oldest = Math.max(0, held.nos.length - ADOPTION_SCAN_MAX);
    for (let i = held.nos.length - 1; i >= oldest; i--) {
      const r = this.reservations.get(held.nos[i] as number, now);
      if (r !== undefined && suits(r)) return r;
    }
    return undefined;
  }

  /** The one reservation of an owner that holds one, other than `except`; 0 when it holds none. */
  private singleOf(owner: string, tag: number, except: number): number {
    const { single, reservations } = this;
    if (single === undefined) return 0;
    for (let row = single.first(tag); row >= 0; row = single.next()) {
      // Nearly always there is one number that it can stand for.
      const { lastNo } = reservations;
      for (let no = lastNo - ((lastNo - row) % ROW_NUMBERS); no >= row; no -= ROW_NUMBERS) {
        if (no !== except && reservations.isHeldBy(no, owner)) return no;
      }
    }
    return 0;
  }

  private removeSingle(tag: number, no: number): void {
    this.single?.remove(tag, no % ROW_NUMBERS);
    this.singles -= 1;
    // After a rush its segments are many.
    if (this.singles === 0) this.single = undefined;
  }
}
