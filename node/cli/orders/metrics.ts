// What processes of orders tell Prometheus, at /metrics of a port of their own: tasks, what is learned, capacities, prices and the shadow. All
// of it is read when it is asked for.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { QueueFigures } from '../../../orders/fulfilment/queue/port.ts';
import { messageOf, usageError } from '../exit.ts';
import type { Live } from './live.ts';

export interface OrdersMetrics {
  readonly url: string;
  close(): Promise<void>;
}

export interface MetricsOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** @throws UserError where the port cannot be listened at */
export async function serveMetrics(
  { host, port }: MetricsOptions,
  figures: () => QueueFigures,
  live: Live,
): Promise<OrdersMetrics> {
  const registry = registryOf(figures, live);
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw usageError(
      `metrics cannot be served at ${host}:${port}: ${messageOf(error)}`,
      'Choose a free port with --metrics-port.',
    );
  }
  const address = server.address();
  const at = address === null || typeof address === 'string' ? port : address.port;
  return {
    url: `http://${host}:${at}/metrics`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Samples = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

function registryOf(figures: () => QueueFigures, live: Live): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: readonly string[], samples: () => Samples): void => {
    new Gauge({
      name: `holdfast_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.set(labels, value);
      },
    });
  };
  gauge('tasks', 'Tasks of this process: in hand, and since it began.', ['state'], () =>
    Object.entries(figures()).map(([state, count]) => [{ state }, count]),
  );
  gauge('transit_parcels_followed', 'Parcels on their way that the transit model follows.', [], () =>
    live.figures.transit === undefined ? [] : [[{}, live.figures.transit.followed]],
  );
  gauge('transit_observations', 'What the transit model was told since this process began.', ['kind'], () =>
    Object.entries(live.figures.transit?.observed ?? {}).map(([kind, count]) => [{ kind }, count]),
  );
  gauge(
    'transit_deliveries',
    'Deliveries of which it was known what was expected, and those within the p90.',
    ['within'],
    () => {
      const { transit } = live.figures;
      return transit === undefined
        ? []
        : [
            [{ within: 'all' }, transit.delivered],
            [{ within: 'p90' }, transit.withinP90],
          ];
    },
  );
  gauge(
    'transit_drift_alarms',
    'Groups of parcels that are not what they were, of the last seven days.',
    ['level', 'direction', 'service', 'area', 'node'],
    () =>
      (live.figures.transit?.alarms ?? []).map(({ level, direction, group }) => [{ level, direction, ...group }, 1]),
  );
  gauge('node_packages', 'Packages that a ship node has to hand over next.', ['node'], () =>
    live.figures.nodes.map(({ node, packages }) => [{ node }, packages]),
  );
  gauge('node_packages_max', 'And how many it may be.', ['node'], () =>
    live.figures.nodes.map(({ node, max }) => [{ node }, max]),
  );
  gauge('shadow_prices_age_seconds', 'Age of what shadow prices were made from, of business.', [], () => {
    const ageMs = live.figures.prices?.ageMs;
    return ageMs === undefined ? [] : [[{}, ageMs / 1_000]];
  });
  gauge(
    'shadow_prices_made',
    'Times that shadow prices were made, or not, since this process began.',
    ['result'],
    () => {
      const { prices } = live.figures;
      return prices === undefined
        ? []
        : [
            [{ result: 'made' }, prices.made],
            [{ result: 'failed' }, prices.failed],
          ];
    },
  );
  gauge(
    'reoptimised_orders',
    'Orders that rest before their release, by what became of weighing them together.',
    ['outcome'],
    () => {
      const { reoptimising } = live.figures;
      if (reoptimising === undefined) return [];
      const { resting, considered, better, changed, refused } = reoptimising;
      return [
        [{ outcome: 'resting' }, resting],
        [{ outcome: 'considered' }, considered],
        [{ outcome: 'better' }, better],
        [{ outcome: 'changed' }, changed],
        [{ outcome: 'refused' }, refused],
      ];
    },
  );
  gauge('reoptimised_saved', 'What changes of plans were to save, minor units.', [], () => {
    const { reoptimising } = live.figures;
    return reoptimising === undefined ? [] : [[{}, reoptimising.savedMinor]];
  });
  gauge(
    'reoptimised_runs',
    'Times that orders were weighed together, by how good the plans are known to be.',
    ['result'],
    () => {
      const { reoptimising } = live.figures;
      if (reoptimising === undefined) return [];
      const { runs, proved, failed } = reoptimising;
      return [
        [{ result: 'proved' }, proved],
        [{ result: 'unproved' }, runs - proved],
        [{ result: 'failed' }, failed],
      ];
    },
  );
  gauge('shadow_rules_orders', 'Orders planned by the rules in the shadow as well.', ['outcome'], () => {
    const { shadow } = live.figures;
    if (shadow === undefined) return [];
    const { orders, same, incomparable } = shadow.report;
    return [
      [{ outcome: 'same' }, same],
      [{ outcome: 'different' }, orders - same - incomparable],
      [{ outcome: 'incomparable' }, incomparable],
      [{ outcome: 'skipped' }, shadow.skipped],
    ];
  });
  gauge(
    'shadow_rules_mean',
    'Means of an order by the rules that count and those in the shadow.',
    ['rules', 'figure'],
    () => {
      const { shadow } = live.figures;
      if (shadow === undefined) return [];
      const sides = { first: shadow.report.first, shadow: shadow.report.second };
      return Object.entries(sides).flatMap(([rules, { total, onTime, packages, unfilled }]) =>
        Object.entries({ cost: total, onTime, packages, unfilled }).map(
          ([figure, value]) => [{ rules, figure }, value] as const,
        ),
      );
    },
  );
  return registry;
}
