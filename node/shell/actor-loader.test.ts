// Passivated actors on their way back into memory.
import { expect, it } from 'vitest';
import { createState, packedBytes } from '../core/index.ts';
import { FIRST_LANE } from '../journal/port.ts';
import { ActorLoader } from './actor-loader.ts';
import { type Actor, ActorDirectory } from './directory.ts';
import { createKinds } from './kind-table.ts';
import { LanePartitions } from './lane-partitions.ts';
import { SHELL_LIMITS } from './limits.ts';
import { NO_ORDERS } from './orders/no-orders.ts';
import { createOrderKind } from './orders/order-kind.ts';

const SKU = 'tea';

/** The actor's row after so many events. */
function rowAt(seq: number): Uint8Array {
  const state = createState(SKU);
  state.seq = seq;
  return packedBytes(state);
}

it('given a partition that leaves and comes back while a row of it is read, then what happened to the actor meanwhile stays', async () => {
  const kinds = createKinds(createOrderKind(NO_ORDERS));
  const directory = new ActorDirectory(1, SHELL_LIMITS, kinds);
  directory.admitPassivated(SKU, 'a');
  let read: (row: Uint8Array) => void = () => {};
  const loader = new ActorLoader({
    passivated: () => new Promise((resolve) => (read = resolve)),
    directory,
    partitions: new LanePartitions(1, FIRST_LANE, kinds),
    limits: SHELL_LIMITS,
    refusal: () => undefined,
    released: () => {},
  });
  const loaded = new Promise((resolve) => loader.load(SKU, 'a', resolve));
  directory.dropPartition(0);
  directory.admitRow(SKU, rowAt(2));
  read(rowAt(1));

  expect(await loaded).toBeUndefined();
  expect((directory.find(SKU) as Actor).state.seq).toBe(2);
});
