// The core of orders of a program that has none: it refuses every request, and a journal that has orders.
import { failure, type OrderCore } from '../../../protocol/index.ts';

const REFUSAL = failure('BAD_REQUEST', 'this grid serves no orders');

function missing(): never {
  throw new Error('the journal has orders, and this program was put together without their core');
}

export const NO_ORDERS: OrderCore<unknown> = {
  create: () => undefined,
  decide: () => ({ events: [], reply: REFUSAL }),
  evolve: missing,
  assertInvariants: missing,
  openTasks: () => [],
  status: missing,
  document: missing,
  detail: missing,
};
