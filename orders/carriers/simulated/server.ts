// The simulated carrier as a server: the operations of the port over HTTP, and its events as signed webhooks. For a process of its
// own (`holdfast carrier-sim`), and to try the HTTP driver against.
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { CarrierError } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { KEY_HEADER, writeError } from '../http/wire.ts';
import { OPERATIONS, type TrackEvent } from '../port.ts';
import type { SimulatedCarrier } from './carrier.ts';
import { REQUEST_BYTES_MAX, TELL_TIMEOUT_MS } from './limits.ts';

export interface CarrierServerOptions {
  readonly carrier: SimulatedCarrier;
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Without it, everybody may book. */
  readonly token?: string;
  readonly webhook?: {
    readonly url: string;
    /** `whsec_…`; of several, all sign, while they are changed. */
    readonly secrets: readonly string[];
  };
}

export interface CarrierServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveCarrier(options: CarrierServerOptions): Promise<CarrierServer> {
  const { carrier, host = '127.0.0.1', webhook } = options;
  const ends = new AbortController();
  const server = createServer((request, response) => {
    void answer(request, response, options).catch(() => response.destroy());
  });
  server.listen(options.port, host);
  await once(server, 'listening');
  const stop = webhook === undefined ? undefined : carrier.onTracking((event) => send(event, webhook, ends.signal));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      stop?.();
      ends.abort();
      server.closeAllConnections();
      server.close();
      await carrier.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: CarrierServerOptions,
): Promise<void> {
  try {
    const result = await resultOf(request, response, options);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(result));
  } catch (error) {
    if (!(error instanceof CarrierError)) throw error;
    // What of its answer is lost is not answered at all: the caller waits, and cannot know.
    if (error.code === 'TIMEOUT') {
      response.destroy();
      return;
    }
    request.resume();
    const { status, headers, body } = writeError(error);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  }
}

async function resultOf(
  request: IncomingMessage,
  response: ServerResponse,
  { carrier, token }: CarrierServerOptions,
): Promise<unknown> {
  if (token !== undefined && !isToken(request.headers.authorization ?? '', token)) {
    throw new CarrierError('UNAUTHENTICATED', 'the token is missing or wrong');
  }
  const operation = OPERATIONS.find((one) => request.url === `/v1/${one}`);
  if (operation === undefined || request.method !== 'POST') {
    throw new CarrierError('NOT_FOUND', `POST /v1/${OPERATIONS.join(', /v1/')}`);
  }
  const body = await readBody(request, REQUEST_BYTES_MAX);
  if (body === undefined) throw new CarrierError('BAD_REQUEST', `a request has at most ${REQUEST_BYTES_MAX} bytes`);
  const gone = new AbortController();
  // Before the answer: whoever asked is gone.
  response.once('close', () => gone.abort());
  const call = { idempotencyKey: String(request.headers[KEY_HEADER] ?? ''), signal: gone.signal };
  // The carrier reads it by the operation's schema.
  return carrier[operation](jsonOf(body) as never, call);
}

/** Fails unless it is taken, so that it is told again. */
async function send(
  event: TrackEvent,
  { url, secrets }: { url: string; secrets: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ events: [event] });
  const at = new Date();
  const messageId = `msg_${randomUUID()}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': messageId,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(messageId, at, body)).join(' '),
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TELL_TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the webhook was answered with ${response.status}`);
}

function isToken(header: string, token: string): boolean {
  const [said, wanted] = [Buffer.from(header), Buffer.from(`Bearer ${token}`)];
  return said.length === wanted.length && timingSafeEqual(said, wanted);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CarrierError('BAD_REQUEST', 'the body is no JSON');
  }
}
