// Pooled stock by escrow: several regions sell one stock, each spending rights that it holds. See SPEC.md.
export { decide, isRefusal } from './decide.ts';
export { evolve, type PoolEvent } from './evolve.ts';
export { POOL_DEFAULTS, type PoolOptions, ROWS_MAX } from './limits.ts';
export { BadPoolMessage, decodeRows, encodeRows, type PoolRow } from './messages.ts';
export { assertInvariants, createPool, type PoolState, rightsOf } from './state.ts';
export { type PoolContext, type PoolDecision, type PoolHint, Steward } from './steward.ts';
export { type PoolReport, type PoolView, poolView, reportOf } from './view.ts';
