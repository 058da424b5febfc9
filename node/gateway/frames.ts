// From a frame to the grid: decodes it, checks what a connection may ask right now, and starts the call. Refusals are
// answered here; everything else is answered by whoever serves the request.
import { decodeRequest, type ReplyForm, refuseUnread } from '../../protocol/codec.ts';
import {
  type Failure,
  failure,
  type HelloRequest,
  type Id,
  type Request,
  type SubscriptionRequest,
} from '../../protocol/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Grid } from '../shell/grid.ts';
import type { Access } from './access.ts';
import { Call, type Connection } from './connection.ts';
import type { Latencies, OpLabel } from './latency.ts';
import type { GatewayLimits } from './limits.ts';
import type { MapNews } from './map-news.ts';
import { isFailure, type Requests, weightOf } from './requests.ts';
import { type Subscriptions, topicOf } from './subscriptions.ts';

export interface FramesDeps {
  readonly grid: Grid;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly limits: GatewayLimits;
  readonly latencies: Latencies;
  readonly requests: Requests;
  readonly subscriptions: Subscriptions;
  readonly mapNews: MapNews;
  readonly now: () => number;
  readonly draining: () => boolean;
  /** Called when a call starts; the connection reports its end. */
  readonly started: () => void;
}

/** Pauses, ms, after which an overloaded connection may try again: about a release, and about a slow reader's pace. */
const RETRY_IN_FLIGHT_MS = 50;
const RETRY_BACKPRESSURE_MS = 1_000;

export class Frames {
  readonly #deps: FramesDeps;
  readonly #shed: Readonly<Record<'in_flight' | 'backpressure' | 'unread', { inc(count?: number): void }>>;
  /** Refused in this turn of the event loop and not yet counted. */
  #unread = 0;

