// The client's settings, their defaults and bounds with the reasons. Nothing in the client grows without one of these.
import type { Encoding } from '../encoding.ts';
import { FRAME_BYTES_MAX, IN_FLIGHT_PER_CONNECTION_MAX } from '../limits.ts';
import type { Backoff } from './backoff.ts';
import { HoldfastError } from './errors.ts';

/** A credential, or a function that gives a fresh one for each connection. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /** `ws://host:port` (or wss, http, https); the path defaults to /v1. Give `url` or `urls`. */
  readonly url?: string | undefined;
  /** Several gateways of one region: tried in turn, from a random one. */
  readonly urls?: readonly string[] | undefined;
  /** Default: msgpack in Node, json in a browser, whose developer tools can show it. */
  readonly encoding?: Encoding | undefined;
  readonly token?: TokenSource | undefined;
  /** Of each call from submission to answer, all retries and reconnects included, ms; also of `connect` itself. */
  readonly timeoutMs?: number | undefined;
  /** Of one attempt to connect: TCP, upgrade and hello, ms. */
  readonly connectTimeoutMs?: number | undefined;
  /** Calls that wait for an answer on the connection at once; more wait their turn. Lowered to the grid's own limit. */
  readonly inFlightMax?: number | undefined;
  /** Calls that wait for their turn, for a connection or for a retry; more are refused at once with OVERLOADED. */
  readonly queuedMax?: number | undefined;
  /** A quiet connection is asked for a sign of life after this, ms. */
  readonly keepAliveMs?: number | undefined;
  /** A connection that is quiet while calls wait is asked after this, ms. */
  readonly probeMs?: number | undefined;
  /** A connection that gives no sign of life for this long after it was asked is given up, ms. */
  readonly pongTimeoutMs?: number | undefined;
  readonly reconnectBackoff?: Backoff | undefined;
  readonly retryBackoff?: Backoff | undefined;
  /** Calls made in one turn of the event loop leave in one write. Default true; false writes each at once. */
  readonly autoBatch?: boolean | undefined;
  /**
   * Learns which worker serves which SKU, connects to those workers too, and sends each request to the one that serves it:
   * it then costs the grid about half. Default false: a worker's own address is often one that clients cannot reach (from
   * outside a container, through a forwarded port, behind a proxy that ends TLS), and a client that was given one address
   * should not surprise its network by dialling others.
   */
  readonly followMap?: boolean | undefined;
  /** A name for the server's logs. */
  readonly client?: string | undefined;
}

export interface CallOptions {
  /** From now to the answer, all retries and reconnects included, ms. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with ABORTED. What was sent is not taken back: see the error's `outcome`. */
  readonly signal?: AbortSignal | undefined;
}

export interface Settings {
  readonly urls: readonly string[];
  readonly encoding: Encoding;
  readonly token: TokenSource | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly inFlightMax: number;
  readonly queuedMax: number;
  readonly keepAliveMs: number;
  readonly probeMs: number;
  readonly pongTimeoutMs: number;
  readonly reconnectBackoff: Backoff;
  readonly retryBackoff: Backoff;
  readonly autoBatch: boolean;
  readonly followMap: boolean;
  readonly client: string;
}

