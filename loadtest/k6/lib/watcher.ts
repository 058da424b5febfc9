// A connection that does not read. It is on k6's older WebSocket module: the newer one reads whatever comes and keeps it, so that
// nothing its user does makes the grid wait; this one reads the next message only once the last was handled.
import './text-coding.ts';
import { sleep } from 'k6';
import ws from 'k6/ws';
import { encodeRequest, SUBPROTOCOL } from '../../../protocol/client-codec.ts';
import type { WireRequest } from '../../../protocol/wire.ts';
import { CREDENTIALS, RUN } from './settings.ts';

export interface Stalling {
  /** Asked for once. */
  readonly subscription: WireRequest;
  /** Asked for at each message, for more to read. */
  readonly question: WireRequest;
  readonly questionsPerMessage: number;
  /** Between two messages, ms. */
  readonly stallMs: number;
  /** Whether to go on. */
  goesOn(): boolean;
}

/** Blocks until it need not go on or the grid closes the connection. */
export function stall({ subscription, question, questionsPerMessage, stallMs, goesOn }: Stalling): void {
  let lastId = 0;
  const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL[RUN.protocol], ...CREDENTIALS };
  ws.connect(`${RUN.url}/v1`, { headers }, (socket) => {
    const ask = (request: WireRequest): void => {
      lastId += 1;
      const frame = encodeRequest(RUN.protocol, lastId, request);
      if (typeof frame === 'string') socket.send(frame);
      else socket.sendBinary(frame.buffer as ArrayBuffer);
    };
    const take = (): void => {
      if (!goesOn()) return socket.close();
      for (let n = 0; n < questionsPerMessage; n++) ask(question);
      sleep(stallMs / 1_000);
    };
    socket.on('open', () => ask(subscription));
    socket.on('message', take);
    socket.on('binaryMessage', take);
  });
}
