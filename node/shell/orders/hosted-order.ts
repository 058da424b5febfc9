// An order as the shell holds it: its events as they stand in the journal, and what its core has made of them.
import type { OrderCore, OrderEvent } from '../../../protocol/index.ts';

export interface HostedOrder {
  readonly key: string;
  readonly orderId: string;
  /** Events so far; the version's seq. */
  seq: number;
  /** The time of the last event, ms. */
  lastAt: number;
  /** The JSON of each event, in order: what is packed, and the journey. */
  readonly texts: string[];
  /** Characters of all texts. */
  size: number;
  /** The fold of the events. */
  core: unknown;
}

/** Applies an event of which `text` is the JSON. */
export function applyEvent(core: OrderCore<unknown>, order: HostedOrder, event: OrderEvent, text: string): void {
  order.core = core.evolve(order.core, event, text.length);
  order.seq += 1;
  order.lastAt = event.at;
  order.texts.push(text);
  order.size += text.length;
}