/** Long enough for a reconnect with a probe before it, short enough that a person still waits. */
export const TIMEOUT_MS_DEFAULT = 10_000;
/** setTimeout takes no more; a call without end would also be a leak. */
export const TIMEOUT_MS_MAX = 2 ** 31 - 1;
export const CONNECT_TIMEOUT_MS_DEFAULT = 5_000;
/** Enough to keep a grid busy from one client; the grid allows eight times as many. */
export const IN_FLIGHT_MAX_DEFAULT = 1_024;
/** At half a kilobyte each, five megabytes of waiting calls. */
export const QUEUED_MAX_DEFAULT = 10_000;
/** Under the idle limits of the usual proxies, which begin at 30 s. */
export const KEEP_ALIVE_MS_DEFAULT = 15_000;
/** Far above any healthy reply, and with the next one still leaving time to resend within the default timeout. */
export const PROBE_MS_DEFAULT = 1_500;
export const PONG_TIMEOUT_MS_DEFAULT = 3_000;
export const RECONNECT_BACKOFF_DEFAULT: Backoff = { baseMs: 50, capMs: 5_000 };
export const RETRY_BACKOFF_DEFAULT: Backoff = { baseMs: 25, capMs: 2_000 };
/** Workers that one client connects to directly; requests for those beyond go by the connection it began with. */
export const OWNERS_MAX = 64;
/** Before a worker that could not be reached, or was lost, is taken from a map again: by then the grid knows of a death. */
export const OWNER_BACKOFF: Backoff = { baseMs: 2_000, capMs: 30_000 };
/** How long close() waits for answers that are under way, ms. */
export const DRAIN_MS_DEFAULT = 1_000;
/** How long close() waits for the closing handshake before it cuts the socket, ms. */
export const CLOSE_HANDSHAKE_MS = 1_000;
/** A larger frame would make the grid close the connection for all other calls on it (1009). */
export const REQUEST_BYTES_MAX = FRAME_BYTES_MAX;
/** The largest reply is a page or batch of 1,000 SKUs with 64 nodes each, 130 bytes a node in JSON, with room to spare. */
export const REPLY_BYTES_MAX = 64 * 1_048_576;
/** Frames handed to the socket in one write; more wait for the next turn. */
export const FRAMES_PER_WRITE_MAX = 4_096;

/** Checks the options and fills in the defaults; throws BAD_REQUEST that names the option at fault. */
export function settingsOf(options: ConnectOptions, defaultEncoding: Encoding): Settings {
  const given = options.urls ?? (options.url === undefined ? [] : [options.url]);
  if (given.length === 0) throw new HoldfastError('BAD_REQUEST', 'connect needs a url, such as ws://127.0.0.1:7400');
  const encoding = options.encoding ?? defaultEncoding;
  if (encoding !== 'msgpack' && encoding !== 'json') {
    throw new HoldfastError('BAD_REQUEST', `encoding is msgpack or json, not ${String(encoding)}`);
  }
  return {
    urls: given.map(normalizeUrl),
    encoding,
    token: options.token,
    timeoutMs: bounded('timeoutMs', options.timeoutMs, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX),
    connectTimeoutMs: bounded('connectTimeoutMs', options.connectTimeoutMs, CONNECT_TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX),
    inFlightMax: bounded('inFlightMax', options.inFlightMax, IN_FLIGHT_MAX_DEFAULT, IN_FLIGHT_PER_CONNECTION_MAX),
    queuedMax: bounded('queuedMax', options.queuedMax, QUEUED_MAX_DEFAULT, 1_000_000),
    keepAliveMs: bounded('keepAliveMs', options.keepAliveMs, KEEP_ALIVE_MS_DEFAULT, TIMEOUT_MS_MAX),
    probeMs: bounded('probeMs', options.probeMs, PROBE_MS_DEFAULT, TIMEOUT_MS_MAX),
    pongTimeoutMs: bounded('pongTimeoutMs', options.pongTimeoutMs, PONG_TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX),
    reconnectBackoff: options.reconnectBackoff ?? RECONNECT_BACKOFF_DEFAULT,
    retryBackoff: options.retryBackoff ?? RETRY_BACKOFF_DEFAULT,
    autoBatch: options.autoBatch ?? true,
    followMap: options.followMap ?? false,
    client: options.client ?? 'holdfast-js',
  };
}

/** A whole number from 1 to max, or the default when absent. */
export function bounded(name: string, value: number | undefined, fallback: number, max: number): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new HoldfastError('BAD_REQUEST', `${name} is a whole number from 1 to ${max}, not ${String(value)}`);
}

function normalizeUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new HoldfastError('BAD_REQUEST', `'${text}' is not a url; write it like ws://127.0.0.1:7400`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new HoldfastError('BAD_REQUEST', `a grid is reached over ws:// or wss://, not ${url.protocol}//`);
  }
  // Urls end up in logs of proxies and of the client itself.
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    throw new HoldfastError('BAD_REQUEST', 'credentials never go into the url: pass them as token');
  }
  if (url.pathname === '/') url.pathname = '/v1';
  url.hash = '';
  return url.href;
}
