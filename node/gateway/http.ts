// The HTTP side of the port: probes, metrics, and the request API for curl and systems without WebSocket.
import { decodeRequest, encodeReply } from '../../protocol/codec.ts';
import { type Failure, failure, type Id, type Outcome, type Request } from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { aggregate, type Metrics } from '../metrics/metrics.ts';
import type { Grid, RegionControl } from '../shell/grid.ts';
import type { Access } from './access.ts';
import type { EngineRequest, EngineResponse } from './engine-types.ts';
import { Exchange, HTTP_STATUS, readBody } from './http-exchange.ts';
import type { Latencies, OpLabel } from './latency.ts';
import type { GatewayLimits } from './limits.ts';
import type { MapNews } from './map-news.ts';
import { isFailure, type Requests } from './requests.ts';

export interface HttpDeps {
  readonly grid: Grid;
  /** The other workers of the region; undefined where there can be none. */
  readonly region: RegionControl | undefined;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly limits: GatewayLimits;
  readonly requests: Requests;
  readonly mapNews: MapNews;
  readonly latencies: Latencies;
  readonly now: () => number;
  /** What /v1/status says about the gateway. */
  readonly gatewayStatus: () => object;
  readonly draining: () => boolean;
  /** Called at the start and the end of each request that goes to the grid. */
  readonly started: () => void;
  readonly settled: () => void;
  readonly onError: (error: unknown) => void;
}

interface Route {
  /** Lower case. */
  readonly method: 'get' | 'post';
  /** `parts` are those of the path that matched a pattern. */
  readonly serve: (exchange: Exchange, request: EngineRequest, parts: readonly string[]) => void;
}

const NEEDS_CONNECTION = 'needs a connection for its pushes: use the WebSocket at /v1';
const NOT_AN_UPGRADE = failure('BAD_REQUEST', 'this is the WebSocket; over HTTP use POST /v1/requests');

/** For the body of a 404. */
const PATHS = [
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /v1/status',
  'GET /v1/positions/{sku}/{region}',
  'POST /v1/workers/{id}/drain',
  'POST /v1/requests',
  'WebSocket /v1',
];

/** Milliseconds within which two scrapes get the same text. */
const SCRAPE_MS_MIN = 200;

const DRAIN = /^\/v1\/workers\/([^/]+)\/drain$/;
const POSITION = /^\/v1\/positions\/([^/]+)\/([^/]+)$/;

