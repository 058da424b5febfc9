// The life of a simulated parcel, drawn when it is booked: when it is where, what befalls it, and when each scan is told. Pure:
// the same seed, shipment and disruptions give the same life.
import { kmBetween } from '../../sourcing/geo.ts';
import type { Place, TrackKind } from '../port.ts';
import { type Disruption, doneAt } from './disruptions.ts';
import { type CarrierProfile, type SimulatedService, transitDays } from './profile.ts';
import { draw, drawExponential } from './random.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long a parcel with a wrong address waits before it goes back. */
const ADDRESS_HELD_MS = 3 * DAY_MS;
/** From booking or hand-over, whichever is later, at most so long until it is collected. */
const COLLECTED_WITHIN_MS = 4 * HOUR_MS;

/** A scan, and the times at which it is told: none if it is lost, two if it is told twice. */
export interface Scan {
  readonly kind: TrackKind;
  readonly at: number;
  readonly detail?: string;
  /** Where the parcel is then. */
  readonly place: { readonly latitude: number; readonly longitude: number };
  readonly toldAt: readonly number[];
}

export interface Life {
  readonly pickupAt: number;
  readonly scans: readonly Scan[];
  /** It stops somewhere, and nobody says so. */
  readonly lost: boolean;
}

export interface Trip {
  readonly shipmentId: string;
  /** Distinguishes the draws of a second trip of the same shipment. */
  readonly leg: number;
  readonly service: SimulatedService;
  readonly from: Place | Scan['place'];
  readonly to: Place | Scan['place'];
}

/** What it is drawn from. */
export interface Fortune {
  readonly profile: CarrierProfile;
  readonly seed: number;
  readonly disruptions: (from: number, until: number) => readonly Disruption[];
}

/** From booking to the last scan. `bookedAt` and `readyAt` in ms since the epoch. */
export function lifeOf(trip: Trip, bookedAt: number, readyAt: number, fortune: Fortune): Life {
  const { seed } = fortune;
  const collecting = draw(seed, trip.shipmentId, 'collecting') * COLLECTED_WITHIN_MS;
  const nearby = fortune.disruptions(bookedAt, readyAt + 60 * DAY_MS);
  const pickupAt = doneAt(Math.max(bookedAt, readyAt), collecting, trip.from, trip.service.service, nearby);
  const label = scanOf(trip, fortune, { kind: 'labelCreated', at: bookedAt, place: trip.from });
  const picked = scanOf(trip, fortune, { kind: 'pickedUp', at: pickupAt, place: trip.from });
  const { scans, lost } = moved(trip, pickupAt, fortune);
  return { pickupAt, scans: [label, picked, ...scans], lost };
}

/** From here to there, begun at `from`: the scans of a trip, with what befalls the parcel on it. */
export function moved(
  trip: Trip,
  from: number,
  fortune: Fortune,
): { readonly scans: readonly Scan[]; readonly lost: boolean } {
  const { profile, seed } = fortune;
  const { shipmentId, leg, service } = trip;
  const km = kmBetween(trip.from, trip.to);
  const days = transitDays(service, km, draw(seed, shipmentId, leg, 'transit'));
  const disruptions = fortune.disruptions(from, from + 60 * DAY_MS);
  const fate = fateOf(draw(seed, shipmentId, leg, 'fate'), profile);
  const stops = stopsOf(km, (n) => draw(seed, shipmentId, leg, 'hub', n) - 0.5);
  const struck = 1 + Math.floor(draw(seed, shipmentId, leg, 'where') * (stops.length - 1));
  const scans: Scan[] = [];
  const add = (scan: Omit<Scan, 'toldAt'>): void => {
    scans.push(scanOf(trip, fortune, scan));
  };
  let at = from;
  let before = 0;
  for (const [n, { share, kind }] of stops.entries()) {
    const halfway = placeAt(trip, (before + share) / 2);
    at = doneAt(at, (share - before) * days * DAY_MS, halfway, service.service, disruptions);
    before = share;
    const place = placeAt(trip, share);
    if (n === struck) {
      if (fate === 'lost') return { scans, lost: true };
      if (fate === 'stuck') at += DAY_MS + drawExponential(profile.parcels.stuckMeanMs, seed, shipmentId, leg, 'stuck');
      if (fate === 'damaged') {
        add({ kind: 'damaged', at, place, detail: 'crushed at a sorting centre' });
        add({ kind: 'returned', at: at + share * days * DAY_MS, place: trip.from });
        return { scans, lost: false };
      }
    }
    if (kind === 'delivered' && fate === 'addressProblem') {
      add({ kind: 'addressProblem', at, place, detail: 'no such house number' });
      add({ kind: 'returned', at: at + ADDRESS_HELD_MS + days * DAY_MS, place: trip.from });
      return { scans, lost: false };
    }
    if (kind === 'delivered' && fate === 'deliveryFailed') {
      add({ kind: 'deliveryFailed', at, place, detail: 'nobody at home' });
      at = doneAt(at, DAY_MS, place, service.service, disruptions);
    }
    add({ kind, at, place });
  }
  return { scans, lost: false };
}

