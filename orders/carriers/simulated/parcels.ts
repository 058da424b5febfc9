// The parcels of a simulated carrier: their lives from booking on, how an intercept or a cancel changes what was to come, and
// which scans are due to be told. Synchronous, over a time that is given.
import TinyQueue from 'tinyqueue';
import { FINAL_KINDS, type TrackEvent, type TrackKind } from '../port.ts';
import { type Fortune, type Life, lifeOf, moved, type Scan, scanOf, type Trip } from './journey.ts';
import { KEPT_AFTER_END_MS, KEPT_LOST_MS } from './limits.ts';
import { draw } from './random.ts';

const HOUR_MS = 3_600_000;
/** After so long a parcel that cannot be found is given up to be intercepted. */
const SEARCHED_MS = 72 * HOUR_MS;

export interface Parcel {
  readonly trackingId: string;
  readonly shipmentId: string;
  readonly bookedAt: number;
  readonly pickupAt: number;
  readonly cost: number;
  /** Where its capacity is counted. */
  readonly pickup: string;
  trip: Trip;
  lost: boolean;
  /** What was and what is to come, by `at`. */
  scans: readonly NumberedScan[];
  intercepts: number;
  /** The last intercept's end, ms. */
  interceptedUntil: number;
  /** Scans planned so far, for their names. */
  numbered: number;
  readonly told: Map<string, TrackEvent>;
}

interface NumberedScan extends Scan {
  readonly eventId: string;
}

interface Due {
  readonly at: number;
  /** Among those of one moment, as planned. */
  readonly order: number;
  readonly parcel: Parcel;
  /** Without it, the parcel is to be forgotten. */
  readonly scan?: NumberedScan;
}

export class Parcels {
  readonly #fortune: Fortune;
  readonly #byTracking = new Map<string, Parcel>();
  readonly #due = new TinyQueue<Due>([], (a, b) => a.at - b.at || a.order - b.order);
  /** The latest plan to forget a parcel: those before are void. */
  readonly #endOf = new WeakMap<Parcel, number>();
  #planned = 0;

  constructor(fortune: Fortune) {
    this.#fortune = fortune;
  }

  get size(): number {
    return this.#byTracking.size;
  }

  get(trackingId: string): Parcel | undefined {
    return this.#byTracking.get(trackingId);
  }

  /** When the next scan is told, or a parcel forgotten. */
  get nextAt(): number | undefined {
    return this.#due.peek()?.at;
  }

