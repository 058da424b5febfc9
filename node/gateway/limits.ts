// Every bound of the gateway, with its reason. Those of the wire contract stand in protocol/limits.ts.
import {
  FRAME_BYTES_MAX,
  HELLO_TIMEOUT_MS,
  IN_FLIGHT_PER_CONNECTION_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from '../../protocol/index.ts';

export interface GatewayLimits {
  /** Open WebSocket connections. Each costs some 10 KiB; more than this belong on another worker. */
  readonly connectionsMax: number;
  /**
   * Bytes of one frame that the native engine takes in before it cuts the connection without a word. Above
   * FRAME_BYTES_MAX, so that a frame in between is read and answered with 1009; not much above, because a frame
   * being received is held in memory.
   */
  readonly frameBytesReadMax: number;
  /** Bytes of one frame or HTTP body; the contract's bound, lower in tests. */
  readonly frameBytesMax: number;
  /**
   * Requests in flight on one connection, a batch counted by its items, a query by its SKUs, a list by its page: what
   * is bounded is the replies that one release may hand to one socket.
   */
  readonly inFlightMax: number;
  readonly subscriptionsMax: number;
  /** Milliseconds to say hello where credentials are required. */
  readonly helloTimeoutMs: number;
  /** Seconds without a frame or pong from the client; pings are sent well before. A dead peer holds nothing longer. */
  readonly idleTimeoutS: number;
  /**
   * Bytes of replies waiting for one client above which its new requests are refused with OVERLOADED: a client that
   * does not read its replies needs no more of them. Above what one large query answers.
   */
  readonly refuseAboveBytes: number;
  /**
   * Bytes waiting for one client above which the next reply cuts it off: replies are never dropped, so their memory
   * must be bounded. Above what a full window of requests answers at once.
   */
  readonly closeAboveBytes: number;
  /** Milliseconds that bytes may wait for one client without any of them leaving. */
  readonly stalledMs: number;
  /** Bytes waiting over all connections; above it the connection that holds most is cut off, then the next. */
  readonly bufferedTotalMax: number;
  /** Milliseconds between looks for stalled connections. */
  readonly sweepMs: number;
  /** HTTP requests being answered. Each holds a socket and its body; WebSockets are for more. */
  readonly httpInFlightMax: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  connectionsMax: 16_384,
  frameBytesMax: FRAME_BYTES_MAX,
  frameBytesReadMax: 16 * FRAME_BYTES_MAX,
  inFlightMax: IN_FLIGHT_PER_CONNECTION_MAX,
  subscriptionsMax: SUBSCRIPTIONS_PER_CONNECTION_MAX,
  helloTimeoutMs: HELLO_TIMEOUT_MS,
  idleTimeoutS: 120,
  refuseAboveBytes: 2 * 1_048_576,
  closeAboveBytes: 16 * 1_048_576,
  stalledMs: 30_000,
  bufferedTotalMax: 256 * 1_048_576,
  sweepMs: 1_000,
  httpInFlightMax: 1_024,
};
