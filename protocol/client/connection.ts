// The socket of the moment: at most one, dialled with the token of the moment; a socket given up cannot speak for
// its successor. When to dial, greet and give up is link.ts's to say.

import { encodeRequest, SUBPROTOCOL } from '../client-codec.ts';
import type { Encoding } from '../encoding.ts';
import { CLOSE_HANDSHAKE_MS, REQUEST_BYTES_MAX, type TokenSource } from './options.ts';
import type { Frame, Platform, Transport, UpgradeRefusal } from './platform.ts';

/** Ids of the connection's own requests; calls have numbers. */
export const GREET_ID = 'hello';
const PROBE_ID = 'alive';

export interface ConnectionHandlers {
  opened(): void;
  message(data: Frame): void;
  lost(reason: string, refusal?: UpgradeRefusal): void;
}

export interface ConnectionSettings {
  readonly encoding: Encoding;
  readonly token: TokenSource | undefined;
  readonly client: string;
}

export class Connection {
  readonly #platform: Platform;
  readonly #settings: ConnectionSettings;
  readonly #handlers: ConnectionHandlers;
  #transport: Transport | undefined;
  /** Grows with each socket begun or given up. */
  #generation = 0;
  #token: string | undefined;

  constructor(platform: Platform, settings: ConnectionSettings, handlers: ConnectionHandlers) {
    this.#platform = platform;
    this.#settings = settings;
    this.#handlers = handlers;
  }

  dial(url: string): void {
    this.drop();
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation;
    const handlers = this.#handlers;
    const open = (token: string | undefined): void => {
      if (!current()) return;
      this.#token = token;
      const inUpgrade = this.#platform.tokenInUpgrade ? token : undefined;
      this.#transport = this.#platform.dial(url, SUBPROTOCOL[this.#settings.encoding], inUpgrade, {
        opened: () => current() && handlers.opened(),
        message: (data) => current() && handlers.message(data),
        lost: (reason, refusal) => current() && handlers.lost(reason, refusal),
      });
    };
    const { token } = this.#settings;
    // Without a token to fetch, the socket is opened within this turn.
    if (typeof token !== 'function') return open(token);
    Promise.resolve()
      .then(token)
      .then(open)
      .catch((cause: unknown) => current() && handlers.lost(`no token: ${messageOf(cause)}`));
  }

  /** Says hello: it proves that the grid serves, carries the token where the upgrade could not, and brings limits. */
  greet(): void {
    const token = this.#platform.tokenInUpgrade ? undefined : this.#token;
    const hello = { op: 'hello', client: this.#settings.client, ...(token === undefined ? {} : { token }) } as const;
    this.send([encodeRequest(this.#settings.encoding, GREET_ID, hello)]);
  }

  /** Asks for a sign of life; a browser has no ping, so a request serves in both worlds. */
  probe(): void {
    this.send([encodeRequest(this.#settings.encoding, PROBE_ID, { op: 'hello' })]);
  }

  send(frames: readonly Frame[]): void {
    if (frames.length > 0) this.#transport?.send(frames);
  }

  /** Gives the socket up without waiting for it. */
  drop(): void {
    this.#generation += 1;
    this.#transport?.terminate();
    this.#transport = undefined;
  }

  /** Closes with a handshake; resolves when the socket is gone. */
  close(): Promise<void> {
    this.#generation += 1;
    const transport = this.#transport;
    this.#transport = undefined;
    if (transport === undefined) return Promise.resolve();
    return new Promise((closed) => transport.close(CLOSE_HANDSHAKE_MS, closed));
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const utf8 = new TextEncoder();

/** What a frame weighs. Text is counted exactly only where it might matter: no unit of it takes over three bytes. */
export function frameBytes(frame: Frame): number {
  if (typeof frame !== 'string') return frame.byteLength;
  return frame.length * 3 <= REQUEST_BYTES_MAX ? frame.length : utf8.encode(frame).length;
}
