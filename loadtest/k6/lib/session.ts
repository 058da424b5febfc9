// One connection to the grid: requests in flight side by side, replies in any order.
import './text-coding.ts';
import { WebSocket } from 'k6/websockets';
import { decodeServerMessage, encodeRequest, SUBPROTOCOL } from '../../../protocol/client-codec.ts';
import type { Outcome } from '../../../protocol/types.ts';
import type { WireRequest } from '../../../protocol/wire.ts';
import { pushes } from './metrics.ts';
import { ENCODING, URL } from './settings.ts';

export type Answered = (outcome: Outcome) => void;

export interface SessionEvents {
  readonly opened: () => void;
  /** It ended; what was in flight is never answered. */
  readonly closed: (why: string) => void;
  readonly pushed?: () => void;
}

export class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Answered>();
  #lastId = 0;
  #why = 'closed by the grid';

  constructor({ opened, closed, pushed }: SessionEvents) {
    // k6 ignores the argument that is meant for it.
    this.#socket = new WebSocket(`${URL}/v1`, null, { headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL[ENCODING] } });
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = opened;
    this.#socket.onclose = () => closed(this.#why);
    this.#socket.onerror = (event) => {
      this.#why = event?.error ?? this.#why;
    };
    this.#socket.onmessage = (event) => {
      const message = decodeServerMessage(ENCODING, event?.data as ArrayBuffer | string);
      if (message.kind === 'push') {
        pushes.add(1);
        pushed?.();
        return;
      }
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
    const frame = encodeRequest(ENCODING, this.#lastId, request);
    this.#socket.send(typeof frame === 'string' ? frame : (frame.buffer as ArrayBuffer));
  }

  close(): void {
    this.#why = 'closed';
    this.#socket.close();
  }
}
