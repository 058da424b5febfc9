// All open connections: which of them have something to write, who reads too slowly, and why each one ended.
import type { Metrics } from '../metrics/metrics.ts';
import type { CloseReason, Connection, ConnectionHost, SocketData } from './connection.ts';
import type { EngineBehavior } from './engine-types.ts';
import type { Frames } from './frames.ts';
import type { GatewayLimits } from './limits.ts';
import type { MapNews } from './map-news.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface ConnectionsDeps {
  readonly limits: GatewayLimits;
  readonly metrics: Metrics;
  readonly subscriptions: Subscriptions;
  readonly mapNews: MapNews;
  readonly settled: () => void;
  readonly onError: (error: unknown) => void;
}

type SocketHandlers = Pick<EngineBehavior<SocketData>, 'open' | 'message' | 'drain' | 'close'>;

/** Read once per turn: a release answers hundreds of requests at the same moment. Whoever reads it ends the turn. */
class TurnClock {
  #nowMs = 0;

  readonly now = (): number => {
    if (this.#nowMs === 0) this.#nowMs = performance.now();
    return this.#nowMs;
  };

  endTurn(): void {
    this.#nowMs = 0;
  }
}

export class Connections implements ConnectionHost {
  readonly clock = new TurnClock();
  readonly #deps: ConnectionsDeps;
  readonly #open = new Set<Connection>();
  #queue: Connection[] = [];
  /** A frame is being handled: its connection is written when that is done. */
  #receiving = false;
  #flushScheduled = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#open.size;
  }

  now(): number {
    return this.clock.now();
  }

  settled(): void {
    this.#deps.settled();
  }

  onError(error: unknown): void {
    this.#deps.onError(error);
  }

  enqueue(connection: Connection): void {
    this.#queue.push(connection);
    if (!this.#receiving) this.#scheduleFlush();
  }

  /** Writes to every connection that has something to write. */
  readonly flush = (): void => {
    this.#flushScheduled = false;
    // Within a frame's handler the engine corks that frame's socket, and no other: wait until it is done.
    if (this.#receiving) {
      this.#scheduleFlush();
      return;
    }
    this.clock.endTurn();
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    for (const connection of queue) this.#flushOne(connection);
    this.clock.endTurn();
  };

  handlers(frames: Frames): SocketHandlers {
    const { limits, metrics, subscriptions, mapNews } = this.#deps;
    return {
      open: (socket) => {
        const { connection } = socket.getUserData();
        connection.opened(socket);
        this.#open.add(connection);
        metrics.connections.inc({ encoding: connection.encoding });
        if (!connection.authenticated) {
          const late = `no hello within ${limits.helloTimeoutMs} ms`;
          connection.helloTimer = setTimeout(() => connection.end(1008, late, 'hello_timeout'), limits.helloTimeoutMs);
        }
      },
      message: (socket, message, isBinary) => {
        const { connection } = socket.getUserData();
        this.#receiving = true;
        try {
          frames.receive(connection, message, isBinary);
        } catch (error) {
          this.#deps.onError(error);
          connection.cut('defect');
        }
        this.#receiving = false;
        this.clock.endTurn();
        const queue = this.#queue;
        if (queue.length === 1 && queue[0] === connection) {
          queue.pop();
          this.#flushOne(connection);
        } else if (queue.length > 0) {
          this.#scheduleFlush();
        }
        this.clock.endTurn();
      },
      drain: (socket) => socket.getUserData().connection.drained(),
      close: (socket, code, message) => {
        const { connection } = socket.getUserData();
        connection.closed();
        subscriptions.removeAll(connection);
        mapNews.leave(connection);
        this.#open.delete(connection);
        metrics.connections.dec({ encoding: connection.encoding });
        metrics.connectionsClosed.inc({ reason: connection.closeReason ?? reasonOf(code, message) });
      },
    };
  }

  bufferedBytes(): number {
    let total = 0;
    for (const connection of this.#open) total += connection.buffered;
    return total;
  }

  startSweeping(): void {
    this.#sweeper = setInterval(() => this.#sweep(), this.#deps.limits.sweepMs).unref();
  }

  endAll(): void {
    clearInterval(this.#sweeper);
    for (const connection of [...this.#open]) connection.end(1001, 'shutting down', 'draining');
  }

  /** A defect in writing to one socket must reach neither the others nor the grid, whose release this is. */
  #flushOne(connection: Connection): void {
    try {
      connection.flush();
    } catch (error) {
      this.#deps.onError(error);
      connection.cut('defect');
    }
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(this.flush);
  }

  #sweep(): void {
    const { limits } = this.#deps;
    const now = performance.now();
    const behind: Connection[] = [];
    for (const connection of [...this.#open]) {
      connection.drained();
      if (connection.stalledFor(now) > limits.stalledMs) connection.cut('slow_consumer');
      else if (connection.buffered > 0) behind.push(connection);
    }
    let total = this.bufferedBytes();
    if (total <= limits.bufferedTotalMax) return;
    behind.sort((a, b) => b.buffered - a.buffered);
    for (const connection of behind) {
      if (total <= limits.bufferedTotalMax) return;
      total -= connection.buffered;
      connection.cut('slow_consumer');
    }
  }
}

/** From what the engine says about a close that was not ours. */
function reasonOf(code: number, message: ArrayBuffer): CloseReason {
  if (code === 1009) return 'frame_too_large';
  if (code === 1002 || code === 1007) return 'invalid_frame';
  if (code !== 1006) return 'client';
  const text = Buffer.from(message).toString('latin1');
  if (text.includes('too big')) return 'frame_too_large';
  if (text.includes('timed out')) return 'idle';
  if (text.includes('invalid')) return 'invalid_frame';
  return 'lost';
}
