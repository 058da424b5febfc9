// The requestIds by which a plan is reserved, committed and given back: whoever goes on with a plan after a crash asks under the same, and
// the order knows by them which task asked.
import type { Plan } from './types.ts';

type Attempt = Pick<Plan, 'taskId' | 'attempt'>;

/** `order-1/source#2`, attempt 1 → `source#2:1` to reserve, `source#2:1:c` to commit, `source#2:1:r` to give back. */
export function planRequests({ taskId, attempt }: Attempt) {
  const reserve = `${taskId.slice(taskId.lastIndexOf('/') + 1)}:${attempt}`;
  return { reserve, commit: `${reserve}:c`, release: `${reserve}:r` };
}
