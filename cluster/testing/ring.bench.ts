// Measures how long a worker needs to compute the ring after a change of members:
//   npx vitest bench --run --project unit cluster/ring
import { bench, describe } from 'vitest';
import { placePartitions } from '../ring.ts';

const PARTITIONS = 1_024;

describe(`the ring of ${PARTITIONS} partitions`, () => {
  for (const count of [8, 16, 32, 64, 128]) {
    const members = Array.from({ length: count }, (_, i) => `worker-${i}-5f0c2e`);
    bench(`${count} members`, () => {
      placePartitions(members, PARTITIONS);
    });
  }
});
