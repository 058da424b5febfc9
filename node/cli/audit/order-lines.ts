// Whether the reservations that were made for orders ended as their orders decided, and what an order has committed for a plan of its own is
// in a package, or some task is about it (I15). The lines of an order may be in any region, so
// this is told of all regions before it says anything. What is decided, and how a reservation ended, never changes: of a live
// grid, which goes on while its regions are read one after the other, only such pairs are compared.
import { leftOver, type OrderState } from '../../../orders/order/index.ts';
import { formatReservationId, type OrderRef, parseOrderRef, type ReservationState } from '../../../protocol/index.ts';
import type { InventoryState } from '../../core/index.ts';
import { orderKey } from '../../shell/keys.ts';
import type { HostedOrder } from '../../shell/orders/hosted-order.ts';
import type { Difference } from './report.ts';

interface Made {
  /** `<orderId>@<region>` */
  readonly order: string;
  readonly state: ReservationState;
  /** Units reserved, or after the commit committed. */
  readonly qty: number;
}

interface Decided {
  readonly region: string;
  readonly key: string;
  readonly seq: number;
  /** Units that the order committed of it; 0: it was given back. */
  readonly units: number;
  /** The order has heard of the end of all its reservations. */
  readonly isSettled: boolean;
}

/** A difference, and the region whose order it is about. */
export interface LineDifference {
  readonly region: string;
  readonly difference: Difference;
}

export class OrderLines {
  /** Both by reservationId. */
  readonly #made = new Map<string, Made>();
  readonly #decided = new Map<string, Decided>();
  readonly #left: LineDifference[] = [];
  readonly #regions = new Set<string>();
  readonly #isAtRest: boolean;

  /** @param isAtRest nothing changes while the regions are read, as of a grid that is stopped */
  constructor(isAtRest: boolean) {
    this.#isAtRest = isAtRest;
  }

  /** Takes in the reservations of one SKU. */
  readonly stock = ({ sku, reservations, lastAt }: InventoryState, region: string): void => {
    reservations.eachInOrder(lastAt, ({ no, epoch, order, state, parts }) => {
      if (order === undefined) return;
      const qty = parts.reduce((sum, part) => sum + part.qty, 0);
      this.#made.set(formatReservationId(region, sku, epoch, no), { order, state, qty });
    });
  };

  /** Takes in what one order has decided. */
  readonly order = ({ key, seq, core }: HostedOrder, region: string): void => {
    this.#regions.add(region);
    for (const { reservationId, qty } of leftOver(core as OrderState)) {
      const found = `${reservationId}: ${qty} units in none of them`;
      const expected = 'a package, a plan or a task stock for all that is committed';
      this.#left.push({ region, difference: { check: 'orders (I15)', sku: key, seq, expected, found } });
    }
    for (const { state, claims } of (core as OrderState).saga.attempts) {
      if (state === 'RESERVING' || state === 'TENTATIVE') continue;
      const isCommitted = state === 'COMMITTING' || state === 'COMMITTED';
      const isSettled = state !== 'COMMITTING' && state !== 'RELEASING';
      for (const { answer, used } of claims) {
        if (answer?.isHeld !== true) continue;
        const units = isCommitted ? used : 0;
        this.#decided.set(answer.reservationId, { region, key, seq, units, isSettled });
      }
    }
  };

  /** What does not go together. A reservation that is not there any more has ended, and was forgotten after its time. */
  *differences(): Generator<LineDifference, void, undefined> {
    yield* this.#left;
    for (const [reservationId, made] of this.#made) {
      const decided = this.#decided.get(reservationId);
      const wrong = decided === undefined ? this.#whyUndecided(made) : this.#whyOtherwise(decided, made);
      if (wrong === undefined) continue;
      const { orderId, region: home } = placeOf(made.order);
      const { region = home, key = orderKey(orderId), seq = 0 } = decided ?? {};
      const found = `${reservationId} is ${made.state}, ${made.qty} units`;
      yield { region, difference: { check: 'orders (I15)', sku: key, seq, expected: wrong, found } };
    }
  }

  /** What the order's decision makes of the reservation, where that is not what it is. */
  #whyOtherwise({ units, isSettled }: Decided, { order, state, qty }: Made): string | undefined {
    const expected =
      units > 0 ? `${units} units committed of it, as ${order} decided` : `given back, as ${order} decided`;
    if (state === 'RESERVED') return this.#isAtRest && isSettled ? expected : undefined;
    return (state === 'COMMITTED' ? qty : 0) === units ? undefined : expected;
  }

  /** Its order may have decided since it was read, unless nothing goes on. */
  #whyUndecided({ order, state }: Made): string | undefined {
    if (state !== 'COMMITTED' || !this.#isAtRest || !this.#regions.has(placeOf(order).region)) return undefined;
    return `not committed, as ${order} has not decided so`;
  }
}

function placeOf(order: string): OrderRef {
  return parseOrderRef(order) ?? { orderId: order, region: '' };
}
