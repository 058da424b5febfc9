// `holdfast orders`: the processes that do what orders wait for, and the tasks that failed for good.
import { Command, InvalidArgumentError, Option } from 'commander';
import { profilesOf } from '../../../orders/carriers/simulated/from-rules.ts';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import type { FulfilmentLimits } from '../../../orders/fulfilment/limits.ts';
import { orderOfTask } from '../../../orders/order/task-id.ts';
import { TASKS_TAKEN_MAX } from '../../../protocol/index.ts';
import { usageError } from '../exit.ts';
import { closeAll, type RegionConnection, withRegions } from '../grid-client.ts';
import {
  addGridOptions,
  collect,
  type GridOptions,
  gridUrls,
  parseCount,
  parsePort,
  parsePositive,
  parseSpeed,
  parseTime,
  requireOthers,
} from '../options.ts';
import {
  addConnectedOptions,
  type ConnectedOptions,
  carriersOf,
  liveRules,
  notifyByFiles,
} from '../orders/connected.ts';
import { addFileOptions, type FileOptions, prepareFiles, runFiles } from '../orders/file-role.ts';
import { readBundlesFile, readPolicyOf, readProfileFile, readRulesFile } from '../orders/files.ts';
import { openLive } from '../orders/live.ts';
import { servedText, simulatedOutside, simulatedText } from '../orders/outside.ts';
import { connectPatiently, redisPatiently } from '../orders/patiently.ts';
import { ROLES, type Role } from '../orders/role.ts';
import { type RunningOrders, runOrders } from '../orders/roles.ts';
import { createOutput, table } from '../output.ts';
import { shadowText } from '../shadow-text.ts';
import { onSignals, signalExitCode } from '../signals.ts';
import type { Say } from '../supervise.ts';

interface OrdersOptions extends GridOptions, FileOptions, ConnectedOptions {
  readonly role?: AnyRole[];
  readonly rules?: string;
  readonly bundles?: string;
  readonly policy?: string;
  readonly redis?: string;
  readonly simulate?: number;
  readonly carrier?: string;
  readonly speed: number;
  readonly epoch?: number;
  readonly inFlight?: number;
  readonly leaseMs?: number;
  readonly state?: string;
  readonly shadow?: string;
  readonly metricsPort?: number;
  readonly metricsHost: string;
  readonly json: boolean;
}

/** Files are a role that is asked for by name only: it needs folders. */
type AnyRole = Role | 'files';
const ANY_ROLE: readonly AnyRole[] = [...ROLES, 'files'];

