// The inventory actor as one kind of actors. node/core has all of it.
import {
  assertDeep,
  assertInvariants,
  createState,
  decodeEvent,
  evolve,
  type InventoryEvent,
  type InventoryState,
  pack,
  summarise,
  unpack,
} from '../core/index.ts';
import type { ActorKind, DueTask } from './kinds.ts';

const NO_TASKS: readonly DueTask[] = [];

export const INVENTORY: ActorKind<InventoryState, InventoryEvent> = {
  recordVersion: 1,
  create: createState,
  seqOf: ({ seq }) => seq,
  decode: (r, epochOf) => {
    const { sku, seq, event } = decodeEvent(r, epochOf);
    return { key: sku, seq, event };
  },
  evolve,
  assertInvariants,
  assertDeep,
  pack: (state, w, asOf) => pack(state, w, asOf),
  unpack,
  summarise: (bytes) => {
    const { seq, positions, live, nextAt, isPooled } = summarise(bytes);
    return { seq, positions, live, nextAt, isPooled, tasks: NO_TASKS, lastAt: 0 };
  },
  isLarge: ({ reservations, dedup }, most) => reservations.size + dedup.size > most,
};
