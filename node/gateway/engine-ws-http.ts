// HTTP requests and responses of the engine over node:http, seen through the used part of the uWebSockets.js API.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { EngineRequest, EngineResponse } from './engine-types.ts';

export class RequestView implements EngineRequest {
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  getHeader(lowerCaseName: string): string {
    const value = this.#request.headers[lowerCaseName];
    return Array.isArray(value) ? value.join(', ') : (value ?? '');
  }

  getUrl(): string {
    const url = this.#request.url ?? '/';
    const query = url.indexOf('?');
    return query < 0 ? url : url.slice(0, query);
  }

  getMethod(): string {
    return (this.#request.method ?? 'GET').toLowerCase();
  }
}

export class ServerResponseView implements EngineResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    response.on('error', () => {});
  }

  onAborted(handler: () => void): void {
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) handler();
    });
  }

  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    this.#request.on('data', (chunk: Buffer) => handler(copyOf(chunk), false));
    this.#request.on('end', () => handler(new ArrayBuffer(0), true));
    this.#request.on('error', () => {});
  }

  cork(write: () => void): void {
    write();
  }

  writeStatus(status: string): this {
    this.#response.statusCode = Number.parseInt(status, 10);
    return this;
  }

  writeHeader(name: string, value: string): this {
    this.#response.setHeader(name, value);
    return this;
  }

  end(body: string | Uint8Array = '', closeConnection = false): void {
    if (closeConnection) this.#response.setHeader('connection', 'close');
    // Named, or node:http would send chunks.
    this.#response.setHeader('content-length', Buffer.byteLength(body));
    // Copied: the caller may reuse its buffer before the kernel has taken it.
    this.#response.end(Buffer.from(body as Uint8Array));
    // An unread body would otherwise stop the connection: nobody listens for it any more.
    this.#request.resume();
  }

  /** node:http reads no further requests while it has much to write, so that what it holds is bounded. */
  tryEnd(body: Uint8Array): [isAllTaken: boolean, hasEnded: boolean] {
    this.end(body);
    return [true, true];
  }

  onWritable(): void {}

  close(): void {
    this.#request.socket.destroy();
  }

  upgrade(): void {
    throw new Error('only a request that asks for an upgrade can be upgraded');
  }
}

/** The response to a request that asked for an upgrade: node:http has let go of the socket by then. */
export class UpgradeResponse implements EngineResponse {
  readonly #socket: Socket;
  readonly #accept: (data: object, protocol: string) => void;
  #status = '200 OK';
  #headers = '';

  constructor(socket: Socket, accept: (data: object, protocol: string) => void) {
    this.#socket = socket;
    this.#accept = accept;
  }

  onAborted(handler: () => void): void {
    this.#socket.on('close', () => {
      if (!this.#socket.writableFinished) handler();
    });
  }

  /** A request that asks for an upgrade is taken to have no body. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    queueMicrotask(() => handler(new ArrayBuffer(0), true));
  }

  cork(write: () => void): void {
    write();
  }

  writeStatus(status: string): this {
    this.#status = status.includes(' ') ? status : `${status} ${STATUS_CODES[status] ?? ''}`;
    return this;
  }

  writeHeader(name: string, value: string): this {
    this.#headers += `${name}: ${value}\r\n`;
    return this;
  }

  end(body: string | Uint8Array = ''): void {
    const head = `HTTP/1.1 ${this.#status}\r\n${this.#headers}connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.end(body);
    this.#socket.uncork();
  }

  /** No request can follow on this socket. */
  tryEnd(body: Uint8Array): [isAllTaken: boolean, hasEnded: boolean] {
    this.end(body);
    return [true, true];
  }

  onWritable(): void {}

  close(): void {
    this.#socket.destroy();
  }

  upgrade(data: object, _key: string, protocol: string): void {
    this.#accept(data, protocol);
  }
}

function copyOf(chunk: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(chunk.byteLength);
  new Uint8Array(copy).set(chunk);
  return copy;
}