export function ordersCommand(): Command {
  const command = new Command('orders')
    .description('Do what orders wait for: source, fulfil, settle exceptions. Each role scales alone.')
    .option(
      '--role <role>',
      `${ANY_ROLE.join(', ')}; repeat it for several, all but files by default`,
      collect(parseRole),
    )
    .option('--rules <file>', 'how orders are sourced, JSON as examples/sourcing/rules.json')
    .option('--bundles <file>', 'SKUs that are sent as several, JSON as examples/sourcing/bundles.json')
    .option('--policy <file>', 'how exceptions are settled, as examples/policies/standard.yaml; else left to people')
    .option('--redis <url>', 'queues in this Redis, by BullMQ: run a relay, and any number of the others', parseRedis)
    .addOption(
      new Option(
        '--simulate <seed>',
        `carriers and ship nodes are simulated, from this seed (default: ${SEED})`,
      ).argParser(parseCount),
    )
    .addOption(
      new Option(
        '--carrier <file>',
        'how the simulated carrier is, JSON as examples/carriers/overland.json; else one for each that the rules name',
      ).conflicts('carriers'),
    )
    .addOption(new Option('--speed <times>', 'business goes so many times faster').argParser(parseSpeed).default(1))
    .addOption(new Option('--epoch <time>', 'from this time on; the same for all processes').argParser(parseTime))
    .option('--in-flight <count>', 'tasks in hand at one time', parsePositive)
    .option('--lease-ms <ms>', 'a process that died holds up what it had in hand for so long', parsePositive)
    .option(
      '--state <dir>',
      'what is learned and counted, the same folder for all processes of these orders; else in Redis, with --redis',
    )
    .option(
      '--shadow <file>',
      'other rules, as examples/sourcing/next-rules.json: each order is planned by them as well, and what they would do otherwise summed up',
    )
    .addOption(new Option('--metrics-port <port>', 'metrics for Prometheus at /metrics of it').argParser(parsePort))
    .option('--metrics-host <address>', 'where that listens', '127.0.0.1')
    .option('--json', 'write one JSON object a line', false)
    .addHelpText(
      'after',
      `
Example:
  holdfast orders --rules examples/sourcing/rules.json --policy examples/policies/standard.yaml
  holdfast orders --role relay --redis redis://127.0.0.1:6379 --rules examples/sourcing/rules.json
  holdfast orders --role files --in ./inbox --out ./outbox --format x12 --region us-east

The examples are beside the sources; what may stand in files and feeds is in docs/orders.md.`,
    )
    .action((options: OrdersOptions, self: Command) => {
      requireOthers(self, { metricsHost: ['metricsPort'], postalCodes: ['in'], settleMs: ['in'] });
      return serveOrders(options);
    });
  addConnectedOptions(command);
  addFileOptions(command);
  addGridOptions(command);
  return command.addCommand(deadLettersCommand()).addCommand(replayCommand());
}

/** Of what is simulated. */
const SEED = 1;

/**
 * Policies ask carriers to stop parcels. Whoever has no role that books would ask simulated ones of parcels that others may have booked with
 * real ones, and take it that there are none.
 */
function insistOnCarriers(options: OrdersOptions, roles: readonly Role[]): void {
  const isSaid = [options.carriers, options.carrier, options.simulate].some((option) => option !== undefined);
  if (options.policy === undefined || !roles.includes('exceptions') || roles.includes('fulfil') || isSaid) return;
  throw usageError(
    '--role exceptions asks carriers to stop parcels that other processes have booked, and it does not say which carriers',
    `Give it the same --carriers FILE as those, or --simulate ${SEED} where theirs are simulated.`,
  );
}

