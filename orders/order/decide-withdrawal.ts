// Packages that rest are taken back for a better plan, which takes their place: no exception, nobody decides about it. It is refused as soon
// as somebody may be telling a ship node of one of them.
import { type Failure, failure } from '../../protocol/index.ts';
import type { Draft, NewTask } from './draft.ts';
import { PACKAGES_MAX, WITHDRAWALS_MAX } from './limits.ts';
import { SENDING, stockPayload, tasksOf, unitsIn } from './settling.ts';
import { waitingUnits } from './state.ts';
import type { CommandOf, OrderPackage, OrderState } from './types.ts';

/** The plan that takes their place is reserved by the task that this opens; their units are put back to stock before that. */
export function withdraw(state: OrderState, command: CommandOf<'withdraw'>, draft: Draft): Failure | undefined {
  const { packageIds, packages, reason, savesMinor, rules, detail, resumeAt } = command;
  const { orderId } = state;
  if (state.order === undefined) return failure('NOT_FOUND', `order ${orderId} is not captured`);
  if (state.holds.size > 0) return failure('BAD_REQUEST', `order ${orderId} is on hold`);
  // A plan whose units were cancelled meanwhile may have reserved them: its own task gives them back.
  if (waitingUnits(state) > 0 || state.plan !== undefined)
    return failure('BAD_REQUEST', `order ${orderId} is being sourced`);
  const { withdrawals: before } = state;
  if (before >= WITHDRAWALS_MAX) {
    return failure('LIMIT_EXCEEDED', `packages of order ${orderId} were withdrawn ${before} times already`);
  }
  if (state.packages.size + packages.length > PACKAGES_MAX) {
    return failure('LIMIT_EXCEEDED', `order ${orderId} would have more than ${PACKAGES_MAX} packages`);
  }
  const resting: OrderPackage[] = [];
  for (const packageId of new Set(packageIds)) {
    const one = restingPackage(state, packageId, draft.now);
    if (!('packageId' in one)) return one;
    resting.push(one);
  }
  const wrong = notTheSame(resting, packages);
  if (wrong !== undefined) return wrong;
  // Whoever withdraws them goes on at once. Units stay where they are until somebody plans them anew, so that nobody buys them meanwhile.
  const stock = resting.map((one): NewTask => {
    return { kind: 'stock', key: one.packageId, dueAt: resumeAt, payload: stockPayload(one, 'stock', unitsIn(one)) };
  });
  draft.add(
    'packagesWithdrawn',
    {
      packageIds: resting.map(({ packageId }) => packageId),
      reason,
      savesMinor,
      rules,
      packages,
      ...(detail === undefined ? {} : { detail }),
    },
    {
      opens: [...stock, { kind: 'source', dueAt: resumeAt }],
      closes: [
        ...resting.flatMap(({ packageId }) => tasksOf(state, packageId, SENDING)),
        ...tasksOf(state, '', ['source']),
      ],
    },
  );
  return undefined;
}

/** The package, or why it does not rest. */
function restingPackage(state: OrderState, packageId: string, now: number): OrderPackage | Failure {
  const one = state.packages.get(packageId);
  if (one === undefined) return failure('NOT_FOUND', `order ${state.orderId} has no package ${packageId}`);
  const refuse = (why: string): Failure => failure('BAD_REQUEST', `withdraw: ${packageId} ${why}`);
  if (one.state !== 'RESERVED') return refuse(`is ${one.state}`);
  for (const { packageId: about, state: exception } of state.exceptions.values()) {
    if (about === packageId && exception !== 'SETTLED') return refuse('has an exception');
  }
  const [taskId = ''] = tasksOf(state, packageId, ['release']);
  const task = state.tasks.get(taskId);
  // Its ship node is told before the order is: from when the task is due on, it may know of it.
  if (task?.kind !== 'release' || task.dueAt <= now) return refuse('is being released');
  return one;
}

/** A plan that is not about exactly the units that are withdrawn. */
function notTheSame(
  resting: readonly OrderPackage[],
  packages: CommandOf<'withdraw'>['packages'],
): Failure | undefined {
  const left = new Map<string, number>();
  const count = (lineId: string, sku: string, qty: number): void => {
    const key = `${lineId} ${sku}`;
    left.set(key, (left.get(key) ?? 0) + qty);
  };
  for (const { lines } of resting) for (const { lineId, sku, qty } of lines) count(lineId, sku, qty);
  for (const { lines } of packages) for (const { lineId, sku, qty } of lines) count(lineId, sku, -qty);
  const wrong = [...left].find(([, qty]) => qty !== 0);
  if (wrong === undefined) return undefined;
  return failure('BAD_REQUEST', `withdraw: the plan is about other units than the packages: ${wrong[0]}, ${wrong[1]}`);
}