export class HttpApi {
  readonly #deps: HttpDeps;
  readonly #routes: ReadonlyMap<string, Route> = new Map<string, Route>([
    ['/healthz', { method: 'get', serve: (exchange) => exchange.text('200 OK', 'alive\n') }],
    ['/readyz', { method: 'get', serve: (exchange) => this.#readyz(exchange) }],
    ['/metrics', { method: 'get', serve: (exchange) => this.#metrics(exchange) }],
    ['/v1/status', { method: 'get', serve: (exchange) => this.#status(exchange) }],
    ['/v1/requests', { method: 'post', serve: (exchange, request) => this.#post(exchange, request) }],
    ['/v1', { method: 'get', serve: (exchange) => this.#refuse(exchange, NOT_AN_UPGRADE, '426 Upgrade Required') }],
  ]);
  readonly #positionRoute: Route = {
    method: 'get',
    serve: (exchange, _request, [, sku = '', region = '']) => this.#position(exchange, sku, region),
  };
  readonly #drainRoute: Route = {
    method: 'post',
    serve: (exchange, _request, [, worker = '']) => this.#drain(exchange, decodePart(worker)),
  };
  #inFlight = 0;
  #scraped: Promise<string> | undefined;
  #scrapedAtMs = 0;

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  /** Handles everything that is not a WebSocket. */
  handle(response: EngineResponse, request: EngineRequest): void {
    const exchange = new Exchange(response, request.getMethod(), this.#deps.draining());
    const path = request.getUrl();
    if (path.startsWith('/v1') && !this.#admit(exchange, request)) return;
    const position = POSITION.exec(path);
    const drain = DRAIN.exec(path);
    const route = position !== null ? this.#positionRoute : drain !== null ? this.#drainRoute : this.#routes.get(path);
    if (route === undefined) {
      const unknown = `nothing is at ${JSON.stringify(path.slice(0, 80))}; there are ${PATHS.join(', ')}`;
      this.#refuse(exchange, failure('NOT_FOUND', unknown));
    } else if (exchange.method === route.method || (exchange.method === 'head' && route.method === 'get')) {
      try {
        route.serve(exchange, request, position ?? drain ?? []);
      } catch (error) {
        this.#defect(exchange, error);
      }
    } else {
      const allowed = route.method.toUpperCase();
      exchange.header('allow', allowed);
      this.#refuse(exchange, failure('BAD_REQUEST', `this path takes ${allowed} only`), '405 Method Not Allowed');
    }
  }

  /** Checks who asks for the API; false when it has been answered. */
  #admit(exchange: Exchange, request: EngineRequest): boolean {
    const origin = request.getHeader('origin');
    const refusal = this.#deps.access.refusal(origin, request.getHeader('host'));
    if (refusal !== undefined) {
      this.#refuse(exchange, failure('FORBIDDEN', refusal));
      return false;
    }
    exchange.allowOrigin(origin);
    if (exchange.method === 'options') {
      exchange.preflight();
      return false;
    }
    if (this.#authenticated(request)) return true;
    this.#refuse(exchange, failure('UNAUTHENTICATED', 'send a valid token as Authorization: Bearer <token>'));
    return false;
  }

  #authenticated(request: EngineRequest): boolean {
    const { access } = this.#deps;
    if (!access.required) return true;
    const token = access.bearerOf(request.getHeader('authorization'));
    return token !== undefined && access.accepts(token);
  }

  #readyz(exchange: Exchange): void {
    const { ready, reason } = this.#deps.draining()
      ? { ready: false, reason: 'shutting down' }
      : this.#deps.grid.readiness();
    exchange.json(ready ? '200 OK' : HTTP_STATUS.UNAVAILABLE, JSON.stringify({ ready, reason }));
  }

  #metrics(exchange: Exchange): void {
    const { registry } = this.#deps.metrics;
    this.#scrape().then(
      (text) => exchange.send('200 OK', registry.contentType, text),
      (error) => this.#defect(exchange, error),
    );
  }

  /** Collecting takes milliseconds, and everybody may ask: it is done a few times a second at most. */
  #scrape(): Promise<string> {
    const now = this.#deps.now();
    if (this.#scraped === undefined || now - this.#scrapedAtMs > SCRAPE_MS_MIN) {
      this.#scrapedAtMs = now;
      const { metrics, region } = this.#deps;
      this.#scraped = region === undefined ? metrics.registry.metrics() : aggregate(metrics, region.metricsOfOthers());
    }
    return this.#scraped;
  }

  #status(exchange: Exchange): void {
    const { grid, gatewayStatus, region } = this.#deps;
    const status = {
      info: grid.info(),
      readiness: grid.readiness(),
      figures: grid.figures(),
      gateway: gatewayStatus(),
    };
    Promise.resolve(region?.report()).then(
      (report) => exchange.json('200 OK', JSON.stringify({ ...status, region: report })),
      (error) => this.#defect(exchange, error),
    );
  }

  #drain(exchange: Exchange, worker: string): void {
    const { region } = this.#deps;
    const refused = failure('NOT_FOUND', 'this worker is the only one of its region');
    Promise.resolve(region === undefined ? refused : region.drain(worker)).then(
      (failed) => {
        if (failed !== undefined) this.#refuse(exchange, failed);
        else exchange.json('202 Accepted', JSON.stringify({ ok: true, worker, status: 'draining' }));
      },
      (error: Error) => this.#refuse(exchange, failure('UNAVAILABLE', error.message, 500)),
    );
  }

  #position(exchange: Exchange, sku: string, region: string): void {
    const value = { op: 'get', sku: decodePart(sku), region: decodePart(region) };
    this.#execute(exchange, undefined, parseRequest(value, false).request);
  }