function parseRedis(text: string): string {
  if (/^rediss?:\/\/./.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It takes redis://host:port or rediss://host:port.');
}

function parseRole(text: string): AnyRole {
  const role = ANY_ROLE.find((one) => one === text);
  if (role === undefined) throw new InvalidArgumentError(`It takes one of ${ANY_ROLE.join(', ')}.`);
  return role;
}

async function serveOrders(options: OrdersOptions): Promise<void> {
  const named = options.role ?? (options.redis === undefined ? ['source', 'fulfil', 'exceptions'] : [...ROLES]);
  const asked = named.filter((role): role is Role => role !== 'files');
  const byFiles = named.length > asked.length;
  const byRedis = asked.filter((role) => role === 'relay' || role === 'capture');
  if (options.redis === undefined && byRedis.length > 0) {
    throw usageError(
      `--role ${byRedis.join(', ')} is about a queue`,
      'Say where it is with --redis redis://host:port.',
    );
  }
  if (options.in !== undefined && !byFiles) throw usageError('--in needs --role files');
  const say: Say = (event, text, detail = {}) => {
    process.stdout.write(`${options.json ? JSON.stringify({ event, ...detail, text }) : text}\n`);
  };
  const log = (line: string): void => say('log', line);
  if (byFiles) await prepareFiles(options);
  const begin = asked.length === 0 ? undefined : await prepareOrders(options, asked, say);
  const connections = await connectPatiently(gridUrls(options), log);
  const running = await begin?.(connections).catch(async (error: unknown) => {
    await closeAll(connections);
    throw error;
  });
  const ends = new AbortController();
  const files = byFiles ? runFiles(options, connections, { once: false, signal: ends.signal, log }) : undefined;
  say('ready', `holdfast orders ready: ${named.join(', ')}`, { roles: named, pid: process.pid });
  const stopped = new Promise<void>((resolve) => {
    onSignals(
      (signal) => {
        say('stopping', `${signal}: draining; press again to stop at once`);
        resolve();
      },
      (signal) => process.exit(signalExitCode(signal)),
    );
  });
  try {
    // Files end by themselves only where nothing can be captured at all.
    await (files === undefined ? stopped : Promise.race([stopped, files]));
  } finally {
    ends.abort();
    await files?.catch(() => undefined);
    await running?.stop();
    await closeAll(connections);
  }
  say('stopped', 'holdfast orders stopped', { figures: running?.figures });
}

/** All that is read and opened before the grid is connected to, so that what is wrong with it is told first. */
async function prepareOrders(options: OrdersOptions, roles: readonly Role[], say: Say) {
  const log = (line: string): void => say('log', line);
  insistOnCarriers(options, roles);
  const { simulate = SEED } = options;
  if (options.rules === undefined) throw usageError('orders are sourced by rules', 'Give them with --rules FILE.');
  const stated = await readRulesFile(options.rules);
  const bundles = options.bundles === undefined ? undefined : await readBundlesFile(options.bundles);
  const policy = options.policy === undefined ? undefined : await readPolicyOf(options.policy);
  const profiles = options.carrier === undefined ? profilesOf(stated) : [await readProfileFile(options.carrier)];
  const real = options.carriers === undefined ? undefined : await carriersOf(options.carriers, log);
  const refresh = (): void => void real?.refresh();
  if (real !== undefined) process.on('SIGHUP', refresh);
  const shadow = options.shadow === undefined ? undefined : await readRulesFile(options.shadow);
  const { speed, epoch, out } = options;
  const clock = businessClock({ speed, ...(epoch === undefined ? {} : { epoch }) });
  const live = await liveRules(stated, options, () => clock.now(), log);
  if (roles.includes('fulfil')) log(simulatedText({ ...options, simulate, hasCarriers: real !== undefined }));
  const outside = simulatedOutside({ seed: simulate, profiles, clock });
  const carriers = real?.carriers ?? outside.carriers;
  if (roles.some((role) => ASKS_CARRIERS.has(role))) log(servedText(carriers, stated));
  const state = stateOf(options);
  if (state === undefined) log('nothing is learned from parcels: give --state DIR, the same for all processes');
  if (options.redis !== undefined) await redisPatiently(options.redis, log);
  const learned = await openLive({
    state,
    roles,
    stated,
    rules: () => live.rules,
    ...(options.weather === undefined ? {} : { weather: options.weather }),
    ...(shadow === undefined ? {} : { shadow }),
    onShadow: (report) => say('shadow', shadowText(report), { report }),
    clock,
    log,
  });
  return async (connections: readonly RegionConnection[]): Promise<RunningOrders> => {
    const running = await runOrders({
      connections,
      roles,
      get rules() {
        return live.rules;
      },
      ...(bundles === undefined ? {} : { bundles }),
      ...(policy === undefined ? {} : { policy }),
      ...(options.redis === undefined ? {} : { redisUrl: options.redis }),
      limits: limitsOf(options),
      clock,
      ...outside,
      carriers,
      ...(out === undefined ? {} : { notify: notifyByFiles(outside.notify, out, options.format, connections) }),
      live: learned,
      log,
    });
    const stop = async (): Promise<void> => {
      await running.stop();
      await learned.stop();
      live.close();
      process.off('SIGHUP', refresh);
      await real?.close();
      await outside.close();
    };
    const metrics = await metricsOf(options, running, learned).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    if (metrics !== undefined) log(`metrics at ${metrics.url}`);
    return {
      get figures() {
        return running.figures;
      },
      async stop() {
        await metrics?.close();
        await stop();
      },
    };
  };
}

async function metricsOf(
  { metricsHost: host, metricsPort: port }: OrdersOptions,
  running: RunningOrders,
  learned: Awaited<ReturnType<typeof openLive>>,
) {
  if (port === undefined) return undefined;
  const { serveMetrics } = await import('../orders/metrics.ts');
  return serveMetrics({ host, port }, () => running.figures, learned);
}

const ASKS_CARRIERS: ReadonlySet<Role> = new Set(['fulfil', 'exceptions']);

/** Where what is learned is shared: in the folder that is given, or where the queues are. */
function stateOf({ state, redis }: OrdersOptions) {
  if (state !== undefined) return { directory: state };
  return redis === undefined ? undefined : { redisUrl: redis };
}

function limitsOf({ inFlight, leaseMs }: OrdersOptions): Partial<FulfilmentLimits> {
  return {
    ...(inFlight === undefined ? {} : { inFlightMax: inFlight }),
    ...(leaseMs === undefined ? {} : { leaseMs, relayLeaseMs: leaseMs }),
  };
}

interface DeadLetter {
  readonly region: string;
  readonly taskId: string;
  readonly orderId: string;
  readonly kind: string;
  readonly error: string;
  readonly attempts: number;
}

/** Whoever looks at dead tasks keeps them from others for so long only, ms. */
const LOOK_MS = 100;

function deadLettersCommand(): Command {
  const command = new Command('dead-letters')
    .description('Tasks that failed for good, and why.')
    .option('--json', 'write one JSON object', false)
    .action((_: object, self: Command) => {
      const options = self.optsWithGlobals() as GridOptions & { json: boolean };
      return withRegions(gridUrls(options), async (connections) => {
        const found: DeadLetter[] = [];
        for (const { client, region } of connections) {
          const { tasks } = await client.takeTasks({
            region,
            kinds: ['dead'],
            limit: TASKS_TAKEN_MAX,
            leaseMs: LOOK_MS,
          });
          for (const { taskId, orderId, payload } of tasks) {
            const { kind, error, attempts } = payload as { kind: string; error: string; attempts: number };
            found.push({ region, taskId, orderId, kind, error, attempts });
          }
        }
        const output = createOutput(options.json);
        output.result(found);
        if (found.length === 0) output.line('no task is dead');
        else {
          const rows = found.map(({ taskId, region, attempts, error }) => [taskId, region, attempts, error]);
          output.line(table(['task', 'region', 'attempts', 'error'], rows));
          output.line('\nDone again by: holdfast orders replay TASK');
        }
      });
    });
  return addGridOptions(command);
}

function replayCommand(): Command {
  const command = new Command('replay')
    .description('Have a task that failed for good done again.')
    .argument('<task>', 'as dead-letters names it')
    .action((taskId: string, _: object, self: Command) => {
      const options = self.optsWithGlobals() as GridOptions;
      if (!/^[^/]+\/[a-z]+#\d+$/.test(taskId)) {
        throw usageError(`${taskId} is no task: a task is ORDER/KIND#N`, 'See `holdfast orders dead-letters`.');
      }
      const orderId = orderOfTask(taskId);
      return withRegions(gridUrls(options), async (connections) => {
        let refusal = `no region has order ${orderId}`;
        for (const { client, region } of connections) {
          try {
            const requestId = `revive ${Date.now()}`;
            await client.advanceOrder({ region, orderId, command: { type: 'revive', taskId }, requestId });
            createOutput(false).line(`${taskId} is open again`);
            return;
          } catch (error) {
            const { code, message } = error as { code?: string; message: string };
            if (code !== 'NOT_FOUND' && code !== 'BAD_REQUEST') throw error;
            if (code === 'BAD_REQUEST' || message.includes('task')) refusal = message;
          }
        }
        throw usageError(refusal, 'See `holdfast orders dead-letters`.');
      });
    });
  return addGridOptions(command);
}
