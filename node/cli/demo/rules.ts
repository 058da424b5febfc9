// Sourcing rules of the demonstration, from the hubs and from what its simulated carrier charges and takes.
import { type CarrierProfile, transitDays } from '../../../orders/carriers/simulated/profile.ts';
import { readRules, type SourcingRules } from '../../../orders/sourcing/rules.ts';
import { type Hub, timeZoneOf } from './places.ts';

const QUANTILES = { p50: 0.5, p75: 0.75, p85: 0.85, p90: 0.9, p95: 0.95, p97: 0.97, p99: 0.99 };
/** Quantiles that meet, as calibrated ones do, have to rise all the same. */
const LEAST_RISE_DAYS = 0.01;

export function demoRules(hubs: readonly Hub[], profile: CarrierProfile, region: string): SourcingRules {
  return readRules({
    version: 'demo-1',
    nodes: hubs.map((hub) => ({
      node: hub.node,
      region,
      postalCode: hub.postalCode,
      latitude: hub.latitude,
      longitude: hub.longitude,
      timeZone: timeZoneOf(hub),
      cutoff: '16:00',
      workingDays: [1, 2, 3, 4, 5, 6, 7],
      handlingPerPackage: 80,
      handlingPerUnit: 5,
    })),
    services: profile.services.map((service) => ({
      service: service.service,
      carrier: profile.carrier,
      base: service.base,
      perKm: service.perKm,
      perKg: service.perKg,
      // More than carriers take in one parcel goes in another.
      kgMax: 50,
      fuelSurcharge: service.fuelSurcharge,
      transit: service.transit.map(({ untilKm }) => {
        let least = 0;
        const days = Object.fromEntries(
          Object.entries(QUANTILES).map(([name, p]) => {
            least = Math.max(least + LEAST_RISE_DAYS, transitDays(service, untilKm, p));
            return [name, least];
          }),
        );
        return { untilKm, days };
      }),
    })),
    splitPenalty: 100,
    packagesMax: 4,
  });
}
