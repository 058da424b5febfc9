// What the transit model is told before it has seen a parcel of a service: parcels as the bands of the rules have them, long ago. So a cold
// start answers what the rules expect, and real parcels take over as they come. Pure.
import type { CarrierService } from '../sourcing/rules.ts';
import { transitOfBands } from '../sourcing/transit.ts';
import type { Observation } from '../transit/model.ts';
import { QUANTILES } from '../transit/model.ts';
import { SEED_WEEKS, SEEDS_MAX } from './limits.ts';

const DAY_MS = 86_400_000;
/** Distances that the model tells apart, half octaves above 50 km, up to the width of a continent. */
const DISTANCES_KM = Array.from({ length: 15 }, (_, n) => 50 * (2 ** (n / 2) - 1));
const WEEKDAYS = 7;
/** Coprime to them, and to numbers of weeks up to SEED_WEEKS. */
const STRIDE = 11;
/** Handed over so long ago that none counts as on its way, a week after the other. */
const AGO_MS = 70 * DAY_MS;

/** News of parcels of these services that were all delivered before `now`, ms since the epoch. */
export function seedsOf(services: readonly CarrierService[], now: number): Observation[] {
  const each = Math.max(1, services.length) * DISTANCES_KM.length * WEEKDAYS;
  const weeks = Math.max(1, Math.min(SEED_WEEKS, Math.floor(SEEDS_MAX / each)));
  const all = services.slice(0, Math.floor(SEEDS_MAX / (DISTANCES_KM.length * WEEKDAYS)));
  const total = weeks * WEEKDAYS;
  return all.flatMap((service, n) =>
    DISTANCES_KM.flatMap((km, distance) =>
      Array.from({ length: total }, (_, day): Observation[] => {
        const shipmentId = `rules ${service.service} ${distance} ${day}`;
        const handedOverAt = now - AGO_MS + day * DAY_MS;
        const shipment = { shipmentId, node: '', service: service.service, postalCode: '', km, handedOverAt };
        // Each weekday has slow and fast ones alike, and so has each day over all distances and services.
        const [week, weekday] = [(Math.floor(day / WEEKDAYS) * STRIDE) % weeks, (day * STRIDE) % WEEKDAYS];
        const share = (week * WEEKDAYS + weekday + distance * STRIDE + n * STRIDE ** 2) % total;
        const days = quantileOf(service, km, (share + 0.5) / total);
        return [
          { kind: 'handedOver', shipment },
          { kind: 'delivered', shipmentId, at: handedOverAt + days * DAY_MS },
        ];
      }).flat(),
    ),
  );
}

/** Days at a share of parcels; linear between the quantiles of the band, and so on beyond them. */
function quantileOf(service: CarrierService, km: number, share: number): number {
  const days = Object.values(transitOfBands(service, km));
  const median = days[0] as number;
  if (share === 0.5) return median;
  // Below the median parcels are as far from it as above it, in log days.
  if (share < 0.5) return median ** 2 / quantileOf(service, km, 1 - share);
  const after = QUANTILES.findIndex((quantile) => share <= quantile);
  const n = after === -1 ? QUANTILES.length - 1 : after;
  const [from, to] = [QUANTILES[n - 1] as number, QUANTILES[n] as number];
  const [least, most] = [days[n - 1] as number, days[n] as number];
  return least + ((most - least) * (share - from)) / (to - from);
}
