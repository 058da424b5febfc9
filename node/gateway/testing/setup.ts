// Starts gateways over a fake grid for tests, on every engine that loads here, and stops what a test started.
import { afterEach } from 'vitest';
import { createMetrics, type Metrics } from '../../metrics/metrics.ts';
import { ENGINE_NAMES, loadEngine } from '../engine.ts';
import type { Engine } from '../engine-types.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../gateway.ts';
import { type Connected, type ConnectOptions, connect } from './client.ts';
import { FakeGrid } from './fake-grid.ts';
import { RawSocket } from './raw-socket.ts';

/** Every engine that loads on this machine: the one in JavaScript always, a native one where there is one. */
export const engines: readonly Engine[] = ENGINE_NAMES.flatMap((name) => {
  try {
    return [loadEngine(name)];
  } catch {
    return [];
  }
});

export interface Started {
  readonly gateway: Gateway;
  readonly grid: FakeGrid;
  readonly metrics: Metrics;
  readonly port: number;
  /** Defects that the gateway reported. */
  readonly errors: unknown[];
  connect(options?: Omit<ConnectOptions, 'port'>): Promise<Connected>;
  raw(): Promise<RawSocket>;
  /** The value of one sample, e.g. `holdfast_sheds_total{reason="in_flight"}`; 0 when it is not there. */
  metric(sample: string): Promise<number>;
}

const closers: (() => unknown)[] = [];

/** Stops everything in the reverse order of its start. Call once at the top of a test file. */
export function stopAfterEach(): void {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
}

export function onStop(close: () => unknown): void {
  closers.push(close);
}

export async function start(options: Partial<GatewayOptions> & { grid?: FakeGrid } = {}): Promise<Started> {
  const grid = options.grid ?? new FakeGrid();
  const metrics = options.metrics ?? createMetrics({ version: '0.0.0-test' });
  const errors: unknown[] = [];
  const gateway = await createGateway({ port: 0, onError: (error) => errors.push(error), ...options, grid, metrics });
  onStop(() => gateway.close({ drainMs: 0 }));
  const { port } = gateway;
  return {
    gateway,
    grid,
    metrics,
    port,
    errors,
    async connect(connectOptions = {}) {
      const connected = await connect({ port, ...connectOptions });
      onStop(() => connected.socket.terminate());
      return connected;
    },
    async raw() {
      const socket = await RawSocket.connect(port);
      onStop(() => socket.destroy());
      return socket;
    },
    async metric(sample) {
      const text = await metrics.registry.metrics();
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
      return line === undefined ? 0 : Number(line.slice(sample.length + 1));
    },
  };
}
