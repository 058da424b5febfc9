// One WebSocket connection: what is in flight on it, what waits to be written, and how far its reader is behind.
// What the requests mean is not its business.
import { type Encoding, encodeReply, type ReplyForm } from '../../protocol/codec.ts';
import { failure, type Id, type Outcome } from '../../protocol/index.ts';
import { DROPPED, type EngineSocket, SENT } from './engine-types.ts';
import type { OpLatency } from './latency.ts';
import type { News, Subscriber, Topic } from './subscriptions.ts';

/** What a connection needs of those around it. */
export interface ConnectionHost {
  /** Asks for flush() at the next moment to write. */
  enqueue(connection: Connection): void;
  /** A call came to its end, whether or not its connection is still there. */
  settled(): void;
  /** Milliseconds, monotonic; may lag by the length of one release. */
  now(): number;
  onError(error: unknown): void;
}

/** A request between its frame and its reply. */
export class Call {
  readonly connection: Connection;
  readonly id: Id | undefined;
  readonly latency: OpLatency;
  readonly form: ReplyForm;
  readonly startedAtMs: number;
  /** What it counts towards the requests in flight; 0: it never was. */
  readonly weight: number;
  outcome: Outcome | undefined = undefined;

  constructor(
    connection: Connection,
    id: Id | undefined,
    latency: OpLatency,
    form: ReplyForm,
    startedAtMs: number,
    weight: number,
  ) {
    this.connection = connection;
    this.id = id;
    this.latency = latency;
    this.form = form;
    this.startedAtMs = startedAtMs;
    this.weight = weight;
  }

  readonly respond = (outcome: Outcome): void => {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.connection.answered(this);
  };
}

/** Why the gateway ended a connection; the label of the metric. */
export type CloseReason =
  | 'client'
  | 'defect'
  | 'draining'
  | 'frame_too_large'
  | 'hello_timeout'
  | 'idle'
  | 'invalid_frame'
  | 'lost'
  | 'slow_consumer'
  | 'unauthenticated';

export interface SocketData {
  readonly connection: Connection;
}

export class Connection implements Subscriber {
  readonly encoding: Encoding;
  readonly binary: boolean;
  authenticated: boolean;
  open = false;
  /** Set by whoever ends it; otherwise it was the client or the network. */
  closeReason: CloseReason | undefined;
  /** Requests in flight, by weight. */
  inFlight = 0;
  /** Ids in flight. */
  readonly ids = new Set<Id>();
  readonly topics = new Map<string, Topic>();
  readonly news = new Set<News>();
  helloTimer: NodeJS.Timeout | undefined;
  /** Bytes that waited in memory for the client when last looked at. */
  buffered = 0;
  readonly #host: ConnectionHost;
  #socket: EngineSocket<SocketData> | undefined;
  #replies: Call[] = [];
  #enqueued = false;
  #overrun = false;
  /** Bytes handed to the socket since it opened, frame headers included. */
  #sentBytes = 0;
  /** Bytes that had left when progress was last seen, and when that was. */
  #leftBytes = 0;
  #progressAtMs = 0;

  constructor(host: ConnectionHost, encoding: Encoding, authenticated: boolean) {
    this.#host = host;
    this.encoding = encoding;
    this.binary = encoding === 'msgpack';
    this.authenticated = authenticated;
  }

  opened(socket: EngineSocket<SocketData>): void {
    this.#socket = socket;
    this.open = true;
  }

  /** Called by the engine's close handler: the socket is gone. */
  closed(): void {
    this.open = false;
    this.#socket = undefined;
    this.#replies = [];
    this.ids.clear();
    clearTimeout(this.helloTimer);
  }

  /** Notes a request as in flight. */
  started(call: Call): void {
    this.inFlight += call.weight;
    if (call.id !== undefined) this.ids.add(call.id);
  }

  answered(call: Call): void {
    if (call.weight > 0) {
      this.inFlight -= call.weight;
      this.#host.settled();
    }
    if (!this.open) return;
    if (call.weight > 0 && call.id !== undefined) this.ids.delete(call.id);
    this.#replies.push(call);
    this.wake();
  }

  wake(): void {
    if (this.#enqueued) return;
    this.#enqueued = true;
    this.#host.enqueue(this);
  }

  /** Writes what waits: all replies, and the latest of each subscription unless the reader is behind. */
  flush(): void {
    this.#enqueued = false;
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#replies.length === 1 && this.news.size === 0) this.#write();
    else socket.cork(this.#write);
    if (this.#overrun) this.cut('slow_consumer');
    else this.buffered = socket.getBufferedAmount();
  }

  /** A reply that waits for nothing, within the handler of the frame that it answers: the engine gathers those of one read. */
  sendNow(reply: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined || this.#send(socket, reply) === SENT) return;
    if (this.#overrun) this.cut('slow_consumer');
    else this.buffered = socket.getBufferedAmount();
  }

  /** The engine wrote some of what had waited. */
  drained(): void {
    if (this.#socket === undefined) return;
    this.buffered = this.#socket.getBufferedAmount();
    if (this.buffered === 0 && this.news.size > 0) this.flush();
  }

  /** For how long, ms, bytes have waited without any leaving. To be asked now and then, after drained(). */
  stalledFor(nowMs: number): number {
    if (this.#socket === undefined) return 0;
    const left = this.#sentBytes - this.buffered;
    if (this.buffered === 0 || left > this.#leftBytes) this.#progressAtMs = nowMs;
    this.#leftBytes = left;
    return nowMs - this.#progressAtMs;
  }

  /** Closes in good order: what waits is written, then a close frame. */
  end(code: number, text: string, reason: CloseReason): void {
    if (this.#socket === undefined) return;
    this.flush();
    this.closeReason ??= reason;
    this.#socket?.end(code, text);
  }

  /** Cuts the connection; what waits is gone. */
  cut(reason: CloseReason): void {
    this.closeReason ??= reason;
    this.#socket?.close();
  }

  readonly #write = (): void => {
    const socket = this.#socket as EngineSocket<SocketData>;
    const now = this.#host.now();
    const replies = this.#replies;
    for (let i = 0; i < replies.length; i++) {
      const call = replies[i] as Call;
      const outcome = call.outcome as Outcome;
      const bytes = this.#encode(call, outcome);
      call.latency.observe(outcome, call.startedAtMs, now);
      if (this.#send(socket, bytes) === DROPPED) return;
    }
    replies.length = 0;
    if (this.news.size > 0 && this.buffered === 0) this.#writeNews(socket);
  };

  #writeNews(socket: EngineSocket<SocketData>): void {
    for (const topic of this.news) {
      this.news.delete(topic);
      const bytes = topic.encoded(this.encoding);
      // A reader that is behind is sent the rest once it has caught up, with the values of then.
      if (bytes !== undefined && this.#send(socket, bytes) !== SENT) return;
    }
  }

  #send(socket: EngineSocket<SocketData>, bytes: Uint8Array): number {
    const length = bytes.byteLength;
    this.#sentBytes += length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);
    const status = socket.send(bytes, this.binary);
    // Nothing may be missing from the stream: a connection that could not take a message has to end.
    if (status === DROPPED) this.#overrun = true;
    return status;
  }

  #encode(call: Call, outcome: Outcome): Uint8Array {
    try {
      return encodeReply(this.encoding, call.id, outcome, call.form);
    } catch (error) {
      this.#host.onError(error);
      return encodeReply(this.encoding, call.id, failure('INTERNAL', 'the reply could not be encoded'));
    }
  }
}
