// Parcels that go to where their order went before: whoever changed the destination, or the booking of which, could not change that. An
// exception, for policies to call them back.
import type { Draft } from './draft.ts';
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

export function raiseOldDestination(state: OrderState, draft: Draft, packageId: string): void {
  openException(state, draft, { kind: 'addressProblem', packageId, evidence: { code: OLD_DESTINATION } });
}
