// What an order has given up, so that nothing sends it again: parcels that nobody wants any more, and all of an order that nobody has paid for.
import type { Action, ExceptionKind, OrderException, OrderPackage, OrderState } from './types.ts';
import { isPaidBack } from './worth.ts';

/** `reason` in the evidence of a cancelRequest: the order was given up unpaid, and this parcel of it is on its way, or was. */
export const NOT_PAID = 'notPaid';

const GIVING_UP: ReadonlySet<Action> = new Set(['cancel', 'refund', 'intercept']);
/** What ends a failed payment, other than that it goes through: with all else the order is kept, and is not paid yet. */
export const ENDS_UNPAID: ReadonlySet<Action> = new Set(['cancel', 'refund']);

/** By which the units of a parcel that is lost are decided on. */
const IS_LOST: ReadonlySet<ExceptionKind> = new Set(['lostParcel', 'cancelRequest']);

/** Its payment failed, and it was given up for that; once it is paid for after all, it is not. */
export function isGivenUpUnpaid({ holds, exceptions }: OrderState): boolean {
  if (!holds.has('payment')) return false;
  return [...exceptions.values()].some((one) => one.kind === 'paymentFailure' && wasSettledBy(one, ENDS_UNPAID));
}

/** Its customer wants it no more, it was paid back, or never paid for. */
export function isUnwanted(state: OrderState, about: OrderPackage): boolean {
  return isPaidBack(state, about) || isGivenUpUnpaid(state) || isRequested(state, about);
}

/** A request to cancel it is open, or was granted. */
export function isRequested({ exceptions }: OrderState, about: OrderPackage): boolean {
  return [...exceptions.values()].some(
    (one) =>
      one.kind === 'cancelRequest' &&
      one.packageId === about.packageId &&
      (one.state !== 'SETTLED' || wasSettledBy(one, GIVING_UP)),
  );
}

/** Lost, and its units were cancelled: they are its shop's, wherever they are. */
export function isGivenUpAsLost({ exceptions }: OrderState, { packageId }: OrderPackage): boolean {
  const about = [...exceptions.values()].filter((one) => one.packageId === packageId && IS_LOST.has(one.kind));
  const last = about.at(-1);
  return last !== undefined && wasSettledBy(last, ENDS_UNPAID);
}

function wasSettledBy({ state, decisions }: OrderException, actions: ReadonlySet<Action>): boolean {
  const last = decisions.at(-1);
  return state === 'SETTLED' && last !== undefined && actions.has(last.action);
}

/** A payment that goes through puts it right: parcels that nobody has stopped yet may go on. */
export function isOverWhenPaid({ kind, evidence, units }: OrderException): boolean {
  return (
    kind === 'paymentFailure' || (kind === 'cancelRequest' && evidence['reason'] === NOT_PAID && units.length === 0)
  );
}
