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
  /** It ended, and what was in flight is never answered. Without a reason where k6 did it: a threshold ended the run. */
  readonly closed: (why: string | undefined) => void;
}

/** The grid never closes with this code. */
const CLOSED_BY_K6 = 1_000;

export class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Answered>();
  #lastId = 0;
  #why = 'closed by the grid';

  constructor({ opened, closed }: SessionEvents) {
    // k6 ignores the argument that is meant for subprotocols.
    const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL[RUN.protocol], ...CREDENTIALS };
    this.#socket = new WebSocket(`${RUN.url}/v1`, null, { headers });
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = opened;
    this.#socket.addEventListener('close', ((event?: { code?: number }) => {
      const isOurs = event?.code === CLOSED_BY_K6 || this.#why.startsWith('context canceled');
      closed(isOurs ? undefined : this.#why);
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
    const frame = encodeRequest(RUN.protocol, this.#lastId, request);
    this.#socket.send(typeof frame === 'string' ? frame : (frame.buffer as ArrayBuffer));
  }

  close(): void {
    this.#socket.close();
  }
}
