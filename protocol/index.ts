// What protocol/ offers to the rest: types, limits, ids and errors. Codecs and the client have entry points of their own.
export * from './errors.ts';
export * from './ids.ts';
export * from './limits.ts';
export type * from './order-core.ts';
export type * from './order-errands.ts';
export type * from './order-reservations.ts';
export * from './orders.ts';
export * from './partitions.ts';
export * from './types.ts';
export type * from './version.ts';
export type * from './wire.ts';
