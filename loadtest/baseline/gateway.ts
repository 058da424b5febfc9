// The WebSocket front that the baselines share: the grid's engine and codec, so that what is compared is what stands
// behind them. One write per socket per turn of the event loop, as a careful user would do it.
import type { WebSocket } from '@trufflesuite/uws-js-unofficial';
import { decodeRequest, encodeReply, type ReplyForm, SUBPROTOCOL } from '../../protocol/codec.ts';
import {
  FRAME_BYTES_MAX,
  failure,
  type Id,
  type ItemRequest,
  type Outcome,
  type ReplyOf,
} from '../../protocol/index.ts';
import { loadEngine } from './engine.ts';

/** Answers one request; `reply` may be called at once or later, once. */
export type Handler = (request: ItemRequest, reply: (outcome: Outcome) => void) => void;

const BACKPRESSURE_BYTES_MAX = 16 * 1024 * 1024;

interface Connection {
  /** Replies that wait for the end of this turn. */
  waiting: { readonly id: Id | undefined; readonly form: ReplyForm; readonly outcome: Outcome }[];
  open: boolean;
}
type Socket = WebSocket<Connection>;

/** A gateway whose requests are decoded, and replies gathered by turn. */
export function serveGateway(name: string, port: number, handle: Handler): void {
  const dirty: { readonly socket: Socket; readonly connection: Connection }[] = [];
  let flushScheduled = false;

  const flush = () => {
    flushScheduled = false;
    for (const { socket, connection } of dirty.splice(0)) {
      const replies = connection.waiting;
      connection.waiting = [];
      if (!connection.open) continue;
      socket.cork(() => {
        for (const { id, form, outcome } of replies) send(socket, id, form, outcome);
      });
    }
  };

  const onMessage = (socket: Socket, bytes: Uint8Array) => {
    const { id, request, form } = decodeRequest('msgpack', bytes);
    const connection = socket.getUserData();
    // What is answered within the message's own event is corked by the engine already.
    let synchronous = true;
    answer(request, handle, (outcome) => {
      if (synchronous) {
        send(socket, id, form, outcome);
        return;
      }
      if (connection.waiting.push({ id, form, outcome }) === 1) dirty.push({ socket, connection });
      if (flushScheduled) return;
      flushScheduled = true;
      setImmediate(flush);
    });
    synchronous = false;
  };

  serveFrames(name, port, onMessage);
}

/** Listens on loopback and prints `<name> ready`. The bytes of a frame are valid only during the call. */
export function serveFrames(name: string, port: number, onFrame: (socket: Socket, bytes: Uint8Array) => void): void {
  const { uws, name: engine } = loadEngine();
  uws
    .App()
    .ws<Connection>('/v1', {
      maxPayloadLength: FRAME_BYTES_MAX,
      maxBackpressure: BACKPRESSURE_BYTES_MAX,
      closeOnBackpressureLimit: 1,
      upgrade: (response, request, context) => {
        response.upgrade<Connection>(
          { waiting: [], open: true },
          request.getHeader('sec-websocket-key'),
          SUBPROTOCOL.msgpack,
          request.getHeader('sec-websocket-extensions'),
          context,
        );
      },
      message: (socket, message) => onFrame(socket, new Uint8Array(message)),
      close: (socket) => {
        socket.getUserData().open = false;
      },
    })
    .listen('127.0.0.1', port, (listening) => {
      if (!listening) throw new Error(`port ${port} is taken`);
      process.stdout.write(`${name} ready on ${port} (${engine})\n`);
    });
}

function send(socket: Socket, id: Id | undefined, form: ReplyForm, outcome: Outcome): void {
  socket.send(encodeReply('msgpack', id, outcome, form), true);
}

type Decoded = ReturnType<typeof decodeRequest>['request'];

function answer(request: Decoded, handle: Handler, reply: (outcome: Outcome) => void): void {
  if ('ok' in request) return reply(request);
  switch (request.op) {
    case 'batch':
      return answerBatch(request.items, handle, reply);
    case 'hello':
    case 'map':
    case 'subscribe':
    case 'unsubscribe':
      return reply(failure('BAD_REQUEST', `the baseline does not offer ${request.op}`));
    default:
      return handle(request, reply);
  }
}

/** Only for loading stock and for the check after a run. */
function answerBatch(
  items: readonly { readonly id: Id | undefined; readonly request: ItemRequest | Outcome }[],
  handle: Handler,
  reply: (outcome: Outcome) => void,
): void {
  const outcomes: ReplyOf['batch']['items'][number][] = new Array(items.length);
  let left = items.length;
  for (const [i, { id, request }] of items.entries()) {
    const done = (outcome: Outcome) => {
      outcomes[i] = id === undefined ? outcome : { id, ...outcome };
      if (--left === 0) reply({ ok: true, items: outcomes });
    };
    if ('ok' in request) done(request);
    else handle(request, done);
  }
}
