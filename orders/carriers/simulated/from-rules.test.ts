// Carriers of rules: one for each that is named, as fast as the rules expect.
import { expect, test } from 'vitest';
import { GROUND, rulesOf } from '../../sourcing/testing/rules.ts';
import { profilesOf } from './from-rules.ts';
import { transitDays } from './profile.ts';

test('given rules of two carriers, then there is a profile of each, with its services and their days', () => {
  const air = { ...GROUND, service: 'air', perKg: 90 };
  const other = { ...GROUND, service: 'night', carrier: 'other' };
  const profiles = profilesOf(rulesOf({ services: [GROUND, air, other] }));
  expect(profiles.map(({ carrier, services }) => [carrier, services.map(({ service }) => service)])).toEqual([
    [GROUND.carrier, [GROUND.service, 'air']],
    ['other', ['night']],
  ]);
  const [first] = profiles[0]?.services ?? [];
  if (first === undefined) throw new Error('it has services');
  const days = GROUND.transit[0]?.days;
  expect(transitDays(first, 100, 0.5)).toBeCloseTo(days?.p50 ?? 0);
  expect(transitDays(first, 100, 0.95)).toBeCloseTo(days?.p95 ?? 0);
});
