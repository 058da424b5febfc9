// How many parcels a simulated carrier has booked and followed to their end, of the default profile:
//   npx vitest bench --run --project unit orders/carriers
import { bench } from 'vitest';
import { bookOf, calm } from '../../testing/profiles.ts';
import { DEFAULT_PROFILE, readProfile } from '../profile.ts';
import { CarrierWorld } from '../world.ts';

const PARCELS = 1_000;
const NOW = Date.parse('2026-11-23T00:00:00Z');
const DAY_MS = 86_400_000;
const profile = readProfile({ ...DEFAULT_PROFILE, calls: calm().calls });

bench(
  `${PARCELS} parcels from booking to their end`,
  () => {
    const world = new CarrierWorld(profile, { seed: 1 });
    // Away from outages: at a quiet moment of this seed, else a call is refused.
    let at = NOW;
    while (world.disruptions.outageAt(at) !== undefined) at += DAY_MS;
    for (let n = 0; n < PARCELS; n += 1) world.call('book', bookOf(`s-${n}`, { readyAt: at }), `k-${n}`, at);
    for (let day = 0; day < 60; day += 1) world.takeReports(at + day * DAY_MS);
  },
  { iterations: 10 },
);
