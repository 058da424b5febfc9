// What the order's core and the grid's coordinator use of an order's reservations.
export { type Errand, errandsOf, resultsOf } from './errands.ts';
export { createSaga, evolve } from './evolve.ts';
export { assertSaga } from './invariants.ts';
export { endReply, reserveReply } from './replies.ts';
export { decide } from './saga.ts';
export type * from './types.ts';
