// Tasks that ask for a carrier which this process does not know: they are left to others, who may know it. Only where nobody has done one for
// long is it an exception, for policies or people to settle. How long is counted by this process since it met the task first, and not since
// the task was due: that may be long ago because nobody was there, or the order was on hold.
import { taskName } from '../order/task-id.ts';
import { LEFT_MAX, UNSERVED_AFTER_MS } from './limits.ts';
import type { Ports } from './ports.ts';
import { type NotServed, tell } from './processor.ts';

interface Left {
  readonly taskId: string;
  readonly orderId: string;
}

export interface LeftToOthers {
  /** Nothing was done about it. @throws what stands in the way of telling its order */
  leave(task: Left, why: Pick<NotServed, 'carrier' | 'packageId'>): Promise<void>;
  done(taskId: string): void;
}

/** @param log is told of each carrier once */
export function leftToOthers(ports: Ports, log: (line: string) => void): LeftToOthers {
  /** When each was met first, or told of last, on the grid's clock. */
  const since = new Map<string, number>();
  const said = new Set<string>();

  const sayOnce = (carrier: string, taskId: string): void => {
    if (said.has(carrier)) return;
    said.add(carrier);
    log(`no carrier ${carrier} is known here: its tasks (${taskId} is the first) are left to other processes`);
  };

  const raise = async (
    { taskId, orderId }: Left,
    { carrier, packageId }: Pick<NotServed, 'carrier' | 'packageId'>,
    before: number,
    now: number,
  ) => {
    const order = await ports.grid.getOrder(orderId);
    const task = order?.tasks.find((one) => one.taskId === taskId);
    if (order === undefined || task === undefined) return;
    const minutes = Math.round((now - before) / 60_000);
    const message = `no process that knows carrier ${carrier} has done ${taskName(taskId)} in ${minutes} min`;
    const evidence = { carrier, code: 'NO_SERVICE', message };
    const command = { type: 'raise', kind: 'carrierOutage', packageId, evidence } as const;
    await tell({ command, step: `unserved@${before}`, isNews: true }, task, order, ports);
  };

  return {
    async leave(task, why) {
      const now = ports.clock.toGrid(ports.clock.now());
      const before = since.get(task.taskId);
      sayOnce(why.carrier, task.taskId);
      if (before !== undefined && now - before < UNSERVED_AFTER_MS) return;
      if (before !== undefined) await raise(task, why, before, now);
      since.set(task.taskId, now);
      const [oldest] = since.keys();
      if (since.size > LEFT_MAX && oldest !== undefined) since.delete(oldest);
    },
    done: (taskId) => void since.delete(taskId),
  };
}
