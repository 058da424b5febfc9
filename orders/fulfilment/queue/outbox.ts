// Tasks straight from the grid: asks for as many as there is room for, and works on them. What is not ready yet is kept here while it is
// lent, and skipped when it is offered again before its time. Nothing of it has to survive: open tasks are offered again.
import type { LeasedTask } from '../../../protocol/index.ts';
import type { FulfilmentLimits } from '../limits.ts';
import type { OrderGrid } from '../ports.ts';
import type { TaskRunner } from '../runner.ts';
import { pauseMs } from './backoff.ts';
import type { Log, QueueFigures, TaskQueue } from './port.ts';
import { yieldingTo } from './yielding.ts';

export interface OutboxOptions {
  readonly grid: Pick<OrderGrid, 'takeTasks' | 'region'>;
  readonly kinds: readonly string[];
  readonly runner: TaskRunner;
  readonly limits: FulfilmentLimits;
  readonly log?: Log;
}

/** A task that is not worked on now. */
interface Kept {
  /** ms, by performance.now(). */
  readonly notBefore: number;
  readonly failures: number;
}

export function outboxQueue({ grid, kinds, runner, limits, log = () => {} }: OutboxOptions): TaskQueue {
  const { region } = grid;
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  let isStopping = false;
  let wake = (): void => {};
  const figures = { done: 0, retried: 0, dead: 0 };
  const yielding = yieldingTo(limits);

  const room = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => wake(), ms);
      timers.add(timer);
      wake = () => {
        clearTimeout(timer);
        timers.delete(timer);
        resolve();
      };
    });

  const keep = (task: LeasedTask, laterMs: number, failures: number): void => {
    kept.set(task.taskId, { notBefore: performance.now() + laterMs, failures });
    const [oldest] = kept.keys();
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    // While it is lent nobody else has it; after that it is offered again by itself.
    if (Date.now() + laterMs >= task.leasedUntil) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      begin(task, true);
    }, laterMs);
    timers.add(timer);
  };

  const work = async (task: LeasedTask): Promise<void> => {
    const failures = kept.get(task.taskId)?.failures ?? 0;
    const leaseEnds = performance.now() + limits.leaseMs;
    try {
      const processed = await runner.run({ ...task, region });
      kept.delete(task.taskId);
      if ('laterMs' in processed) keep(task, processed.laterMs, 0);
      else if ('left' in processed) yielding.left(leaseEnds);
      else figures.done += 1;
    } catch (error) {
      await failed(task, error, failures + 1);
    }
  };

  const failed = async (task: LeasedTask, error: unknown, failures: number): Promise<void> => {
    const why = error instanceof Error ? error.message : String(error);
    if (failures < limits.attemptsMax) {
      figures.retried += 1;
      keep(task, pauseMs(failures, limits), failures);
      if (failures > 1) log(`${task.taskId} failed ${failures} times: ${why}`);
      return;
    }
    try {
      await runner.giveUp({ ...task, region }, error, failures);
      kept.delete(task.taskId);
      figures.dead += 1;
      log(`${task.taskId} is dead after ${failures} attempts: ${why}`);
    } catch {
      // The grid cannot be told now. It is tried once more, and given up then.
      keep(task, limits.retryMsMax, failures - 1);
    }
  };

  const begin = (task: LeasedTask, isDue = false): void => {
    if (isStopping || running.has(task.taskId)) return;
    if (!isDue && (kept.get(task.taskId)?.notBefore ?? 0) > performance.now()) return;
    const done = work(task).finally(() => {
      running.delete(task.taskId);
      wake();
    });
    running.set(task.taskId, done);
  };

  const loop = async (): Promise<void> => {
    while (!isStopping) {
      const limit = limits.inFlightMax - running.size;
      if (limit <= 0) {
        await room();
        continue;
      }
      const { pauseMs: othersMs, waitMs } = yielding.at(performance.now());
      if (othersMs > 0) {
        await pause(othersMs);
        continue;
      }
      try {
        const { leaseMs } = limits;
        for (const task of await grid.takeTasks({ kinds, limit, leaseMs, waitMs })) begin(task);
      } catch (error) {
        if (isStopping) return;
        log(`no tasks can be had: ${error instanceof Error ? error.message : String(error)}`);
        await pause(limits.gridRetryMs);
      }
    }
  };
  const looping = loop();

  return {
    get figures(): QueueFigures {
      return { inFlight: running.size, ...figures };
    },
    async stop() {
      isStopping = true;
      for (const timer of timers) clearTimeout(timer);
      wake();
      await Promise.all(running.values());
      await looping;
    },
  };
}

/** Tasks whose time is remembered; one that is forgotten is looked at once more than needed. */
const KEPT_MAX = 100_000;
