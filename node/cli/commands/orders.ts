// `holdfast orders`: the processes that do what orders wait for, and the tasks that failed for good.
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_PROFILE } from '../../../orders/carriers/simulated/profile.ts';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import type { FulfilmentLimits } from '../../../orders/fulfilment/limits.ts';
import { TASKS_TAKEN_MAX } from '../../../protocol/index.ts';
import { usageError } from '../exit.ts';
import { closeAll, connectRegions, withRegions } from '../grid-client.ts';
import { addGridOptions, collect, type GridOptions, gridUrls, parseCount, parsePositive } from '../options.ts';
import { readPolicyOf, readProfileFile, readRulesFile } from '../orders/files.ts';
import { simulatedOutside } from '../orders/outside.ts';
import { ROLES, type Role, runOrders } from '../orders/roles.ts';
import { createOutput, table } from '../output.ts';
import { onSignals, signalExitCode } from '../signals.ts';

interface OrdersOptions extends GridOptions {
  readonly role: Role[];
  readonly rules: string;
  readonly policy?: string;
  readonly redis?: string;
  readonly simulate: number;
  readonly carrier?: string;
  readonly speed: number;
  readonly epoch?: number;
  readonly inFlight?: number;
  readonly leaseMs?: number;
  readonly json: boolean;
}

export function ordersCommand(): Command {
  const command = new Command('orders')
    .description('Do what orders wait for: source, fulfil, settle exceptions. Each role scales alone.')
    .option('--role <role>', `${ROLES.join(', ')}; repeat it for several, all by default`, collect(parseRole))
    .option('--rules <file>', 'how orders are sourced, a file of JSON')
    .option('--policy <file>', 'how exceptions are settled, YAML or JSON; without it they are left to people')
    .option('--redis <url>', 'queues in this Redis, by BullMQ: run a relay, and any number of the others')
    .addOption(
      new Option('--simulate <seed>', 'carriers and ship nodes are simulated, from this seed')
        .argParser(parseCount)
        .default(1),
    )
    .option('--carrier <file>', 'how the simulated carrier is, a file of JSON')
    .addOption(new Option('--speed <times>', 'business goes so many times faster').argParser(parsePositive).default(1))
    .addOption(new Option('--epoch <ms>', 'from this time on; the same for all processes').argParser(parseTime))
    .option('--in-flight <count>', 'tasks in hand at one time', parsePositive)
    .option('--lease-ms <ms>', 'a process that died holds up what it had in hand for so long', parsePositive)
    .option('--json', 'write one JSON object a line', false)
    .addHelpText(
      'after',
      `
Example:
  holdfast orders --rules examples/sourcing/rules.json --policy examples/policies/standard.yaml
  holdfast orders --role relay --redis redis://127.0.0.1:6379 --rules rules.json`,
    )
    .action((options: OrdersOptions) => serveOrders(options));
  addGridOptions(command);
  return command.addCommand(deadLettersCommand()).addCommand(replayCommand());
}

function parseTime(text: string): number {
  if (!/^\d{12,14}$/.test(text)) throw new InvalidArgumentError('It takes ms since the epoch.');
  return Number(text);
}

function parseRole(text: string): Role {
  const role = ROLES.find((one) => one === text);
  if (role === undefined) throw new InvalidArgumentError(`It takes one of ${ROLES.join(', ')}.`);
  return role;
}

async function serveOrders(options: OrdersOptions): Promise<void> {
  if (options.rules === undefined) throw usageError('orders are sourced by rules', 'Give them with --rules FILE.');
  const asked = options.role ?? (options.redis === undefined ? ['source', 'fulfil', 'exceptions'] : [...ROLES]);
  const byRedis = asked.filter((role) => role === 'relay' || role === 'capture');
  if (options.redis === undefined && byRedis.length > 0) {
    throw usageError(
      `--role ${byRedis.join(', ')} is about a queue`,
      'Say where it is with --redis redis://host:port.',
    );
  }
  const say = (event: string, text: string, detail: object = {}): void => {
    process.stdout.write(`${options.json ? JSON.stringify({ event, ...detail, text }) : text}\n`);
  };
  const rules = await readRulesFile(options.rules);
  const policy = options.policy === undefined ? undefined : await readPolicyOf(options.policy);
  const profile = options.carrier === undefined ? DEFAULT_PROFILE : await readProfileFile(options.carrier);
  const { speed, epoch } = options;
  const clock = businessClock({ speed, ...(epoch === undefined ? {} : { epoch }) });
  const outside = simulatedOutside({ seed: options.simulate, profile, clock });
  const connections = await connectRegions(gridUrls(options));
  const running = runOrders({
    connections,
    roles: asked,
    rules,
    ...(policy === undefined ? {} : { policy }),
    ...(options.redis === undefined ? {} : { redisUrl: options.redis }),
    limits: limitsOf(options),
    clock,
    ...outside,
    log: (line) => say('log', line),
  });
  say('ready', `holdfast orders ready: ${asked.join(', ')}`, { roles: asked, pid: process.pid });
  await new Promise<void>((resolve) => {
    onSignals(
      () => resolve(),
      (signal) => process.exit(signalExitCode(signal)),
    );
  });
  await running.stop();
  await outside.close();
  await closeAll(connections);
  say('stopped', 'holdfast orders stopped', { figures: running.figures });
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
      const orderId = taskId.slice(0, Math.max(0, taskId.lastIndexOf('/')));
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