  #post(exchange: Exchange, request: EngineRequest): void {
    const { frameBytesMax } = this.#deps.limits;
    if (Number(request.getHeader('content-length')) > frameBytesMax) {
      this.#tooLarge(exchange);
      return;
    }
    readBody(exchange.response, frameBytesMax, (body) => {
      if (exchange.over) return;
      if (body === undefined) {
        this.#tooLarge(exchange);
        return;
      }
      const { id, request: decoded } = decodeRequest('json', body, false);
      this.#execute(exchange, id, decoded);
    });
  }

  #execute(exchange: Exchange, id: Id | undefined, request: Request | Failure): void {
    const { latencies, now } = this.#deps;
    const startedAtMs = now();
    const label: OpLabel = isFailure(request) ? 'invalid' : request.op;
    const reply = (outcome: Outcome): void => {
      latencies[label].observe(outcome, startedAtMs, now());
      this.#reply(exchange, id, outcome);
    };
    const refused = isFailure(request) ? request : this.#mayNot();
    if (refused === undefined) this.#serve(request as Request, startedAtMs, reply);
    else reply(refused);
  }

  #mayNot(): Failure | undefined {
    const { draining, limits, metrics } = this.#deps;
    if (draining()) return failure('UNAVAILABLE', 'shutting down', 1_000);
    if (this.#inFlight < limits.httpInFlightMax) return undefined;
    metrics.sheds.inc({ reason: 'http_in_flight' });
    return failure('OVERLOADED', `${limits.httpInFlightMax} HTTP requests are in flight`, 100);
  }

  #serve(request: Request, startedAtMs: number, reply: (outcome: Outcome) => void): void {
    const { requests, mapNews, started, settled } = this.#deps;
    this.#inFlight += 1;
    started();
    const settle = (outcome: Outcome): void => {
      this.#inFlight -= 1;
      reply(outcome);
      settled();
    };
    switch (request.op) {
      case 'hello':
        settle(requests.hello('json'));
        break;
      case 'map':
        settle(request.follow ? failure('BAD_REQUEST', `following the map ${NEEDS_CONNECTION}`) : mapNews.reply());
        break;
      case 'subscribe':
      case 'unsubscribe':
        settle(failure('BAD_REQUEST', `${request.op} ${NEEDS_CONNECTION}`));
        break;
      case 'batch':
        requests.batch(request, startedAtMs, settle);
        break;
      default:
        requests.submit(request, settle);
    }
  }

  #reply(exchange: Exchange, id: Id | undefined, outcome: Outcome): void {
    if (outcome.ok) exchange.json('200 OK', encodeReply('json', id, outcome));
    else this.#refuse(exchange, outcome, HTTP_STATUS[outcome.code], id);
  }

  #refuse(exchange: Exchange, refused: Failure, status = HTTP_STATUS[refused.code], id?: Id): void {
    if (refused.code === 'UNAUTHENTICATED') exchange.header('www-authenticate', 'Bearer');
    if (refused.retryAfterMs > 0) exchange.header('retry-after', String(Math.ceil(refused.retryAfterMs / 1000)));
    exchange.json(status, encodeReply('json', id, refused));
  }

  #tooLarge(exchange: Exchange): void {
    exchange.closeConnection = true;
    this.#refuse(
      exchange,
      failure('TOO_LARGE', `a body has at most ${this.#deps.limits.frameBytesMax} bytes: split the batch`),
    );
  }

  #defect(exchange: Exchange, error: unknown): void {
    this.#deps.onError(error);
    this.#refuse(exchange, failure('INTERNAL', 'a defect of the server'));
  }
}

/** A part of the path as it was meant; one that is not percent-encoded UTF-8 stays as it is, and no name is like it. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ` ${part}`;
  }
}
