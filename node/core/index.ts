// What the shell, the audit and the simulator use of the inventory actor.
export { ByteReader, ByteWriter, CorruptRecord } from './bytes.ts';
export { decide, execute } from './decide.ts';
export { DEDUP_RETENTION_MS } from './dedup.ts';
export { decodeEvent, encodeEvent } from './event-codec.ts';
export { evolve, hasDue } from './evolve.ts';
export { bodyHash, PARTITION_HASH, partitionOf } from './hash.ts';
export { assertDeep, assertInvariants, InvariantViolation } from './invariants.ts';
export { pack, packedBytes, unpack } from './pack.ts';
export { PackInTurns } from './pack-in-turns.ts';
export { skuUnknown } from './render.ts';
export { createState } from './state.ts';
export { availableToSell, totalOnHand } from './stock.ts';
export type * from './types.ts';
export { isKnown, reservationView, view } from './views.ts';
