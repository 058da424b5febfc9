// Parcels that go to where their order went before: whoever changed the destination, or the booking of which, could not change that. An
// exception, for policies to call them back.
import type { Draft } from './draft.ts';
import { hasMovedSince, isTaskName } from './journey-facts.ts';
import { openException } from './opening.ts';
import type { OrderException, OrderPackage, OrderState } from './types.ts';

/** `code` in the evidence of an addressProblem. */
export const OLD_DESTINATION = 'OLD_DESTINATION';

export function isOldDestination({ kind, evidence }: Pick<OrderException, 'kind' | 'evidence'>): boolean {
  return kind === 'addressProblem' && evidence['code'] === OLD_DESTINATION;
}

/** A carrier has it, or has been told where to bring it. */
export function isUnderWay({ state }: OrderPackage): boolean {
  return state === 'BOOKED' || state === 'SHIPPED';
}

/** Where it was sent is not where its order goes by now. A booking that has no name of a task: as far as that was noticed. */
export function wentToOldDestination(state: OrderState, { packageId, bookingId = '' }: OrderPackage): boolean {
  if (isTaskName(bookingId)) return hasMovedSince(state, state.destination, bookingId);
  return [...state.exceptions.values()].some((one) => one.packageId === packageId && isOldDestination(one));
}

/** Parcels that came back from a wrong address, and of which nobody has decided: the customer has given another. */
export function cameBack(state: OrderState): OrderException[] {
  return [...state.exceptions.values()].filter(
    ({ kind, state: is, units }) => kind === 'addressProblem' && is === 'OPEN' && units.length > 0,
  );
}

export function raiseOldDestination(state: OrderState, draft: Draft, packageId: string): void {
  openException(state, draft, { kind: 'addressProblem', packageId, evidence: { code: OLD_DESTINATION } });
}
