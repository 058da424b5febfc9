// The requestIds by which a plan is reserved, committed and given back: whoever goes on with a plan after a crash asks under the same, and
// the order knows by them which task asked, for which of its plans.
import * as saga from '../reservations/index.ts';
import { taskCause, taskName } from './task-id.ts';
import type { OrderState, Plan, StockPayload } from './types.ts';

type Attempt = Pick<Plan, 'taskId' | 'attempt'>;

/** `order-1/source#2`, attempt 1 → `source#2:1` to reserve, `source#2:1:c` to commit, `source#2:1:r` to give back. */
export function planRequests({ taskId, attempt }: Attempt) {
  const reserve = `${taskName(taskId)}:${attempt}`;
  return { reserve, commit: `${reserve}:c`, release: `${reserve}:r` };
}

/** The key (orders/reservations/request-key.ts) of the request by which a plan is reserved. */
export function reserveKey(plan: Attempt): string {
  return saga.requestKey({ cause: taskCause(plan.taskId), requestId: planRequests(plan).reserve });
}

/** What the order's plan has committed: in no package yet, and in no other place. */
export function committedByPlan({ plan, saga: made }: Pick<OrderState, 'plan' | 'saga'>): StockPayload['lines'] {
  const attempt = plan && saga.attemptOf(made, reserveKey(plan));
  return attempt === undefined ? [] : saga.committedOf(attempt);
}
