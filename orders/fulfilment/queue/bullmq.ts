// Tasks by way of BullMQ: a relay takes them from the grid and adds a job for each, workers in any number of processes do them. A task has
// one job, named by its taskId, so it may be relayed as often as it is offered; should Redis lose it, it is offered again.
import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { OrderDocument } from '../../../protocol/index.ts';
import { captureRequestId } from '../../order/capture-request.ts';
import type { FulfilmentLimits } from '../limits.ts';
import type { OrderGrid } from '../ports.ts';
import type { TaskRef, TaskRunner } from '../runner.ts';
import { pauseMs } from './backoff.ts';
import type { Log, QueueFigures, TaskQueue } from './port.ts';
import type { RedisConnections } from './redis.ts';

/** All keys in Redis begin so. */
const PREFIX = 'holdfast';
/** Jobs of one kind that wait: what is beyond stays in the outbox, and Redis has room for other things. */
const BACKLOG_MAX = 20_000;
/** Jobs that failed for good and are kept to be looked at. */
const FAILED_KEPT = 5_000;

function queueNameOf(kind: string): string {
  return `tasks-${kind}`;
}

export interface RelayOptions {
  readonly grid: Pick<OrderGrid, 'takeTasks' | 'region'>;
  /** Closed by whoever made it, after all queues. */
  readonly redis: RedisConnections;
  /** The kinds of tasks, by the role that does them. */
  readonly kindsOf: Readonly<Record<string, readonly string[]>>;
  readonly limits: FulfilmentLimits;
  readonly log?: Log;
}

