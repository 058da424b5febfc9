// Tasks as queues hand them over: does one, and gives up what failed for good by making it a dead task of its order.
import { taskName } from '../order/task-id.ts';
import type { TaskKind } from '../order/types.ts';
import { ERROR_LENGTH_MAX } from './limits.ts';
import type { Ports } from './ports.ts';
import { NotServed, type Processed, type Processor, processTask, Refused } from './processor.ts';
import { leftToOthers } from './unserved.ts';

export interface TaskRef {
  readonly taskId: string;
  readonly orderId: string;
  readonly kind: string;
  /** Where its order is. */
  readonly region: string;
}

/** What a queue does with a task. */
export interface TaskRunner {
  /** @throws what stands in the way; it is to be tried again, with growing pauses, so often as the limits say */
  run(task: TaskRef): Promise<Processed>;
  /** It was tried often enough. Resolves once the order remembers it as dead. */
  giveUp(task: TaskRef, error: unknown, attempts: number): Promise<void>;
}

/** Of orders of several regions. */
export function runnerOfRegions(runners: ReadonlyMap<string, TaskRunner>): TaskRunner {
  const of = ({ region, taskId }: TaskRef): TaskRunner => {
    const runner = runners.get(region);
    if (runner === undefined)
      throw new Refused(`${taskId} is of region ${region}, which this process is not connected to`);
    return runner;
  };
  return {
    run: async (task) => of(task).run(task),
    giveUp: async (task, error, attempts) => of(task).giveUp(task, error, attempts),
  };
}

/** @param log is told what this process leaves to others */
export function taskRunner(
  processors: Readonly<Partial<Record<TaskKind, Processor>>>,
  ports: Ports,
  log: (line: string) => void = () => {},
): TaskRunner {
  const left = leftToOthers(ports, log);
  return {
    async run(task) {
      try {
        const processed = await processTask(task, processors, ports);
        left.done(task.taskId);
        return processed;
      } catch (error) {
        if (!(error instanceof NotServed)) throw error;
        await left.leave(task, error);
        return { left: true };
      }
    },
    async giveUp({ orderId, taskId }, error, attempts) {
      const message = (error instanceof Error ? error.message : String(error)).replace(/[^\x20-\x7e]/g, ' ');
      const command = { type: 'fail', error: message.slice(0, ERROR_LENGTH_MAX) || 'failed', attempts, taskId };
      const requestId = `${taskName(taskId)}:dead@${Date.now()}`;
      const answer = await ports.grid.advanceOrder(orderId, command, { requestId });
      if (!answer.ok && answer.code !== 'NOT_FOUND' && answer.code !== 'IDEMPOTENCY_CONFLICT') {
        throw new Refused(`${taskId} cannot be given up: ${answer.message}`);
      }
    },
  };
}
