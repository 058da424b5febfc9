// Simulated carriers for the services that rules of sourcing name: whoever tries rules has a carrier for each, which takes as long as the
// rules expect, and misbehaves as the default does.
import type { SourcingRules } from '../../sourcing/rules.ts';
import { type CarrierProfile, readProfile } from './profile.ts';

const SHARES = { p50: 0.5, p75: 0.75, p85: 0.85, p90: 0.9, p95: 0.95, p97: 0.97, p99: 0.99 } as const;

/** Tariffs by zone are left out: such services cost what their `base`, `perKm` and `perKg` say. */
export function profilesOf({ services }: SourcingRules): CarrierProfile[] {
  const carriers = [...new Set(services.map(({ carrier }) => carrier))];
  return carriers.map((carrier) =>
    readProfile({
      carrier,
      services: services
        .filter((one) => one.carrier === carrier)
        .map(({ service, base, perKm, perKg, fuelSurcharge, transit }) => ({
          service,
          base,
          perKm,
          perKg,
          fuelSurcharge,
          transit: transit.map(({ untilKm, days }) => ({
            untilKm,
            quantiles: Object.entries(SHARES).map(([name, share]) => [share, days[name as keyof typeof SHARES]]),
          })),
        })),
    }),
  );
}