/** Takes tasks from the grid and adds their jobs. Several relays do no harm. Says which roles are missing: their tasks would wait for ever. */
export function bullmqRelay({ grid, redis, kindsOf, limits, log = () => {} }: RelayOptions): TaskQueue {
  const connection = redis.open();
  const queues = new Map(
    Object.values(kindsOf)
      .flat()
      .map((kind) => {
        const queue = new Queue(queueNameOf(kind), { connection, prefix: PREFIX });
        queue.on('error', (error) => redis.failed(queue.name, error));
        return [kind, queue] as const;
      }),
  );
  let isStopping = false;
  let added = 0;
  let lookedAt = performance.now();
  const loop = async (): Promise<void> => {
    while (!isStopping) {
      try {
        const waiting = await waitingIn(queues);
        if (performance.now() - lookedAt > limits.servedLookMs) {
          await tellUnserved(waiting, queues, { kindsOf, redis });
          lookedAt = performance.now();
        }
        const open = [...waiting].filter(([, count]) => count < BACKLOG_MAX).map(([kind]) => kind);
        if (open.length === 0) {
          await sleep(limits.gridRetryMs);
          continue;
        }
        const { waitMs, relayLeaseMs: leaseMs } = limits;
        const tasks = await grid.takeTasks({ kinds: open, limit: RELAYED_AT_ONCE, leaseMs, waitMs });
        await Promise.all(
          tasks.map(async ({ taskId, orderId, kind }) => {
            const queue = queues.get(kind) as Queue;
            const task: TaskRef = { taskId, orderId, kind, region: grid.region };
            const job = await queue.add(kind, task, { ...jobOptions(limits), jobId: jobIdOf(task) });
            added += 1;
            // It was revived, or its worker died before the order knew that it had failed for good.
            if (await job.isFailed()) await job.retry();
          }),
        );
      } catch (error) {
        if (isStopping) return;
        log(`tasks cannot be relayed: ${error instanceof Error ? error.message : String(error)}`);
        await sleep(limits.gridRetryMs);
      }
    }
  };
  const looping = loop();
  return {
    get figures(): QueueFigures {
      return { inFlight: 0, done: added, retried: 0, dead: 0 };
    },
    async stop() {
      isStopping = true;
      await looping;
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

const RELAYED_AT_ONCE = 500;

/** Jobs that wait, by kind. */
async function waitingIn(queues: ReadonlyMap<string, Queue>): Promise<Map<string, number>> {
  return new Map(
    await Promise.all([...queues].map(async ([kind, queue]) => [kind, await queue.getWaitingCount()] as const)),
  );
}

/** Tells which roles nobody has, of those whose jobs wait. */
async function tellUnserved(
  waiting: ReadonlyMap<string, number>,
  queues: ReadonlyMap<string, Queue>,
  { kindsOf, redis }: Pick<RelayOptions, 'kindsOf' | 'redis'>,
): Promise<void> {
  for (const [role, kinds] of Object.entries(kindsOf)) {
    const busy = kinds.filter((kind) => (waiting.get(kind) ?? 0) > 0);
    const workers = await Promise.all(busy.map(async (kind) => [kind, await queues.get(kind)?.getWorkersCount()]));
    const unserved = workers.filter(([, count]) => count === 0).map(([kind]) => kind);
    if (unserved.length === 0) continue;
    redis.tell(
      `unserved ${role}`,
      `nobody does the tasks ${unserved.join(', ')} that wait in Redis: run \`holdfast orders --role ${role} --redis …\``,
    );
  }
}

function jobOptions({ attemptsMax }: FulfilmentLimits) {
  return {
    attempts: attemptsMax,
    backoff: { type: 'custom' },
    removeOnComplete: true,
    removeOnFail: { count: FAILED_KEPT },
  };
}

/** BullMQ's keys have colons between their parts. */
function jobIdOf({ region, taskId }: TaskRef): string {
  return encodeURIComponent(`${region} ${taskId}`);
}

export interface WorkersOptions {
  readonly redis: RedisConnections;
  readonly kinds: readonly string[];
  readonly runner: TaskRunner;
  readonly limits: FulfilmentLimits;
  readonly log?: Log;
}

/** Does jobs of these kinds. */
export function bullmqWorkers({ redis, kinds, runner, limits, log = () => {} }: WorkersOptions): TaskQueue {
  const figures = { done: 0, retried: 0, dead: 0, inFlight: 0 };
  const workers = kinds.map((kind) => {
    const worker = new Worker<TaskRef>(
      queueNameOf(kind),
      async (job, token) => {
        figures.inFlight += 1;
        try {
          const processed = await runner.run(job.data);
          if (!('done' in processed)) {
            // Whichever worker is free then gets what this one leaves.
            const pause = 'left' in processed ? limits.leftMs : processed.laterMs;
            await job.moveToDelayed(Date.now() + pause, token);
            throw new DelayedError();
          }
          figures.done += 1;
        } catch (error) {
          if (error instanceof DelayedError) throw error;
          if (job.attemptsMade + 1 < limits.attemptsMax) {
            figures.retried += 1;
            throw error;
          }
          await runner.giveUp(job.data, error, job.attemptsMade + 1);
          figures.dead += 1;
          log(`${job.data.taskId} is dead: ${error instanceof Error ? error.message : String(error)}`);
          throw new UnrecoverableError(error instanceof Error ? error.message : String(error));
        } finally {
          figures.inFlight -= 1;
        }
      },
      {
        connection: redis.open(),
        prefix: PREFIX,
        concurrency: Math.max(1, Math.floor(limits.inFlightMax / kinds.length)),
        lockDuration: limits.leaseMs,
        stalledInterval: limits.leaseMs,
        maxStalledCount: limits.attemptsMax,
        settings: { backoffStrategy: (attemptsMade: number) => pauseMs(attemptsMade, limits) },
      },
    );
    worker.on('error', (error) => redis.failed(worker.name, error));
    return worker;
  });
  return {
    get figures(): QueueFigures {
      return { ...figures };
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Where orders may be put to be captured: jobs whose data are order documents, named by whoever adds them. */
export const CAPTURE_QUEUE = 'holdfast-orders';

export interface CaptureOptions {
  readonly redis: RedisConnections;
  readonly grid: Pick<OrderGrid, 'captureOrder'>;
  readonly limits: FulfilmentLimits;
  /** Told of each order that is refused for good; its job is among those that failed. */
  readonly log: (line: string) => void;
}

/** Captures orders from the queue. A job is completed once its order is durable; done twice it counts once, by its orderId. */
export function bullmqCapture({ redis, grid, limits, log }: CaptureOptions): TaskQueue {
  const figures = { done: 0, retried: 0, dead: 0, inFlight: 0 };
  const worker = new Worker<OrderDocument>(
    CAPTURE_QUEUE,
    async (job) => {
      figures.inFlight += 1;
      try {
        await grid.captureOrder(job.data, captureRequestId(job.data.orderId));
        figures.done += 1;
      } catch (error) {
        figures.retried += 1;
        // What the grid refuses it will refuse again.
        if (error instanceof Error && (error as { retriable?: boolean }).retriable === false) {
          log(
            `job ${job.id} of ${CAPTURE_QUEUE}: order ${job.data?.orderId ?? 'without orderId'} is refused: ${error.message}`,
          );
          throw new UnrecoverableError(error.message);
        }
        throw error;
      } finally {
        figures.inFlight -= 1;
      }
    },
    {
      connection: redis.open(),
      concurrency: limits.inFlightMax,
      lockDuration: limits.leaseMs,
      stalledInterval: limits.leaseMs,
      maxStalledCount: limits.attemptsMax,
      settings: { backoffStrategy: (attemptsMade: number) => pauseMs(attemptsMade, limits) },
    },
  );
  worker.on('error', (error) => redis.failed(worker.name, error));
  return {
    get figures(): QueueFigures {
      return { ...figures };
    },
    stop: () => worker.close(),
  };
}
