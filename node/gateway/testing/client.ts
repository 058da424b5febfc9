// A plain WebSocket client for tests: replies by id; pushes and what was not asked for in lists one can wait on.
import { WebSocket } from 'ws';
import { decodeServerMessage, type Encoding, encodeRequest, SUBPROTOCOL } from '../../../protocol/client-codec.ts';
import type { AvailabilityPush, Id, MovedPush, Outcome } from '../../../protocol/index.ts';

export interface ConnectOptions {
  readonly port: number;
  /** Default JSON. */
  readonly encoding?: Encoding;
  /** Instead of the encoding's subprotocol; empty: none is offered. */
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** Any request, also one that the types would not allow. */
export type AnyRequest = { readonly op: string } & Readonly<Record<string, unknown>>;

export class Connected {
  readonly socket: WebSocket;
  readonly encoding: Encoding;
  readonly pushes: AvailabilityPush[] = [];
  readonly maps: MovedPush[] = [];
  readonly closed: Promise<Closed>;
  readonly #waiting = new Map<Id, (outcome: Outcome) => void>();
  readonly #stray: Outcome[] = [];
  #strayWaiting: ((outcome: Outcome) => void)[] = [];
  #pushWaiting: (() => void)[] = [];
  #nextId = 1;

  constructor(socket: WebSocket, encoding: Encoding) {
    this.socket = socket;
    this.encoding = encoding;
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Sends a request under an id of its own and waits for the reply. */
  ask(request: AnyRequest): Promise<Outcome> {
    return this.askAs(this.#nextId++, request);
  }

  askAs(id: Id, request: AnyRequest): Promise<Outcome> {
    const reply = this.reply(id);
    this.send(encodeRequest(this.encoding, id, request as never));
    return reply;
  }

  /** The next reply under this id. */
  reply(id: Id): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      void this.closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)));
    });
  }

  /** The next reply that nobody asked for by id: mostly a refusal of what was sent raw. */
  strayReply(): Promise<Outcome> {
    const first = this.#stray.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      this.#strayWaiting.push(resolve);
      void this.closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)));
    });
  }

  /** Resolves once a push satisfies the condition, among those already here too. */
  async push(isWanted: (push: AvailabilityPush) => boolean): Promise<AvailabilityPush> {
    for (;;) {
      const found = this.pushes.find(isWanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#pushWaiting.push(resolve));
    }
  }

  /** Sends exactly these bytes: text goes as a text frame, bytes as a binary one. */
  send(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary !== (this.encoding === 'msgpack')) throw new Error('a frame of the wrong kind');
    const message = decodeServerMessage(this.encoding, data);
    if (message.kind === 'push') {
      if (message.push.push === 'moved') this.maps.push(message.push);
      else this.pushes.push(message.push);
      for (const wake of this.#pushWaiting.splice(0)) wake();
      return;
    }
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (waiting === undefined || message.id === undefined) {
      const waitingForAny = this.#strayWaiting.shift();
      if (waitingForAny === undefined) this.#stray.push(message.outcome);
      else waitingForAny(message.outcome);
      return;
    }
    this.#waiting.delete(message.id);
    waiting(message.outcome);
  }
}

/** @throws with the HTTP status when the handshake is refused */
export function connect(options: ConnectOptions): Promise<Connected> {
  const encoding = options.encoding ?? 'json';
  const protocols = options.protocols ?? [SUBPROTOCOL[encoding]];
  const socket = new WebSocket(`ws://127.0.0.1:${options.port}${options.path ?? '/v1'}`, [...protocols], {
    perMessageDeflate: false,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  });
  const connected = new Connected(socket, encoding);
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(connected));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
    });
    socket.on('error', (error) => reject(error));
  });
}

/** A client that behaves, to see whether it is disturbed: asks, waits, asks again until it is stopped. */
export class Bystander {
  readonly #client: Connected;
  readonly #finished: Promise<void>;
  #running = true;
  answered = 0;

  constructor(client: Connected) {
    this.#client = client;
    this.#finished = this.#run();
    // stop() reports it; a test that failed before that has its own error to show.
    this.#finished.catch(() => {});
  }

  /** Stops it. @throws when any of its requests was not served */
  async stop(): Promise<number> {
    // One more after whatever happened: it must still be served.
    const before = this.answered;
    while (this.answered === before) {
      await Promise.race([this.#finished, new Promise((resolve) => setImmediate(resolve))]);
    }
    this.#running = false;
    await this.#finished;
    return this.answered;
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const outcome = await this.#client.ask({ op: 'get', sku: 'BYSTANDER', region: 'eu-west' });
      if (!outcome.ok) throw new Error(`the bystander was refused: ${JSON.stringify(outcome)}`);
      this.answered += 1;
    }
  }
}