  /** The life that a booking would have: `add` makes it so. */
  plan(trip: Trip, bookedAt: number, readyAt: number): Life {
    return lifeOf(trip, bookedAt, readyAt, this.#fortune);
  }

  add(life: Life, booking: Pick<Parcel, 'trackingId' | 'bookedAt' | 'cost' | 'pickup' | 'trip'>): Parcel {
    const parcel: Parcel = {
      ...booking,
      shipmentId: booking.trip.shipmentId,
      pickupAt: life.pickupAt,
      lost: life.lost,
      scans: [],
      intercepts: 0,
      interceptedUntil: 0,
      numbered: 0,
      told: new Map(),
    };
    this.#byTracking.set(parcel.trackingId, parcel);
    this.#plan(parcel, [], life.scans);
    return parcel;
  }

  /** All that is due to be told by now, in the order it is told. */
  take(now: number): TrackEvent[] {
    const events: TrackEvent[] = [];
    for (let due = this.#due.peek(); due !== undefined && due.at <= now; due = this.#due.peek()) {
      this.#due.pop();
      const { parcel, scan } = due;
      if (scan === undefined) {
        if (due.order === this.#endOf.get(parcel)) this.#byTracking.delete(parcel.trackingId);
      } else if (parcel.scans.includes(scan)) {
        const event = eventOf(parcel, scan);
        parcel.told.set(event.eventId, event);
        events.push(event);
      }
    }
    return events;
  }

  /** What has happened by now that no call can undo: told or not. */
  phaseOf(parcel: Parcel, now: number): 'beforePickup' | 'inTransit' | 'outForDelivery' | 'ended' {
    const happened = parcel.scans.filter(({ at }) => at <= now);
    if (happened.some(({ kind }) => FINAL_KINDS.has(kind))) return 'ended';
    if (now < parcel.pickupAt) return 'beforePickup';
    return happened.at(-1)?.kind === 'outForDelivery' ? 'outForDelivery' : 'inTransit';
  }

  cancel(parcel: Parcel, now: number): void {
    const before = parcel.scans.filter(({ at }) => at <= now);
    parcel.lost = false;
    this.#plan(parcel, before, [this.#scan(parcel, 'cancelled', now, parcel.trip.from)]);
  }

  /** Takes effect, or is seen to fail, at the next place that the parcel comes to. */
  intercept(parcel: Parcel, to: Scan['place'] | undefined, now: number): void {
    const { profile, seed } = this.#fortune;
    const phase = this.phaseOf(parcel, now);
    const chance = phase === 'ended' ? 0 : profile.intercept[phase];
    const lucky = draw(seed, parcel.shipmentId, 'intercept', parcel.intercepts) < chance;
    const next = phase === 'beforePickup' ? undefined : parcel.scans.find(({ at }) => at > now);
    const at = next?.at ?? now + (phase === 'beforePickup' ? HOUR_MS : SEARCHED_MS);
    const place = next?.place ?? parcel.trip.from;
    parcel.intercepts += 1;
    parcel.interceptedUntil = at;
    if (!lucky || (parcel.lost && next === undefined)) {
      const after = parcel.scans.filter((scan) => scan.at >= at);
      const before = parcel.scans.filter((scan) => scan.at < at);
      const failed = this.#numbered(parcel, [this.#scan(parcel, 'interceptFailed', at, place)]);
      parcel.scans = [...before, ...failed, ...after];
      this.#schedule(parcel, failed);
      return;
    }
    const kept = parcel.scans.filter((scan) => scan.at < at && scan.at < (next?.at ?? Number.POSITIVE_INFINITY));
    const stopped = this.#scan(parcel, 'intercepted', at, place);
    const origin = parcel.trip.from;
    parcel.trip = { ...parcel.trip, leg: parcel.trip.leg + 1, from: place, to: to ?? origin };
    parcel.lost = false;
    if (to === undefined && phase === 'beforePickup') {
      this.#plan(parcel, kept, [stopped, this.#scan(parcel, 'returned', at, place)]);
      return;
    }
    const picked =
      phase === 'beforePickup' ? [this.#scan(parcel, 'pickedUp', Math.max(at, parcel.pickupAt), place)] : [];
    const { scans, lost } = moved(parcel.trip, picked[0]?.at ?? at, this.#fortune);
    parcel.lost = lost;
    const onward = to === undefined ? scans.map((scan) => ({ ...scan, kind: homeward(scan.kind) })) : scans;
    this.#plan(
      parcel,
      kept.filter(({ kind }) => kind !== 'pickedUp' || picked.length === 0),
      [stopped, ...picked, ...onward],
    );
  }

  /** Replaces what is to come. */
  #plan(parcel: Parcel, before: readonly NumberedScan[], scans: readonly Scan[]): void {
    const planned = this.#numbered(parcel, scans);
    parcel.scans = [...before, ...planned];
    this.#schedule(parcel, planned);
    const last = Math.max(...parcel.scans.flatMap(({ at, toldAt }) => [at, ...toldAt]));
    const order = ++this.#planned;
    this.#endOf.set(parcel, order);
    this.#due.push({ at: parcel.lost ? parcel.bookedAt + KEPT_LOST_MS : last + KEPT_AFTER_END_MS, order, parcel });
  }

  #numbered(parcel: Parcel, scans: readonly Scan[]): NumberedScan[] {
    return scans.map((scan) => {
      parcel.numbered += 1;
      return { ...scan, eventId: `${parcel.trackingId}.${parcel.numbered}` };
    });
  }

  #schedule(parcel: Parcel, scans: readonly NumberedScan[]): void {
    for (const scan of scans) {
      for (const at of scan.toldAt) this.#due.push({ at, order: ++this.#planned, parcel, scan });
    }
  }

  #scan(parcel: Parcel, kind: TrackKind, at: number, place: Scan['place']): Scan {
    return scanOf(parcel.trip, this.#fortune, { kind, at, place });
  }
}

/** On the way back nothing is delivered. */
function homeward(kind: TrackKind): TrackKind {
  if (kind === 'delivered') return 'returned';
  return kind === 'outForDelivery' || kind === 'deliveryFailed' ? 'inTransit' : kind;
}

function eventOf(parcel: Parcel, { eventId, kind, at, detail, place }: NumberedScan): TrackEvent {
  const where = `${place.latitude.toFixed(1)},${place.longitude.toFixed(1)}`;
  const { trackingId, shipmentId } = parcel;
  return { eventId, trackingId, shipmentId, kind, at, detail: detail ?? where };
}
