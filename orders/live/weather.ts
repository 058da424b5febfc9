// What weather costs parcels: where a feed says that it hinders who drives them, a parcel that leaves or arrives there soon loses up to a day.
// How much is made up; what the transit model sees of late parcels comes later, and counts besides.
import { type Station, weatherAt, whyUnknown } from '../feeds/weather.ts';
import type { BusinessClock, Delays } from '../fulfilment/ports.ts';
import type { TransitTimes } from '../sourcing/transit.ts';
import { WEATHER_PLACES_MAX, WEATHER_READ_EVERY_MS } from './limits.ts';

const DAY_MS = 86_400_000;
/** Days that are lost where nobody drives at all. */
const DELAY_DAYS_MAX = 1;
/** Weather of now is about what leaves within a day, and what arrives within two. */
const LEAVES_WITHIN_MS = DAY_MS;
const ARRIVES_WITHIN_MS = 2 * DAY_MS;
/** Places that are nearer to each other than about so, degrees, have one weather. */
const GRAIN = 4;

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

export const NO_DELAYS: Delays = () => 0;

/**
 * @param stations as the feed has them now; undefined before the first
 * @param say is told once why weather does not count, until it does or there is another reason
 */
export function weatherDelays(
  stations: () => readonly Station[] | undefined,
  clock: BusinessClock,
  say: (line: string) => void = () => undefined,
): Delays {
  let told: string | undefined;
  let known = new Map<string, number>();
  let of: { readonly document: unknown; readonly until: number } = { document: undefined, until: 0 };
  return ({ latitude, longitude }) => {
    const document = stations();
    const now = clock.now();
    if (document === undefined) return 0;
    if (of.document !== document || now >= of.until || known.size >= WEATHER_PLACES_MAX) {
      of = { document, until: now + WEATHER_READ_EVERY_MS };
      known = new Map();
      const why = whyUnknown(document, now);
      if (why !== undefined && why !== told) say(`weather: parcels lose no time to it, ${why}`);
      told = why;
    }
    const key = `${Math.round(latitude * GRAIN)} ${Math.round(longitude * GRAIN)}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const delay = DELAY_DAYS_MAX * weatherAt(document, { latitude, longitude }, { fallback: 0 }, now).value;
    known.set(key, delay);
    return delay;
  };
}

export interface Journey {
  readonly from: Place;
  readonly to: Place;
  /** ms since the epoch of business. */
  readonly leavesAt: number;
  readonly arrivesAt: number;
}

/** Days that a parcel loses on its way: where it is worst. */
export function delayOf({ from, to, leavesAt, arrivesAt }: Journey, delays: Delays, now: number): number {
  const atFirst = leavesAt >= now && leavesAt - now <= LEAVES_WITHIN_MS ? delays(from) : 0;
  const atLast = arrivesAt - now <= ARRIVES_WITHIN_MS ? delays(to) : 0;
  return Math.max(atFirst, atLast);
}

/** Transit times with what is lost to the weather of now. */
export function delayedTimes(times: TransitTimes, delays: Delays, clock: Pick<BusinessClock, 'now'>): TransitTimes {
  return (shipment) => {
    const days = times(shipment);
    const { node, destination, handedOverAt } = shipment;
    const arrivesAt = handedOverAt + days.p50 * DAY_MS;
    const lost = delayOf({ from: node, to: destination, leavesAt: handedOverAt, arrivesAt }, delays, clock.now());
    if (lost === 0) return days;
    const { p50, p75, p85, p90, p95, p97, p99 } = days;
    return {
      p50: p50 + lost,
      p75: p75 + lost,
      p85: p85 + lost,
      p90: p90 + lost,
      p95: p95 + lost,
      p97: p97 + lost,
      p99: p99 + lost,
    };
  };
}
