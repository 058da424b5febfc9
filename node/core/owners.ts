// Who holds which reservations of one actor, and while the SKU has a limit who bought how many. Most owners hold
// one reservation: they cost one map entry and no object.
import type { Reservation } from './reservation.ts';
import type { ReservationTable } from './reservations.ts';
import { ShardedMap } from './sharded-map.ts';

/** An owner with several reservations. Ended ones stay in `nos` until half of it is ended. */
interface Holdings {
  units: number;
  live: number;
  nos: number[];
}

/** Reservations looked at to find one an owner may be given again; newest first. Bounds a refused reserve. */
const ADOPTION_SCAN_MAX = 256;

export class OwnerIndex {
  private readonly held = new ShardedMap<string, number | Holdings>();
  /** Units shipped under a limit; in order of the first shipment, which is the order pack.ts writes. */
  private bought: ShardedMap<string, number> | undefined;
  private readonly reservations: ReservationTable;

  constructor(reservations: ReservationTable) {
    this.reservations = reservations;
  }

  /** Owners that hold something. */
  get size(): number {
    return this.held.size;
  }

  /** Units the owner has reserved, or committed and not yet shipped. */
  openUnits(owner: string): number {
    const held = this.held.get(owner);
    if (held === undefined) return 0;
    return typeof held === 'number' ? this.reservations.openUnits(held) : held.units;
  }

  /** Units shipped to the owner since the limit was set. */
  boughtUnits(owner: string): number {
    return this.bought?.get(owner) ?? 0;
  }

  /** A reservation was made, or read back. Call after it stands in the table. */
  add(owner: string, no: number, units: number): void {
    const held = this.held.get(owner);
    if (held === undefined) {
      this.held.set(owner, no);
    } else if (typeof held === 'number') {
      this.held.set(owner, { units: this.reservations.openUnits(held) + units, live: 2, nos: [held, no] });
    } else {
      held.units += units;
      held.live += 1;
      held.nos.push(no);
    }
  }

  /** `units` of the owner's were freed or shipped; `ended` when the reservation holds none any more. Call after update(). */
  subtract(owner: string, units: number, ended: boolean): void {
    const held = this.held.get(owner);
    if (held === undefined) return;
    if (typeof held === 'number') {
      if (ended) this.held.delete(owner);
      return;
    }
    held.units -= units;
    if (!ended) return;
    held.live -= 1;
    if (held.live === 0) {
      this.held.delete(owner);
    } else if (held.nos.length > 2 * held.live + 8) {
      held.nos = held.nos.filter((no) => this.reservations.openUnits(no) > 0);
    }
  }

  addBought(owner: string, units: number): void {
    this.bought ??= new ShardedMap();
    this.bought.set(owner, (this.bought.get(owner) ?? 0) + units);
  }

  /** The limit was lifted: what was bought counts no more. */
  forgetBought(): void {
    this.bought = undefined;
  }

  eachBought(visit: (owner: string, units: number) => void): void {
    this.bought?.each((units, owner) => {
      visit(owner, units);
    });
  }

  /** The map of what was bought, to be walked; a lifted limit leaves it as it is and begins another. */
  boughtToWalk(): ShardedMap<string, number> | undefined {
    return this.bought;
  }

  /** To be called once reservations were added in another order than that of their numbers. */
  sortHeld(): void {
    this.held.each((held) => {
      if (typeof held !== 'number') held.nos.sort((a, b) => a - b);
    });
  }

  boughtCount(): number {
    return this.bought?.size ?? 0;
  }

  /** The newest open reservation of the owner that `suits`. */
  findOpen(owner: string, now: number, suits: (r: Reservation) => boolean): Reservation | undefined {
    const held = this.held.get(owner);
    if (held === undefined) return undefined;
    if (typeof held === 'number') {
      const r = this.reservations.get(held, now);
      return r !== undefined && suits(r) ? r : undefined;
    }
    const oldest = Math.max(0, held.nos.length - ADOPTION_SCAN_MAX);
    for (let i = held.nos.length - 1; i >= oldest; i--) {
      const r = this.reservations.get(held.nos[i] as number, now);
      if (r !== undefined && suits(r)) return r;
    }
    return undefined;
  }
}