  constructor(deps: FramesDeps) {
    this.#deps = deps;
    this.#shed = {
      in_flight: deps.metrics.sheds.labels('in_flight'),
      backpressure: deps.metrics.sheds.labels('backpressure'),
      unread: deps.metrics.sheds.labels('unread'),
    };
  }

  /** @param message valid only until this returns */
  receive(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    if (message.byteLength > this.#deps.limits.frameBytesMax) {
      connection.end(1009, `a frame has at most ${this.#deps.limits.frameBytesMax} bytes`, 'frame_too_large');
      return;
    }
    const startedAtMs = this.#deps.now();
    if (isBinary !== connection.binary) {
      const refused = failure('BAD_REQUEST', WRONG_KIND[connection.encoding]);
      this.#refuse(connection, undefined, 'invalid', 0, startedAtMs, refused);
      return;
    }
    const bytes = new Uint8Array(message);
    if (isBinary && connection.authenticated && this.#refusedUnread(connection, bytes, startedAtMs)) return;
    const { id, request, form } = decodeRequest(connection.encoding, bytes);
    if (isFailure(request)) {
      this.#refuse(connection, id, 'invalid', form, startedAtMs, request);
      return;
    }
    const refused = this.#mayNot(connection, id, request);
    if (refused !== undefined) {
      this.#refuse(connection, id, request.op, form, startedAtMs, refused);
      return;
    }
    const call = new Call(connection, id, this.#deps.latencies[request.op], form, startedAtMs, weightOf(request));
    connection.started(call);
    this.#deps.started();
    this.#serve(connection, request, call);
  }

  /** Under overload a refusal must cost as little as can be, or refusing is all that is done. */
  #refusedUnread(connection: Connection, bytes: Uint8Array, startedAtMs: number): boolean {
    const refusal = this.#deps.grid.shedding();
    if (refusal === undefined) return false;
    const reply = refuseUnread(bytes, refusal, connection.ids);
    if (reply === undefined) return false;
    // prom-client hashes labels on each count, a tenth of what a refusal costs.
    if (this.#unread++ === 0) setImmediate(this.#countUnread);
    this.#deps.latencies.reserve.observe(refusal, startedAtMs, startedAtMs);
    connection.sendNow(reply);
    return true;
  }

  readonly #countUnread = (): void => {
    this.#shed.unread.inc(this.#unread);
    this.#deps.grid.refusedUnread(this.#unread);
    this.#unread = 0;
  };

  /** Why this connection may not ask this now. */
  #mayNot(connection: Connection, id: Id | undefined, request: Request): Failure | undefined {
    const { limits } = this.#deps;
    if (!connection.authenticated && request.op !== 'hello') {
      return failure('UNAUTHENTICATED', 'say hello with a token first, or send it as Authorization: Bearer');
    }
    if (id !== undefined && connection.ids.has(id)) {
      return failure(
        'BAD_REQUEST',
        `id ${JSON.stringify(id)} is in flight on this connection; this reply is to the second request`,
      );
    }
    if (connection.buffered > limits.refuseAboveBytes) {
      this.#shed.backpressure.inc();
      return failure(
        'OVERLOADED',
        `${connection.buffered} bytes of replies wait to be read; read them first`,
        RETRY_BACKPRESSURE_MS,
      );
    }
    const weight = weightOf(request);
    if (weight > limits.inFlightMax) {
      return failure(
        'TOO_LARGE',
        `it asks for ${weight} replies, at most ${limits.inFlightMax} may be in flight: split it`,
      );
    }
    if (connection.inFlight + weight > limits.inFlightMax) {
      this.#shed.in_flight.inc();
      return failure(
        'OVERLOADED',
        `at most ${limits.inFlightMax} requests may be in flight on one connection`,
        RETRY_IN_FLIGHT_MS,
      );
    }
    return this.#deps.draining() ? failure('UNAVAILABLE', 'shutting down: connect again', 1_000) : undefined;
  }

  #serve(connection: Connection, request: Request, call: Call): void {
    switch (request.op) {
      case 'batch':
        this.#deps.requests.batch(request, call.startedAtMs, call.respond);
        return;
      case 'subscribe':
      case 'unsubscribe':
        this.#subscription(connection, request, call);
        return;
      case 'hello':
        this.#hello(connection, request, call);
        return;
      case 'map':
        if (request.follow) this.#deps.mapNews.follow(connection);
        call.respond(this.#deps.mapNews.reply());
        return;
      default:
        this.#deps.requests.submit(request, call.respond);
    }
  }

  #hello(connection: Connection, request: HelloRequest, call: Call): void {
    const { access } = this.#deps;
    const isWrong = request.token !== undefined && !access.accepts(request.token);
    if (isWrong || (request.token === undefined && !connection.authenticated)) {
      call.respond(failure('UNAUTHENTICATED', isWrong ? 'the token is not valid' : 'hello needs a token here'));
      // One guess a connection.
      connection.end(1008, 'not authenticated', 'unauthenticated');
      return;
    }
    connection.authenticated = true;
    clearTimeout(connection.helloTimer);
    call.respond(this.#deps.requests.hello(connection.encoding));
  }

  #subscription(connection: Connection, request: SubscriptionRequest, call: Call): void {
    const { grid, limits, subscriptions } = this.#deps;
    const { region } = request;
    const { region: own, otherRegions = [] } = grid.info();
    if (region !== own && !otherRegions.includes(region)) {
      const known = [own, ...otherRegions].join(', ');
      call.respond(failure('NOT_FOUND', `region ${JSON.stringify(region)} is not known here; there are ${known}`));
      return;
    }
    if (request.op === 'unsubscribe') {
      for (const sku of request.skus) subscriptions.remove(connection, region, sku);
      call.respond({ ok: true, subscriptions: connection.topics.size });
      return;
    }
    const added = new Set(request.skus.filter((sku) => !connection.topics.has(topicOf(region, sku))));
    if (connection.topics.size + added.size > limits.subscriptionsMax) {
      call.respond(failure('TOO_LARGE', `a connection has at most ${limits.subscriptionsMax} subscriptions`));
      return;
    }
    try {
      for (const sku of added) subscriptions.add(connection, region, sku);
    } catch (error) {
      for (const sku of added) subscriptions.remove(connection, region, sku);
      const reason = error instanceof Error ? error.message : 'the grid watches no more SKUs';
      call.respond(failure('OVERLOADED', reason, RETRY_BACKPRESSURE_MS));
      return;
    }
    call.respond({ ok: true, subscriptions: connection.topics.size });
  }

  #refuse(
    connection: Connection,
    id: Id | undefined,
    label: OpLabel,
    form: ReplyForm,
    startedAtMs: number,
    refused: Failure,
  ): void {
    new Call(connection, id, this.#deps.latencies[label], form, startedAtMs, 0).respond(refused);
  }
}

const WRONG_KIND = {
  json: 'this connection speaks JSON in text frames; for binary frames offer the subprotocol holdfast.v1.msgpack',
  msgpack: 'this connection speaks msgpack in binary frames; for text frames offer the subprotocol holdfast.v1.json',
};
