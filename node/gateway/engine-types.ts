// The part of uWebSockets.js that the gateway uses, typed. The published packages type it loosely; the engine over
// `ws` implements just this.

/** What send() answers. */
export const SENT_WITH_BACKPRESSURE = 0;
export const SENT = 1;
export const DROPPED = 2;

export interface EngineSocket<Data> {
  /** Copies the message; answers SENT, SENT_WITH_BACKPRESSURE or DROPPED. Throws once the socket is closed. */
  send(message: Uint8Array, isBinary: boolean): number;
  /** Everything sent within `write` leaves in as few system calls as possible. */
  cork(write: () => void): unknown;
  /** Sends a close frame behind what is buffered. Calls the close handler at once. */
  end(code: number, reason: string): void;
  /** Cuts the connection. Calls the close handler at once. */
  close(): void;
  getBufferedAmount(): number;
  /** The properties given to upgrade(). */
  getUserData(): Data;
}

/** Valid only inside the handler. */
export interface EngineRequest {
  /** Empty where the header is missing. */
  getHeader(lowerCaseName: string): string;
  /** The path, without the query. */
  getUrl(): string;
  /** Lower case. */
  getMethod(): string;
}

/** Unusable once aborted or ended. */
export interface EngineResponse {
  /** Must be called before the handler returns unless the response has ended by then. */
  onAborted(handler: () => void): unknown;
  /** The chunk is valid only inside the handler. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  cork(write: () => void): unknown;
  writeStatus(status: string): EngineResponse;
  writeHeader(name: string, value: string): EngineResponse;
  /** Copies the body; what the kernel does not take waits in memory. */
  end(body?: string | Uint8Array, closeConnection?: boolean): unknown;
  /**
   * Writes what the kernel takes of a body of `totalBytes`: whether that was all, and whether the response has ended.
   * If not, the rest goes the same way once onWritable calls; until then the engine cuts who pipelines more requests.
   */
  tryEnd(body: Uint8Array, totalBytes: number): [isAllTaken: boolean, hasEnded: boolean];
  /** `offset` is how much of the body was taken; the handler answers whether the rest was. */
  onWritable(handler: (offset: number) => boolean): unknown;
  close(): unknown;
  upgrade(data: object, key: string, protocol: string, extensions: string, context: unknown): void;
}

export interface EngineBehavior<Data> {
  readonly compression: 0;
  /** Bytes; a longer message cuts the connection. */
  readonly maxPayloadLength: number;
  /** Seconds without anything received. */
  readonly idleTimeout: number;
  readonly sendPingsAutomatically: boolean;
  /** Bytes that may wait in memory before messages are dropped. */
  readonly maxBackpressure: number;
  readonly closeOnBackpressureLimit: boolean;
  upgrade(response: EngineResponse, request: EngineRequest, context: unknown): void;
  open(socket: EngineSocket<Data>): void;
  /** `message` is valid only inside the handler. */
  message(socket: EngineSocket<Data>, message: ArrayBuffer, isBinary: boolean): void;
  drain(socket: EngineSocket<Data>): void;
  /** The socket is already closed: nothing may be called on it but getUserData. */
  close(socket: EngineSocket<Data>, code: number, message: ArrayBuffer): void;
}

export interface EngineApp {
  any(pattern: '/*', handler: (response: EngineResponse, request: EngineRequest) => void): unknown;
  ws<Data>(path: string, behavior: EngineBehavior<Data>): unknown;
  /** `options` 1: fail when the port is taken rather than share it. */
  listen(host: string, port: number, options: number, done: (listening: unknown) => void): unknown;
  /** Cuts everything. */
  close(): unknown;
}

/** What an engine's module exports. */
export interface EngineModule {
  App(): EngineApp;
  us_listen_socket_close(listening: unknown): void;
  us_socket_local_port(listening: unknown): number;
}

export interface Engine extends EngineModule {
  readonly name: string;
  readonly version: string;
  /** False for the engine in JavaScript: half of the throughput, the same behaviour. */
  readonly native: boolean;
  /** Why the engines before it in the order of preference do not run here. */
  readonly passedOver: readonly string[];
}
