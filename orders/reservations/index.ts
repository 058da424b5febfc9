// What the order's core and the grid's coordinator use of an order's reservations.

export type { AskAnswer } from '../../protocol/index.ts';
export { type Errand, type ErrandOutcome, errandsOf, resultsOf } from './errands.ts';
export { createSaga, evolve, forkSaga } from './evolve.ts';
export { assertSaga } from './invariants.ts';
export { committedOf, endReply, reserveReply } from './replies.ts';
export { requestKey } from './request-key.ts';
export { attemptOf, decide } from './saga.ts';
export { isSettled } from './transitions.ts';
export type * from './types.ts';
