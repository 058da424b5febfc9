// Units that an order has committed for a plan of its own and that are in no place: what nobody would ever send or put back.
import * as saga from '../reservations/index.ts';
import { committedByPlan } from './plan-requests.ts';
import type { OrderState, StockPayload } from './types.ts';

type Left = Pick<StockPayload['lines'][number], 'reservationId' | 'qty'>;

/** By reservation. What a client reserved by itself is not the order's to place. */
export function leftOver(state: OrderState): readonly Left[] {
  const left = new Map<string, number>();
  const add = (lines: readonly Left[], sign: 1 | -1): void => {
    for (const { reservationId, qty } of lines) left.set(reservationId, (left.get(reservationId) ?? 0) + sign * qty);
  };
  for (const attempt of state.saga.attempts) if (isOfTask(attempt)) add(saga.committedOf(attempt), 1);
  add(committedByPlan(state), -1);
  for (const { lines } of state.packages.values()) {
    add(
      lines.map(({ reservationId, allocated: qty }) => ({ reservationId, qty })),
      -1,
    );
  }
  // Of a package's units its own tasks tell; those that are about none had no package.
  for (const [reservationId, qty] of state.givenBack) add([{ reservationId, qty }], -1);
  return [...left].filter(([, qty]) => qty > 0).map(([reservationId, qty]) => ({ reservationId, qty }));
}

function isOfTask({ askedBy, requestId }: saga.Attempt): boolean {
  return askedBy !== requestId && askedBy.startsWith('task:');
}
