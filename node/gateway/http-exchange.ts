// One HTTP request being answered: keeps the engine's rules (headers in one cork, nothing after an abort) in one place.
import type { ErrorCode } from '../../protocol/index.ts';
import type { EngineResponse } from './engine-types.ts';

export const HTTP_STATUS: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: '400 Bad Request',
  UNAUTHENTICATED: '401 Unauthorized',
  FORBIDDEN: '403 Forbidden',
  NOT_FOUND: '404 Not Found',
  INSUFFICIENT_STOCK: '409 Conflict',
  LIMIT_EXCEEDED: '409 Conflict',
  RESERVATION_ENDED: '409 Conflict',
  IDEMPOTENCY_CONFLICT: '409 Conflict',
  IDEMPOTENCY_EXPIRED: '409 Conflict',
  OVERLOADED: '503 Service Unavailable',
  UNAVAILABLE: '503 Service Unavailable',
  DEADLINE_EXCEEDED: '504 Gateway Timeout',
  TOO_LARGE: '413 Content Too Large',
  INTERNAL: '500 Internal Server Error',
};

export class Exchange {
  readonly response: EngineResponse;
  /** Lower case. */
  readonly method: string;
  closeConnection: boolean;
  /** Answered or aborted: nothing more may be written. */
  over = false;
  readonly #headers: [name: string, value: string][] = [];

  constructor(response: EngineResponse, method: string, closeConnection: boolean) {
    this.response = response;
    this.method = method;
    this.closeConnection = closeConnection;
    response.onAborted(() => {
      this.over = true;
    });
  }

  header(name: string, value: string): void {
    this.#headers.push([name, value]);
  }

  /** Lets a page of this (already admitted) origin read the answer. */
  allowOrigin(origin: string): void {
    if (origin === '') return;
    this.header('access-control-allow-origin', origin);
    this.header('vary', 'Origin');
  }

  /** Answers a browser that asks before it sends. */
  preflight(): void {
    this.header('access-control-allow-methods', 'GET, POST');
    this.header('access-control-allow-headers', 'authorization, content-type');
    this.header('access-control-max-age', '600');
    this.send('204 No Content', undefined, '');
  }

  text(status: string, body: string): void {
    this.send(status, 'text/plain; charset=utf-8', body);
  }

  json(status: string, body: string | Uint8Array): void {
    this.send(status, 'application/json', body);
  }

  send(status: string, contentType: string | undefined, body: string | Uint8Array): void {
    if (this.over) return;
    this.over = true;
    this.response.cork(() => {
      this.response.writeStatus(status);
      if (contentType !== undefined) this.response.writeHeader('content-type', contentType);
      this.response.writeHeader('cache-control', 'no-store');
      for (const [name, value] of this.#headers) this.response.writeHeader(name, value);
      this.#end(this.method === 'head' ? '' : body);
    });
  }

  /** Leaves nothing in the engine's memory for a client that asks and asks and never reads. */
  #end(body: string | Uint8Array): void {
    const { response } = this;
    if (body.length === 0 || this.closeConnection) {
      response.end(body, this.closeConnection);
      return;
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const [isAllTaken, hasEnded] = response.tryEnd(bytes, bytes.byteLength);
    if (isAllTaken || hasEnded) return;
    // The caller may reuse its buffer by the time the kernel takes more.
    const kept = Uint8Array.from(bytes);
    response.onWritable((offset) => response.tryEnd(kept.subarray(offset), kept.byteLength)[0]);
  }
}

/** Collects the body and hands it over once: undefined when it is longer than `bytesMax`. */
export function readBody(
  response: EngineResponse,
  bytesMax: number,
  done: (body: Uint8Array | undefined) => void,
): void {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let isDone = false;
  response.onData((chunk, isLast) => {
    if (isDone) return;
    length += chunk.byteLength;
    if (length > bytesMax) {
      isDone = true;
      chunks = [];
      done(undefined);
      return;
    }
    // The engine takes the chunk back when this returns; the usual body comes in one piece and needs no copy.
    const view = new Uint8Array(chunk);
    if (isLast) {
      isDone = true;
      done(chunks.length === 0 ? view : Buffer.concat([...chunks, view], length));
    } else {
      chunks.push(view.slice());
    }
  });
}
