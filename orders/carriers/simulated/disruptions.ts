// What befalls a simulated carrier for a while: strikes of a service, storms over an area, outages of its interface. Drawn
// week by week from the seed, so that any moment can be asked for first; and those that an evaluation injects.
import { kmBetween } from '../../sourcing/geo.ts';
import { DISRUPTIONS_PER_WEEK_MAX } from './limits.ts';
import type { CarrierProfile } from './profile.ts';
import { draw, drawExponential } from './random.ts';

export interface Disruption {
  readonly disruptionId: string;
  readonly kind: 'strike' | 'storm' | 'outage';
  /** ms since the epoch; up to and without `until`. */
  readonly from: number;
  readonly until: number;
  /** Share of the progress that parcels lose meanwhile: 1 stands still. An outage touches calls, not parcels. */
  readonly severity: number;
  /** Of a strike; without it, all. */
  readonly services?: readonly string[];
  /** Of a storm, and of a strike that is local. */
  readonly circle?: { readonly latitude: number; readonly longitude: number; readonly radiusKm: number };
}

export const WEEK_MS = 7 * 86_400_000;
/** Nothing drawn lasts longer, so those of a window are in it or began so many weeks before. */
const WEEKS_LONG_MAX = 3;

export class Disruptions {
  readonly #profile: CarrierProfile;
  readonly #seed: number;
  readonly #injected: readonly Disruption[];
  readonly #weeks = new Map<number, readonly Disruption[]>();

  constructor(profile: CarrierProfile, seed: number, injected: readonly Disruption[] = []) {
    this.#profile = profile;
    this.#seed = seed;
    this.#injected = injected;
  }

  /** All that touch the window, by their beginning. */
  between(from: number, until: number): readonly Disruption[] {
    const found = this.#injected.filter((one) => one.from < until && one.until > from);
    for (let week = Math.floor(from / WEEK_MS) - WEEKS_LONG_MAX; week * WEEK_MS < until; week += 1) {
      found.push(...this.#ofWeek(week).filter((one) => one.from < until && one.until > from));
    }
    return found.sort((a, b) => a.from - b.from);
  }

  /** The outage of the interface at this moment. */
  outageAt(now: number): Disruption | undefined {
    return this.between(now, now + 1).find(({ kind }) => kind === 'outage');
  }

  #ofWeek(week: number): readonly Disruption[] {
    const known = this.#weeks.get(week);
    if (known !== undefined) return known;
    const { disruptions, services } = this.#profile;
    const { outagesPerWeek, strikesPerWeek, stormsPerWeek, south, north, west, east } = disruptions;
    const made = [
      ...this.#series('outage', week, outagesPerWeek, disruptions.outageMeanMs),
      ...this.#series('strike', week, strikesPerWeek, disruptions.strikeMeanMs).map((one) => ({
        ...one,
        services: [
          services[Math.floor(draw(this.#seed, one.disruptionId, 'service') * services.length)]?.service ?? '',
        ],
      })),
      ...this.#series('storm', week, stormsPerWeek, disruptions.stormMeanMs).map((one) => ({
        ...one,
        severity: 0.5 + draw(this.#seed, one.disruptionId, 'severity') / 2,
        circle: {
          latitude: south + draw(this.#seed, one.disruptionId, 'latitude') * (north - south),
          longitude: west + draw(this.#seed, one.disruptionId, 'longitude') * (east - west),
          radiusKm: disruptions.stormRadiusKm * (0.5 + draw(this.#seed, one.disruptionId, 'radius')),
        },
      })),
    ];
    this.#weeks.set(week, made);
    return made;
  }

  /** A Poisson process: exponential gaps, from the beginning of the week. */
  #series(kind: Disruption['kind'], week: number, perWeek: number, meanMs: number): Disruption[] {
    const made: Disruption[] = [];
    if (perWeek === 0) return made;
    let at = week * WEEK_MS;
    for (let n = 0; n < DISRUPTIONS_PER_WEEK_MAX; n += 1) {
      const disruptionId = `${kind}-${week}-${n}`;
      at += drawExponential(WEEK_MS / perWeek, this.#seed, disruptionId, 'gap');
      if (at >= (week + 1) * WEEK_MS) break;
      const lasts = Math.min(WEEKS_LONG_MAX * WEEK_MS, drawExponential(meanMs, this.#seed, disruptionId, 'length'));
      made.push({ disruptionId, kind, from: at, until: at + lasts, severity: 1 });
    }
    return made;
  }
}

/**
 * When work that takes `workMs` undisturbed is done, begun at `from` at this place: while a disruption holds, only the share that
 * its severity leaves is done; of several, the worst counts.
 */
export function doneAt(
  from: number,
  workMs: number,
  place: { readonly latitude: number; readonly longitude: number },
  service: string,
  disruptions: readonly Disruption[],
): number {
  const touching = disruptions.filter(
    (one) =>
      one.kind !== 'outage' &&
      one.until > from &&
      one.services?.includes(service) !== false &&
      (one.circle === undefined || kmBetween(one.circle, place) <= one.circle.radiusKm),
  );
  const edges = [...new Set(touching.flatMap((one) => [one.from, one.until]))].filter((at) => at > from);
  edges.sort((a, b) => a - b);
  let now = from;
  let left = workMs;
  for (const edge of edges) {
    const holding = touching.filter((one) => one.from <= now && one.until > now);
    const speed = 1 - Math.max(0, ...holding.map(({ severity }) => severity));
    const done = (edge - now) * speed;
    if (done >= left && (left > 0 || speed > 0)) return now + (speed === 0 ? 0 : left / speed);
    left -= done;
    now = edge;
  }
  return now + left;
}
