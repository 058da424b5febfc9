// Which record is the last of its command: what must hold of an order holds after all events of a command, and need not before.
import { type AnyEvent, type AnyState, kindOf } from '../../shell/kind-table.ts';
import { KINDS } from './kinds.ts';

/** A record that was applied to an order. */
export interface Applied {
  readonly sku: string;
  readonly seq: number;
  readonly type: string;
  readonly journalSeq: number;
  readonly requestId: string;
  readonly state: AnyState;
}

/** The request that led to an order's event; undefined: one of a SKU, whose every event is whole. */
export function requestOf(event: AnyEvent): string | undefined {
  return 'text' in event ? event.event.requestId : undefined;
}

export class Commands {
  /** Its command may have more records: those of one command stand together in a lane. */
  #last: Applied | undefined;

  /**
   * Told of each record of an actor before it is applied: asserts the order of the record before, if that was the last of its command.
   * @returns the record after which its order does not hold what it must, and why
   */
  before(sku: string, requestId: string | undefined): { readonly of: Applied; readonly error: unknown } | undefined {
    const of = this.#last;
    if (of === undefined || (of.sku === sku && of.requestId === requestId)) return undefined;
    this.#last = undefined;
    try {
      kindOf(KINDS, of.sku).assertInvariants(of.state);
      return undefined;
    } catch (error) {
      return { of, error };
    }
  }

  /** Told of a record that an order has taken in. */
  applied(record: Applied): void {
    this.#last = record;
  }
}
