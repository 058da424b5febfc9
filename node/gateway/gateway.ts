// The worker's front door: one port for WebSocket and HTTP. Wires the engine to the frames' way to the grid, writes
// all replies of a release to each socket at once, and watches over slow readers. Knows nothing of reservations.
import { createServer } from 'node:net';
import { attachGateway, type Metrics } from '../metrics/metrics.ts';
import type { Grid, Placement, RegionControl } from '../shell/grid.ts';
import { Access, type AccessOptions } from './access.ts';
import { Connections } from './connections.ts';
import { describeEngine, loadEngine } from './engine.ts';
import type { Engine } from './engine-types.ts';
import { Frames } from './frames.ts';
import { HttpApi } from './http.ts';
import { createLatencies } from './latency.ts';
import { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';
import { MapNews } from './map-news.ts';
import { Requests } from './requests.ts';
import { Subscriptions } from './subscriptions.ts';
import { upgrader } from './upgrade.ts';

export interface GatewayOptions {
  readonly grid: Grid;
  /** The other workers of the region; undefined where there can be none. */
  readonly region?: RegionControl;
  /** Who serves what, for clients that connect to the workers themselves; undefined where there is one worker only. */
  readonly placement?: Placement;
  readonly metrics: Metrics;
  /** Shared with nobody; 0: any free one. */
  readonly port: number;
  /** Shared with other workers of the region on this host: the system spreads new connections over them. */
  readonly sharedPort?: number;
  /** Default 127.0.0.1: without a token nothing else should be able to connect. */
  readonly host?: string;
  readonly auth?: AccessOptions;
  readonly limits?: Partial<GatewayLimits>;
  /** Whether there is memory for more subscriptions. Default: always. */
  readonly hasRoom?: () => boolean;
  /** Default: the newest that loads. */
  readonly engine?: Engine;
  /** Told of defects that were contained. Default: one line on stderr. */
  readonly onError?: (error: unknown) => void;
}

export interface Gateway {
  readonly port: number;
  /** For the line at start, e.g. `ws 8.23.0 (fallback in JavaScript)`. */
  readonly engine: string;
  /** Takes nothing new, answers what is in flight for up to `drainMs`, then says goodbye to all connections. */
  close(options: { readonly drainMs: number }): Promise<void>;
}

const preciseNow = (): number => performance.now();

/** What was written last needs a moment to leave before the engine cuts everything, ms. */
const FAREWELL_MS = 100;

/** Starts listening. @throws when the port is taken or may not be listened on */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { grid, metrics } = options;
  const host = options.host ?? '127.0.0.1';
  const limits: GatewayLimits = { ...GATEWAY_LIMITS, ...options.limits };
  const engine = options.engine ?? loadEngine();
  const onError = options.onError ?? ((error) => console.error('gateway: a defect was contained:', error));
  const access = new Access(options.auth ?? {}, host);
  const latencies = createLatencies(metrics);

  let draining = false;
  let inFlight = 0;
  let idle: (() => void) | undefined;
  const isDraining = (): boolean => draining;
  const started = (): void => {
    inFlight += 1;
  };
  const settled = (): void => {
    inFlight -= 1;
    if (inFlight === 0) idle?.();
  };

  const subscriptions = new Subscriptions(grid, () => metrics.pushesCoalesced.inc(), options.hasRoom ?? (() => true));
  const mapNews = new MapNews(grid, options.placement);
  const connections = new Connections({ limits, metrics, subscriptions, mapNews, settled, onError });
  const { now } = connections.clock;
  const requests = new Requests({ grid, latencies, limits, mapNews, now: preciseNow, onError });
  const shared = {
    grid,
    region: options.region,
    metrics,
    access,
    limits,
    latencies,
    requests,
    subscriptions,
    mapNews,
    now,
    draining: isDraining,
    started,
  };
  const frames = new Frames(shared);
  const gatewayStatus = (): object => ({
    engine: describeEngine(engine),
    connections: connections.size,
    inFlight,
    bufferedBytes: connections.bufferedBytes(),
  });
  const http = new HttpApi({ ...shared, now: preciseNow, gatewayStatus, settled, onError });
  grid.onReleased(() => connections.flush());

  const app = engine.App();
  app.ws('/v1', {
    compression: 0,
    // The engine in JavaScript closes with 1009 itself, whatever the length.
    maxPayloadLength: engine.native ? limits.frameBytesReadMax : limits.frameBytesMax,
    idleTimeout: limits.idleTimeoutS,
    sendPingsAutomatically: true,
    maxBackpressure: limits.closeAboveBytes,
    // connection.ts ends it instead, so that the reason is counted.
    closeOnBackpressureLimit: false,
    upgrade: upgrader({ access, connections, limits, metrics, draining: isDraining }),
    ...connections.handlers(frames),
  });
  app.any('/*', (response, request) => http.handle(response, request));
  const listening = await listen(app, host, options.port, EXCLUSIVE_PORT);
  const alsoListening = await listenShared(app, engine, options);
  connections.startSweeping();
  attachGateway(metrics, { engine, backpressureBytes: () => connections.bufferedBytes() });

  return {
    port: engine.us_socket_local_port(listening),
    engine: describeEngine(engine),
    async close({ drainMs }) {
      if (draining) return;
      draining = true;
      engine.us_listen_socket_close(listening);
      if (alsoListening !== undefined) engine.us_listen_socket_close(alsoListening);
      if (inFlight > 0) await waitFor((done) => (idle = done), drainMs);
      const isAnyoneThere = connections.size > 0;
      connections.endAll();
      if (isAnyoneThere) await waitFor(() => {}, FAREWELL_MS);
      app.close();
    },
  };
}

/** Shares the port with nobody: two grids on one port would answer in turns. */
const EXCLUSIVE_PORT = 1;
const SHARED_PORT = 0;

async function listen(
  app: ReturnType<Engine['App']>,
  host: string,
  port: number,
  sharing: typeof EXCLUSIVE_PORT | typeof SHARED_PORT,
): Promise<unknown> {
  const listening = await new Promise((resolve) => {
    app.listen(host, port, sharing, resolve);
  });
  if (listening) return listening;
  const code = await whyNotListening(host, port);
  throw Object.assign(new Error(`cannot listen on ${host}:${port}: ${WHY_NOT[code] ?? code}`), { code });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** The engine in JavaScript shares a port from Node 22.12 on; before that one worker has it, and takes requests for all. */
async function listenShared(app: ReturnType<Engine['App']>, engine: Engine, options: GatewayOptions): Promise<unknown> {
  const { sharedPort, host = '127.0.0.1' } = options;
  if (sharedPort === undefined) return undefined;
  try {
    return await listen(app, host, sharedPort, SHARED_PORT);
  } catch (error) {
    if (engine.native) throw error;
    return undefined;
  }
}

/** The engine does not say why it cannot listen, so Node is asked to try the same. */
function whyNotListening(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    // It can by now: whoever was there has left.
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve('EADDRINUSE')));
  });
}

function waitFor(register: (done: () => void) => void, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    register(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
