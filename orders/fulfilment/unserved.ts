// Tasks that ask for a carrier which this process does not know: they are left to others, who may know it. Only where nobody has done one for
// long is it an exception, for policies or people to settle. How long is counted by this process since it met the task first, and not since
// the task was due: that may be long ago because nobody was there, or the order was on hold. A booking is done or not. What is done again and
// again, or waits for a carrier's answer, stays open while others see to it, and they say nothing as long as there is no news: there the
// count begins anew with each event of the order, and is of days.
import { taskName } from '../order/task-id.ts';
import type { BookPayload } from '../order/types.ts';
import { LEFT_MAX, UNSERVED_AFTER_MS, UNSERVED_QUIET_MS } from './limits.ts';
import type { OrderRecord, Ports } from './ports.ts';
import { type NotServed, tell } from './processor.ts';

interface Left {
  readonly taskId: string;
  readonly orderId: string;
}

type Why = Pick<NotServed, 'carrier' | 'packageId'>;

/** On the grid's clock, ms: since when it is not known to have been done, and when its order is looked at next. */
interface Met {
  readonly since: number;
  readonly lookAt: number;
}

export interface LeftToOthers {
  /** Nothing was done about it. @throws what stands in the way of telling its order */
  leave(task: Left, why: Why): Promise<void>;
  done(taskId: string): void;
}

/** @param log is told of each carrier once */
export function leftToOthers(ports: Ports, log: (line: string) => void): LeftToOthers {
  const met = new Map<string, Met>();
  const said = new Set<string>();

  const sayOnce = (carrier: string, taskId: string): void => {
    if (said.has(carrier)) return;
    said.add(carrier);
    log(`no carrier ${carrier} is known here: its tasks (${taskId} is the first) are left to other processes`);
  };

  /** Since when nobody has done it, as far as is known now: told of, if that is long ago. */
  const look = async ({ taskId, orderId }: Left, why: Why, { since: metAt }: Met, now: number): Promise<number> => {
    const order = await ports.grid.getOrder(orderId, true);
    const task = order?.tasks.find((one) => one.taskId === taskId);
    if (order === undefined || task === undefined) return now;
    const { clock } = ports;
    const isBooking = isNewBooking(task);
    const since = isBooking ? metAt : Math.max(metAt, order.journey?.at(-1)?.at ?? 0);
    const isLong = isBooking || clock.fromGrid(now) - clock.fromGrid(since) >= quietMsOf(task);
    if (!isLong) return since;
    const { carrier, packageId } = why;
    const minutes = Math.round((now - since) / 60_000);
    const message = `no process that knows carrier ${carrier} has done ${taskName(taskId)} in ${minutes} min`;
    const evidence = { carrier, code: 'NO_SERVICE', message };
    const command = { type: 'raise', kind: 'carrierOutage', packageId, evidence } as const;
    await tell({ command, step: `unserved@${since}`, isNews: true }, task, order, ports);
    return now;
  };

  return {
    async leave(task, why) {
      const now = ports.clock.toGrid(ports.clock.now());
      const before = met.get(task.taskId);
      sayOnce(why.carrier, task.taskId);
      if (before !== undefined && now < before.lookAt) return;
      const since = before === undefined ? now : await look(task, why, before, now);
      met.set(task.taskId, { since, lookAt: now + UNSERVED_AFTER_MS });
      const [oldest] = met.keys();
      if (met.size > LEFT_MAX && oldest !== undefined) met.delete(oldest);
    },
    done: (taskId) => void met.delete(taskId),
  };
}

type OpenTask = OrderRecord['tasks'][number];

function isNewBooking({ kind, payload }: OpenTask): boolean {
  return kind === 'book' && (payload as unknown as BookPayload).undo === undefined;
}

function quietMsOf({ kind }: OpenTask): number {
  return kind === 'track' ? UNSERVED_QUIET_MS.track : UNSERVED_QUIET_MS.others;
}
