// Listeners of the client's own events. A listener that throws disturbs neither the others nor the connection.

export interface ClientEvents {
  /** A connection is ready: credentials accepted, calls and subscriptions flow. */
  connected: { readonly url: string; readonly region: string; readonly reconnect: boolean };
  /** A ready connection was lost, or the client was closed. Calls in flight are sent again on the next one. */
  disconnected: { readonly url: string; readonly reason: string; readonly willReconnect: boolean };
  /** Something went wrong that belongs to no call: a failed attempt to connect, an unreadable frame, a listener. */
  error: { readonly message: string; readonly cause: unknown };
}

type Listener<E> = (event: E) => void;

export class Emitter {
  readonly #listeners = new Map<keyof ClientEvents, Set<Listener<never>>>();

  /** Returns the way to stop listening. */
  on<K extends keyof ClientEvents>(type: K, listener: Listener<ClientEvents[K]>): () => void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(listener as Listener<never>);
    return () => set.delete(listener as Listener<never>);
  }

  emit<K extends keyof ClientEvents>(type: K, event: ClientEvents[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])] as Listener<ClientEvents[K]>[]) {
      try {
        listener(event);
      } catch (cause) {
        // An error listener that throws is told nothing more: there is nobody left to tell.
        if (type !== 'error') this.emit('error', { message: `a listener of '${type}' threw`, cause });
      }
    }
  }
}