/** A scan with the times at which it is told. */
export function scanOf(trip: Trip, { profile, seed }: Fortune, scan: Omit<Scan, 'toldAt'>): Scan {
  const { scans } = profile;
  const labels = [trip.shipmentId, trip.leg, scan.kind, Math.round(scan.at)] as const;
  const final = scan.kind === 'delivered' || scan.kind === 'returned' || scan.kind === 'cancelled';
  const at = Math.round(scan.at);
  // What was booked is known from the booking already; it is told of all the same.
  if (draw(seed, ...labels, 'lost') < scans.lost * (final ? 0.1 : 1)) return { ...scan, at, toldAt: [] };
  const delay = drawExponential(scans.delayMeanMs, seed, ...labels, 'delay');
  const late =
    draw(seed, ...labels, 'late') < scans.late ? drawExponential(scans.lateMeanMs, seed, ...labels, 'hours') : 0;
  const first = Math.round(at + delay + late);
  if (draw(seed, ...labels, 'duplicate') >= scans.duplicate) return { ...scan, at, toldAt: [first] };
  const again = Math.round(first + drawExponential(scans.lateMeanMs, seed, ...labels, 'again'));
  return { ...scan, at, toldAt: [first, again] };
}

type Fate = 'lost' | 'stuck' | 'damaged' | 'addressProblem' | 'deliveryFailed' | 'none';

function fateOf(drawn: number, { parcels }: CarrierProfile): Fate {
  let below = 0;
  for (const fate of ['lost', 'stuck', 'damaged', 'addressProblem', 'deliveryFailed'] as const) {
    below += parcels[fate];
    if (drawn < below) return fate;
  }
  return 'none';
}

interface Stop {
  /** Of the way, and of its time. */
  readonly share: number;
  readonly kind: TrackKind;
}

/**
 * Sorting centres on the way, more on a longer one, and the last day's scans.
 * @param jitterOf of each centre, −0.5 to 0.5
 */
export function stopsOf(km: number, jitterOf: (centre: number) => number): Stop[] {
  const centres = km < 150 ? 1 : km < 800 ? 2 : km < 2_000 ? 3 : 4;
  const hubs = Array.from({ length: centres }, (_, n): Stop => {
    return { share: ((n + 0.7 + jitterOf(n) * 0.4) / centres) * 0.85, kind: 'inTransit' };
  });
  return [...hubs, { share: 0.9, kind: 'outForDelivery' }, { share: 1, kind: 'delivered' }];
}

function placeAt({ from, to }: Trip, share: number): Scan['place'] {
  return {
    latitude: from.latitude + (to.latitude - from.latitude) * share,
    longitude: from.longitude + (to.longitude - from.longitude) * share,
  };
}
