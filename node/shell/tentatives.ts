// Asks the orders of tentative reservations that are due what is to become of them, and has the answer carried out as a command of that
// order. Until an order can be asked its units stay held: nothing is ever guessed (I15). When each was asked last is in memory
// alone; after a crash or a move it is asked anew.
import {
  type AskAnswer,
  type CommitRequest,
  formatReservationId,
  type OrderRef,
  parseOrderRef,
  type ReleaseRequest,
  type ReservationRef,
} from '../../protocol/index.ts';
import { dueTentative, type InventoryState, type Reservation } from '../core/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ShellLimits } from './limits.ts';
import type { Runtime } from './runtime.ts';

/** Whom to ask; undefined: it could not be asked. The answer may come at any time, once. */
export type AskOrder = (
  order: OrderRef,
  reservationId: string,
  answer: (answer: AskAnswer | undefined) => void,
) => void;

export interface TentativesDeps {
  readonly region: string;
  readonly ask: AskOrder;
  readonly runtime: Runtime;
  readonly metrics: Pick<Metrics, 'orderAsks'>;
  readonly limits: Pick<ShellLimits, 'asksPerLook' | 'askAgainMs' | 'askLookMs'>;
  /** Carries the order's word out. */
  readonly settle: (sku: string, request: CommitRequest | ReleaseRequest) => void;
}

interface Asked {
  tries: number;
  /** When it is to be asked again, ms since the epoch. */
  nextAt: number;
}

export class Tentatives {
  readonly #deps: TentativesDeps;
  /** By sku, then by number: those that are due and were asked. */
  readonly #asked = new Map<string, Map<number, Asked>>();

  constructor(deps: TentativesDeps) {
    this.#deps = deps;
  }

  /** Asks the orders of what is due at `now`, as far as they were not asked just before; when to look again, ms. */
  look(state: InventoryState, now: number): number {
    const { sku, asks } = state;
    if (asks === undefined) {
      this.forget(sku);
      return Number.POSITIVE_INFINITY;
    }
    const { asksPerLook, askAgainMs, askLookMs } = this.#deps.limits;
    const due = dueTentative(state, now, asksPerLook);
    if (due.length === 0) {
      this.forget(sku);
      return asks.nextAt();
    }
    const before = this.#asked.get(sku);
    const asked = new Map<number, Asked>();
    this.#asked.set(sku, asked);
    // Others may become due meanwhile.
    let lookAt = now + askLookMs;
    for (const r of due) {
      const one = before?.get(r.no) ?? { tries: 0, nextAt: now };
      asked.set(r.no, one);
      if (one.nextAt <= now) {
        one.nextAt = now + Math.min(askAgainMs[0] * 2 ** one.tries, askAgainMs[1]);
        one.tries += 1;
        this.#ask(sku, r);
      }
      lookAt = Math.min(lookAt, one.nextAt);
    }
    return lookAt;
  }

  /** The actor is not here any more, or has nothing to ask. */
  forget(sku: string): void {
    this.#asked.delete(sku);
  }

  #ask(sku: string, { no, epoch, order: name = '' }: Reservation): void {
    const order = parseOrderRef(name);
    if (order === undefined) return;
    const ref: ReservationRef = { region: this.#deps.region, sku, no, epoch };
    const reservationId = formatReservationId(ref.region, sku, epoch, no);
    this.#deps.ask(order, reservationId, (answer) => {
      this.#deps.metrics.orderAsks.labels({ answer: answer?.answer ?? 'unreachable' }).inc();
      if (answer === undefined || answer.answer === 'unknown-yet') return;
      // The same each time it is asked, so that a second answer changes nothing.
      const requestId = `asked/${epoch.toString(36)}.${no.toString(36)}/${answer.answer}`;
      const base = { reservationId, ref, order: name, requestId };
      this.#deps.settle(
        sku,
        answer.answer === 'commit'
          ? { op: 'commit', ...base, qty: answer.qty, orderId: order.orderId }
          : { op: 'release', ...base },
      );
    });
  }
}
