// What the shell, the audit and the simulator use of the inventory actor.
export { ByteReader, ByteWriter, CorruptRecord } from './bytes.ts';
export { execute } from './decide.ts';
export { decodeEvent, encodeEvent, isEvent } from './event-codec.ts';
export { dueTentative, evolve, nextDueAt } from './evolve.ts';
export { PARTITION_HASH, partitionOf, tagOf } from './hash.ts';
export { assertDeep, assertInvariants } from './invariants.ts';
export { pack, packedBytes, summarise, unpack } from './pack.ts';
export { PackInTurns } from './pack-in-turns.ts';
export { applyRights, poolNode } from './pool.ts';
export { createState } from './state.ts';
export { availableToSell } from './stock.ts';
export type * from './types.ts';
export { reservationView, view } from './views.ts';
