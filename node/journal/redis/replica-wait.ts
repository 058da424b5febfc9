// WAIT for one connection, shared: while one is under way the server does nothing else for this connection, so what is
// sent meanwhile runs together afterwards, and one more WAIT confirms all of it.
import type { Redis } from 'ioredis';

/**
 * How long the server waits for replicas, ms. What is behind a WAIT waits as long, renewals too: two of them in a row
 * are well under the command timeout.
 */
export const REPLICA_WAIT_MS = 500;
/** How long where it is only asked whether they have it, ms: what others write on the connection waits meanwhile. */
export const REPLICA_GLANCE_MS = 50;

export class ReplicaWait {
  readonly #client: Redis;
  readonly #replicas: number;
  #current: Promise<number> | undefined;
  #next: Promise<number> | undefined;

  constructor(client: Redis, replicas: number) {
    this.#client = client;
    this.#replicas = replicas;
  }

  /** How many replicas have everything that was sent on the connection before this call. */
  reached(): Promise<number> {
    if (this.#current === undefined) return this.#start();
    // That one was sent before; the one behind it is sent once it has been answered.
    this.#next ??= this.#current.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<number> {
    this.#next = undefined;
    const wait = this.#client.wait(this.#replicas, REPLICA_WAIT_MS);
    const ended = () => {
      if (this.#current === wait) this.#current = undefined;
    };
    this.#current = wait;
    wait.then(ended, ended);
    return wait;
  }
}
