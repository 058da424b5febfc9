// Measures how long a worker needs to compute the ring after a change of members:
//   npx vitest bench --run --project unit cluster/ring
import { bench, describe } from 'vitest';
import { placePartitions } from '../ring.ts';

const PARTITIONS = 1_024;

describe(`the ring of ${PARTITIONS} partitions`, () => {
  for (const count of [8, 16, 32, 64, 128]) {
    let sets = 0;
    bench(`${count} members`, () => {
      // Other members each time: a ring that was built is kept.
      sets += 1;
      const members = Array.from({ length: count }, (_, i) => `worker-${i}-${sets}`);
      placePartitions(members, PARTITIONS);
    });
  }
});
