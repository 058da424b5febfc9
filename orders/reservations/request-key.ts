// Whose a requestId is. Each task of an order has requestIds of its own, as has each carrier and ship node: so that no client can take one of
// theirs, whatever it calls its requests.

/** No requestId and no cause may contain it. */
const SEPARATOR = '\u001e';
/** A client's own, whichever op they came with. */
const CLIENTS: ReadonlySet<string> = new Set(['client', 'capture']);

/** What tells one request from all others of its order. `cause` is who asks: of events that are journaled too. */
export function requestKey({ cause, requestId }: { readonly cause: string; readonly requestId: string }): string {
  return CLIENTS.has(cause) ? requestId : `${cause}${SEPARATOR}${requestId}`;
}
