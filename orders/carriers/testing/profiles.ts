// Profiles of tests: a carrier that never misbehaves, changed where a test is about something, and two places.
import { type CarrierProfile, type CarrierProfileInput, readProfile, spread } from '../simulated/profile.ts';

export const NEWARK = { latitude: 40.74, longitude: -74.17, postalCode: '07101', area: 'NJ' };
export const CHICAGO = { latitude: 41.88, longitude: -87.63, postalCode: '60601', area: 'IL' };
export const NEW_YORK = { latitude: 40.71, longitude: -74.01, postalCode: '10007', area: 'NY' };

export const GROUND = {
  service: 'ground',
  base: 500,
  perKm: 0.5,
  perKg: 100,
  fuelSurcharge: 0.1,
  transit: [{ untilKm: 20_000, quantiles: spread(2) }],
};

const CALM: Omit<CarrierProfileInput, 'carrier' | 'services'> = {
  scans: { lost: 0, duplicate: 0, late: 0, delayMeanMs: 1_000 },
  parcels: { lost: 0, stuck: 0, damaged: 0, addressProblem: 0, deliveryFailed: 0 },
  calls: { failed: 0, unanswered: 0, perSecond: 1_000_000, burst: 1_000_000 },
  disruptions: { outagesPerWeek: 0, strikesPerWeek: 0, stormsPerWeek: 0 },
};

export function calm(changes: Partial<CarrierProfileInput> = {}): CarrierProfile {
  return readProfile({ carrier: 'acme', services: [GROUND], ...CALM, ...changes });
}

export function bookOf(shipmentId: string, changes: object = {}) {
  return { shipmentId, service: 'ground', from: NEWARK, to: CHICAGO, grams: 1_000, readyAt: 0, ...changes };
}
