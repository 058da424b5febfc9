// The engine for machines where no native one loads: the used part of the uWebSockets.js API over `ws` and node:http.
// It behaves the same at the seam (frame bounds, backpressure, drain, idle timeout), only slower.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type {
  EngineApp,
  EngineBehavior,
  EngineModule,
  EngineRequest,
  EngineResponse,
  EngineSocket,
} from './engine-types.ts';
import { DROPPED, SENT, SENT_WITH_BACKPRESSURE } from './engine-types.ts';
import { RequestView, ServerResponseView, UpgradeResponse } from './engine-ws-http.ts';

type Handler = (response: EngineResponse, request: EngineRequest) => void;

/** As in the native engines: a request that takes longer to arrive is cut. */
const HTTP_TIMEOUT_MS = 10_000;
const STALLED_MS = 60_000;
/** A peer that does not answer a close frame is cut after this. */
const CLOSE_TIMEOUT_MS = 2_000;
/** What is gathered for one system call. */
const GATHER_BYTES = 65_536;

class WsSocket<Data> implements EngineSocket<Data> {
  readonly #ws: WebSocket;
  readonly #tcp: Socket;
  readonly #data: Data;
  readonly #behavior: EngineBehavior<Data>;
  #closed = false;
  #gathering = false;
  #reason = '';
  /** Milliseconds; the last time anything came in. */
  #heardAt = performance.now();
  #ping: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, tcp: Socket, data: Data, behavior: EngineBehavior<Data>) {
    this.#ws = ws;
    this.#tcp = tcp;
    this.#data = data;
    this.#behavior = behavior;
    ws.binaryType = 'arraybuffer';
    ws.on('message', (message, isBinary) => {
      this.#heardAt = performance.now();
      if (!this.#closed) behavior.message(this, message as ArrayBuffer, isBinary);
    });
    ws.on('pong', () => {
      this.#heardAt = performance.now();
    });
    // `ws` answers a bad frame with its close code and then emits close; unheard, the error would end the process.
    ws.on('error', (error) => {
      this.#reason = closeText(error);
      // The peer of a broken stream need not answer the close frame, and `ws` waits 30 s for it.
      setTimeout(() => ws.terminate(), CLOSE_TIMEOUT_MS).unref();
    });
    ws.on('close', (code) => this.#report(code, this.#reason));
    tcp.on('drain', () => {
      if (!this.#closed) behavior.drain(this);
    });
    this.#watchIdle();
  }

  send(message: Uint8Array, isBinary: boolean): number {
    if (this.#closed) throw new Error('the socket is closed');
    if (this.#ws.bufferedAmount > this.#behavior.maxBackpressure) {
      if (this.#behavior.closeOnBackpressureLimit) this.close();
      return DROPPED;
    }
    // The caller reuses its buffer; node:net keeps what it is given until the kernel takes it.
    this.#gather();
    this.#ws.send(Buffer.from(message), { binary: isBinary, compress: false });
    return this.#tcp.writableNeedDrain ? SENT_WITH_BACKPRESSURE : SENT;
  }

  cork(write: () => void): void {
    write();
  }

  end(code: number, reason: string): void {
    this.#ws.close(code, reason);
    setTimeout(() => this.#ws.terminate(), CLOSE_TIMEOUT_MS).unref();
    this.#report(code, reason);
  }

  close(): void {
    this.#ws.terminate();
    this.#report(1006, this.#reason);
  }

  getBufferedAmount(): number {
    // Below its high-water mark node:net announces no drain, and what it holds leaves by itself.
    return this.#tcp.writableNeedDrain ? this.#ws.bufferedAmount : 0;
  }

  getUserData(): Data {
    return this.#data;
  }

  /** One system call for all that is sent in one turn, or for each 64 KiB of it; native engines do so themselves. */
  #gather(): void {
    if (this.#gathering) {
      if (this.#tcp.writableLength < GATHER_BYTES) return;
      this.#tcp.uncork();
      this.#tcp.cork();
      return;
    }
    this.#gathering = true;
    this.#tcp.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#tcp.uncork();
    });
  }

  #report(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ping);
    this.#behavior.close(this, code, new TextEncoder().encode(reason).buffer as ArrayBuffer);
  }

  #watchIdle(): void {
    const timeoutMs = this.#behavior.idleTimeout * 1000;
    if (timeoutMs === 0) return;
    this.#ping = setInterval(() => {
      const idleMs = performance.now() - this.#heardAt;
      if (idleMs >= timeoutMs) {
        this.#reason = 'WebSocket timed out from inactivity';
        this.close();
      } else if (this.#behavior.sendPingsAutomatically && idleMs >= timeoutMs / 3) {
        this.#ws.ping();
      }
    }, timeoutMs / 4).unref();
  }
}

/** What the native engines say on closing for the same cause. */
function closeText(error: Error & { readonly code?: string }): string {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'Received too big message';
  return error.code?.startsWith('WS_ERR_') ? 'Received invalid WebSocket frame' : '';
}

interface Mount {
  readonly behavior: EngineBehavior<unknown>;
  readonly server: WebSocketServer;
}

class WsApp implements EngineApp {
  readonly #mounts = new Map<string, Mount>();
  readonly #protocols = new WeakMap<IncomingMessage, string>();
  #handler: Handler | undefined;
  readonly #servers: Server[] = [];

  any(_pattern: '/*', handler: Handler): void {
    this.#handler = handler;
  }

  ws<Data>(path: string, behavior: EngineBehavior<Data>): void {
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: behavior.maxPayloadLength,
      perMessageDeflate: false,
      clientTracking: true,
      handleProtocols: (_offered, request) => this.#protocols.get(request) || false,
    });
    // A handshake that `ws` itself refuses has been answered by it.
    server.on('wsClientError', (_error, socket) => socket.destroy());
    this.#mounts.set(path, { behavior: behavior as EngineBehavior<unknown>, server });
  }

  listen(host: string, port: number, options: number, done: (listening: unknown) => void): void {
    const http = createServer(
      { requestTimeout: HTTP_TIMEOUT_MS, keepAliveTimeout: HTTP_TIMEOUT_MS },
      (request, response) => {
        this.#handler?.(new ServerResponseView(request, response), new RequestView(request));
      },
    );
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    // A caller that neither asks nor reads is cut; upgraded sockets have their own idle timeout.
    http.setTimeout(STALLED_MS);
    http.once('error', () => done(false));
    // Sharing takes Node 22.12; before it the second process finds the port taken.
    http.listen({ host, port, exclusive: true, ...(options === 0 ? { reusePort: true } : {}) }, () => {
      this.#servers.push(http);
      done(http);
    });
  }

  close(): void {
    for (const { server } of this.#mounts.values()) for (const ws of server.clients) ws.terminate();
    for (const http of this.#servers) {
      http.close();
      http.closeAllConnections();
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const view = new RequestView(request);
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket' && request.method === 'GET';
    const mount = isWebSocket ? this.#mounts.get(view.getUrl()) : undefined;
    const response = new UpgradeResponse(socket, (data, protocol) => {
      this.#protocols.set(request, protocol);
      mount?.server.handleUpgrade(request, socket, head, (ws) => {
        mount.behavior.open(new WsSocket(ws, socket, data, mount.behavior));
      });
    });
    if (mount !== undefined) mount.behavior.upgrade(response, view, undefined);
    else this.#handler?.(response, view);
  }
}

export const wsEngineModule: EngineModule = {
  App: () => new WsApp(),
  us_listen_socket_close: (listening) => {
    (listening as Server).close();
  },
  us_socket_local_port: (listening) => ((listening as Server).address() as AddressInfo).port,
};
