// Carriers that do not say what they have booked: what an exception about that is known by, and what a policy that does not wait longer brings
// about.
import type { NewTask } from './draft.ts';
import { bookingToUndo, tasksOf } from './settling.ts';
import type { OrderException, OrderPackage, OrderState, StockPayload } from './types.ts';

/** `code` in the evidence of a carrierOutage: a package waits for what its carrier says of the last booking. */
export const UNANSWERED = 'UNANSWERED';
/** The same of a booking whose package waits for it no more: there is nothing for policies to decide. */
export const NOT_TAKEN_BACK = 'NOT_TAKEN_BACK';

export function isUnanswered({ kind, evidence }: Pick<OrderException, 'kind' | 'evidence'>): boolean {
  return kind === 'carrierOutage' && evidence['code'] === UNANSWERED;
}

/** An exception that is over once the carrier has said what became of a booking of this package. */
export function endsByAnswer(one: OrderException, packageId: string): boolean {
  const isNotTakenBack = one.kind === 'carrierOutage' && one.evidence['code'] === NOT_TAKEN_BACK;
  return one.packageId === packageId && (isNotTakenBack || isUnanswered(one));
}

/**
 * The package is booked, though its carrier has not said what became of the last booking. That is remembered by a task `stock` of no units: its
 * parcel is cancelled, or asked back, once the carrier answers.
 */
export function bookMeanwhile(
  state: OrderState,
  one: OrderPackage,
): { readonly opens: readonly NewTask[]; readonly closes: readonly string[] } {
  const { packageId: key } = one;
  const payload: StockPayload = { to: 'stock', lines: [], ...bookingToUndo(state, one) };
  const taken: readonly NewTask[] = payload.booking === undefined ? [] : [{ kind: 'stock', key, payload }];
  return { opens: [{ kind: 'book', key }, ...taken], closes: tasksOf(state, key, ['book']) };
}
