// One connection to the grid: requests in flight side by side, replies in any order.
import './text-coding.ts';
import { WebSocket } from 'k6/websockets';
import { decodeServerMessage, encodeRequest, SUBPROTOCOL } from '../../../protocol/client-codec.ts';
import type { Outcome } from '../../../protocol/types.ts';
import type { WireRequest } from '../../../protocol/wire.ts';
import { CREDENTIALS, RUN } from './settings.ts';

export type Answered = (outcome: Outcome) => void;

export interface SessionEvents {
  readonly opened: () => void;
  /**
   * It ended, and what was in flight is never answered; not told after `close`.
   * @param isLost calls back if it was not k6 that ended it: a threshold, or a person, may have ended the run
   */
  readonly closed: (why: string, isLost: (act: () => void) => void) => void;
}

/** Of WebSocket.readyState; k6 has no names for them. */
const OPEN = 1;
/** What k6 closes with when it ends the run; the grid never does, but what stands before it may. */
const CLOSED_BY_K6 = 1_000;
/** A run that k6 ends fires no timer any more: what still does so long after the end of a connection, ms, is no end of the run. */
const RUN_GOES_ON_MS = 200;

export class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Answered>();
  #lastId = 0;
  #why = 'closed by the grid';
  #isOver = false;

  constructor({ opened, closed }: SessionEvents) {
    // k6 ignores the argument that is meant for subprotocols.
    const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL[RUN.protocol], ...CREDENTIALS };
    this.#socket = new WebSocket(`${RUN.url}/v1`, null, { headers });
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = opened;
    this.#socket.addEventListener('close', ((event?: { code?: number }) => {
      if (this.#isOver) return;
      if (event?.code === CLOSED_BY_K6) closed(this.#why, (act) => setTimeout(act, RUN_GOES_ON_MS));
      else closed(this.#why, (act) => this.#why.startsWith('context canceled') || act());
    }) as () => void);
    this.#socket.onerror = (event) => {
      this.#why = event?.error ?? this.#why;
    };
    this.#socket.onmessage = (event) => {
      const message = decodeServerMessage(RUN.protocol, event?.data as ArrayBuffer | string);
      if (message.kind === 'push') return;
      const answered = this.#waiting.get(message.id as number);
      this.#waiting.delete(message.id as number);
      answered?.(message.outcome);
    };
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  send(request: WireRequest, answered: Answered): void {
    this.#lastId += 1;
    this.#waiting.set(this.#lastId, answered);
    // What comes as the connection ends is never answered, as what was sent just before is not.
    if (this.#socket.readyState !== OPEN) return;
    const frame = encodeRequest(RUN.protocol, this.#lastId, request);
    this.#socket.send(typeof frame === 'string' ? frame : (frame.buffer as ArrayBuffer));
  }

  close(): void {
    this.#isOver = true;
    this.#socket.close();
  }
}
