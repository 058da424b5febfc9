// The processes of `holdfast orders` put together: each role over the grid, by the outbox or by BullMQ. Also what `npm start` runs within
// itself where it is given rules.
import type { Carrier } from '../../../orders/carriers/port.ts';
import { isLateRisk as isLateRiskBy } from '../../../orders/exceptions/decide.ts';
import type { Policy } from '../../../orders/exceptions/policy.ts';
import { followCarriers } from '../../../orders/fulfilment/follow.ts';
import { gridOverClient } from '../../../orders/fulfilment/grid-client.ts';
import { FULFILMENT_LIMITS, type FulfilmentLimits, LATE_RISK } from '../../../orders/fulfilment/limits.ts';
import { settleByPolicy } from '../../../orders/fulfilment/policy.ts';
import type {
  BusinessClock,
  LateRisk,
  Notify,
  Ports,
  Refund,
  Settle,
  ShipNodes,
} from '../../../orders/fulfilment/ports.ts';
import { KINDS_OF_ROLE, processorsOf } from '../../../orders/fulfilment/processors/index.ts';
import { outboxQueue } from '../../../orders/fulfilment/queue/outbox.ts';
import type { Log, QueueFigures, TaskQueue } from '../../../orders/fulfilment/queue/port.ts';
import { runnerOfRegions, type TaskRunner, taskRunner } from '../../../orders/fulfilment/runner.ts';
import type { Bundles } from '../../../orders/sourcing/bundles.ts';
import type { SourcingRules } from '../../../orders/sourcing/rules.ts';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { clientsByRegion, type RegionConnection } from '../grid-client.ts';
import type { Live } from './live.ts';
import type { Role } from './role.ts';

export interface OrdersRun {
  readonly connections: readonly RegionConnection[];
  readonly roles: readonly Role[];
  /** Read for each order that is sourced: they may follow feeds. */
  readonly rules: SourcingRules;
  /** Without it, no SKU is a bundle but those of lines that name their components. */
  readonly bundles?: Bundles;
  /** Without one, exceptions are left to people. */
  readonly policy?: Policy;
  readonly redisUrl?: string;
  readonly clock: BusinessClock;
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly nodes: ShipNodes;
  readonly notify: Notify;
  readonly refund: Refund;
  /** Stopped by whoever opened it, after the processes are. */
  readonly live: Live;
  readonly limits?: Partial<FulfilmentLimits>;
  readonly log: Log;
}

export interface RunningOrders {
  readonly figures: QueueFigures;
  stop(): Promise<void>;
}

const toPeople: Settle = async () => ({ command: { action: 'escalate', rule: 'no policy' }, policyVersion: 'none' });

export async function runOrders(run: OrdersRun): Promise<RunningOrders> {
  const { connections, roles, policy, redisUrl, log } = run;
  const limits = { ...FULFILMENT_LIMITS, ...run.limits };
  const clients = clientsByRegion(connections);
  const { clock, carriers, nodes, notify, refund } = run;
  const { transit, capacity, delays, sourcing } = run.live;
  const settle =
    policy === undefined
      ? toPeople
      : settleByPolicy({
          policy,
          get rules() {
            return run.rules;
          },
          ports: () => ({ clock, carriers, transit, delays }),
        });
  const isLateRisk: LateRisk = (missProbability) =>
    policy === undefined ? missProbability >= LATE_RISK : isLateRiskBy(policy, missProbability, false);
  const processors = processorsOf({
    get rules() {
      return run.rules;
    },
    ...(run.bundles === undefined ? {} : { bundles: run.bundles }),
    ...sourcing,
  });
  const runners = new Map<string, TaskRunner>();
  const portsOf = new Map<string, Ports>();
  for (const [region, client] of clients) {
    const outside = { clock, nodes, carriers, notify, refund };
    const ports = { grid: gridOverClient(client, clients), ...outside, settle, transit, isLateRisk, capacity, delays };
    portsOf.set(region, ports);
    runners.set(region, taskRunner(processors, ports, log));
  }
  const [first] = portsOf.values();
  const regions = new Map(
    [...portsOf].map(([region, { grid }]) => [region, { grid, runner: runners.get(region) as TaskRunner }]),
  );
  if (first !== undefined) run.live.begin(first.grid, regions);
  const kinds = [
    ...new Set(roles.flatMap((role) => (role === 'relay' || role === 'capture' ? [] : KINDS_OF_ROLE[role]))),
  ];
  const queues: TaskQueue[] = [];
  const ends: (() => void)[] = connections.map((connection) => tellWhetherItAnswers(connection, log));
  let whenStopped = (stopping: Promise<unknown>): Promise<unknown> => stopping;
  if (redisUrl === undefined) {
    for (const [region, runner] of runners) {
      const { grid } = portsOf.get(region) as Ports;
      const quietly = whileConnected(clients.get(region), log);
      if (kinds.length > 0) queues.push(outboxQueue({ grid, kinds, runner, limits, log: quietly }));
    }
  } else {
    // A third of what this program reads: only where it is asked for.
    const { redisConnections } = await import('../../../orders/fulfilment/queue/redis.ts');
    const { bullmqCapture, bullmqRelay, bullmqWorkers } = await import('../../../orders/fulfilment/queue/bullmq.ts');
    const redis = redisConnections(redisUrl, log);
    whenStopped = redis.close;
    if (kinds.length > 0) queues.push(bullmqWorkers({ redis, kinds, runner: runnerOfRegions(runners), limits, log }));
    for (const { grid } of portsOf.values()) {
      const quietly = whileConnected(clients.get(grid.region), log);
      if (roles.includes('relay'))
        queues.push(bullmqRelay({ grid, redis, kindsOf: KINDS_OF_ROLE, limits, log: quietly }));
    }
    if (roles.includes('capture') && first !== undefined) {
      queues.push(bullmqCapture({ redis, grid: first.grid, limits, log }));
    }
  }
  if (roles.includes('fulfil')) for (const ports of portsOf.values()) ends.push(followCarriers(ports));
  return {
    get figures() {
      return queues.reduce<QueueFigures>(
        (sum, { figures }) => ({
          inFlight: sum.inFlight + figures.inFlight,
          done: sum.done + figures.done,
          retried: sum.retried + figures.retried,
          dead: sum.dead + figures.dead,
        }),
        { inFlight: 0, done: 0, retried: 0, dead: 0 },
      );
    },
    async stop() {
      for (const end of ends) end();
      await whenStopped(Promise.all(queues.map((queue) => queue.stop())));
    },
  };
}

/** Says when a region is lost, and when it is back, once each. Returns what ends it. */
function tellWhetherItAnswers({ client, region, url }: RegionConnection, log: Log): () => void {
  let isAway = false;
  const lost = client.on('disconnected', ({ willReconnect }) => {
    if (!willReconnect || isAway) return;
    isAway = true;
    log(`${region} at ${url} does not answer: what it has to do waits until it does`);
  });
  const found = client.on('connected', () => {
    if (isAway) log(`${region} at ${url} answers again`);
    isAway = false;
  });
  return () => {
    lost();
    found();
  };
}

/** That nothing can be done for a region which is away is said already. */
function whileConnected(client: HoldfastClient | undefined, log: Log): Log {
  return (line) => {
    if (client?.connected !== false) log(line);
  };
}
