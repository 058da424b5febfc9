// Who sends an interchange, and what an order is called: purchase orders are numbered by their buyers, and two of them have the same numbers.
import type { Group, Interchange } from './envelope.ts';

/** As a setting names it: the kind of the id and the id, `ZZ.PARTNER`. */
export function partnerOf({ sender: { qualifier, id } }: Interchange): string {
  return `${qualifier.trim()}.${id}`;
}

/** With the sender of the group where that is another, as it is behind a hub: `ZZ.HUB.RETAILER`. */
export function senderOf({ sender: { qualifier, id } }: Interchange, group: Group): string {
  const own = group.sender.trim();
  const parts = [qualifier.trim(), id, ...(own === '' || own === id ? [] : [own])];
  return parts.map((part) => escaped(part, /[%:. ]/g)).join('.');
}

export interface OrderName {
  /** Undefined where orders come from one partner only. */
  readonly sender: string | undefined;
  /** BEG03. */
  readonly purchaseOrder: string;
  /** BEG04: of a blanket order there are several. */
  readonly release: string;
}

/** `ZZ.PARTNER:4711:2`, of which first and last may not be there. Of two orders never the same. */
export function orderIdOf({ sender, purchaseOrder, release }: OrderName): string {
  const numbers = [purchaseOrder, ...(release === '' ? [] : [release])].map((part) => escaped(part, /[%:]/g));
  return [...(sender === undefined ? [] : [sender]), ...numbers].join(':');
}

function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
