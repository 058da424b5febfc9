// What is answered instead of serving, and which requests are the last to be refused.
import { failure } from '../../protocol/index.ts';

/** Work that settles or frees stock. */
export const SETTLES: ReadonlySet<string> = new Set(['commit', 'release', 'extend', 'ship']);

/** Work on orders: it waits in a queue of its own. */
export const OF_ORDERS: ReadonlySet<string> = new Set(['captureOrder', 'advanceOrder', 'getOrder', 'takeTasks']);

export const OVERLOADED = failure(
  'OVERLOADED',
  'more requests are waiting than can be served soon; try again shortly',
  20,
);

export const HEAP_FULL = failure(
  'OVERLOADED',
  'the worker has no memory left for new reservations until older requests leave the idempotency window',
  1_000,
);

export const STOPPED = failure('UNAVAILABLE', 'the worker is stopping; connect again', 500);

/** reserveOrder and what follows it is for the coordinator of the worker that was asked; see node/orders/. */
export const NOT_COORDINATED = failure('BAD_REQUEST', 'this grid serves no orders');

export const MOVING = failure('UNAVAILABLE', 'its partition is moving to another worker; try again shortly', 50);

export const LEASE_OUT = failure(
  'UNAVAILABLE',
  'the lease on this lane ran out because the store did not renew it; serving resumes once it does',
  250,
);
