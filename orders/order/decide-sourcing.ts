// From open units to packages: bundles become their components, a plan is a proposal, which moves nothing; what was reserved by it becomes packages, and what could
// not be had is backordered, with an exception about it.
import { type Failure, failure } from '../../protocol/index.ts';
import type { Draft, NewTask, Part } from './draft.ts';
import { PACKAGES_MAX } from './limits.ts';
import { componentLines, wrongLines } from './lines.ts';
import { linesOfOrder, noticeOf } from './notice.ts';
import { openException } from './opening.ts';
import { committedByPlan } from './plan-requests.ts';
import { payBack, settleAbout, tasksOf } from './settling.ts';
import { waitingUnits } from './state.ts';
import type { CommandOf, EventData, OrderLine, OrderState, StockPayload, Units } from './types.ts';
import { refundable } from './worth.ts';

interface SourcingParts {
  readonly expand: Part<'expand'>;
  readonly plan: Part<'plan'>;
  readonly allocate: Part<'allocate'>;
}

export const decideSourcing: SourcingParts = {
  expand: (state, { taskId, bundles, lines }, draft) => {
    if (taskId === undefined) return failure('BAD_REQUEST', 'expand: says which task source it is for, by taskId');
    if (state.plan !== undefined) return failure('BAD_REQUEST', 'expand: a plan has been made already');
    const components = new Map(lines.map((line) => [line.lineId, line.components]));
    const expanded: EventData['expanded']['lines'][number][] = [];
    for (const [lineId, of] of components) {
      const line = state.lines.get(lineId);
      if (line === undefined) return failure('BAD_REQUEST', `there is no line ${lineId}`);
      const isUntouched = line.bundle === undefined && line.open === line.qty;
      if (!isUntouched) return failure('BAD_REQUEST', `line ${lineId} is a component, or was sourced before`);
      expanded.push({ lineId, sku: line.sku, qty: line.qty, components: of });
    }
    const after = [...state.lines.values()].flatMap((line) => {
      const of = components.get(line.lineId);
      return of === undefined ? [line] : componentLines(line, of, true);
    });
    const wrong = wrongLines(after);
    if (wrong !== undefined) return failure('BAD_REQUEST', `expand: ${wrong}`);
    draft.keepTask();
    draft.add('expanded', { bundles, exact: true, lines: expanded });
    return undefined;
  },
  plan: (state, command, draft) => {
    const { taskId, attempt, policy, packages, unfilled, rules, explanation } = command;
    if (taskId === undefined || state.tasks.get(taskId)?.kind !== 'source') {
      return failure('BAD_REQUEST', 'plan: says which task source it is for, by taskId');
    }
    if (committedByPlan(state).length > 0) {
      return failure('BAD_REQUEST', `plan: that of order ${state.orderId} is committed, and is allocated first`);
    }
    const wrong = moreThanWaits(state, [...packages.flatMap(({ lines }) => lines), ...unfilled]);
    if (wrong !== undefined) return wrong;
    draft.keepTask();
    const plan = { taskId, attempt, policy, packages, unfilled, rules };
    draft.add('sourced', explanation === undefined ? plan : { ...plan, explanation });
    return undefined;
  },
  allocate: (state, command, draft) => {
    const { taskId, unfilled, unfilledTo, retryAt, why } = command;
    if (taskId === undefined || state.tasks.get(taskId)?.kind !== 'source') {
      return failure('BAD_REQUEST', 'allocate: says which task source it is for, by taskId');
    }
    const named = new Set(command.packages.flatMap(({ lines }) => lines.map(({ reservationId }) => reservationId)));
    const left = committedByPlan(state).find(({ reservationId }) => !named.has(reservationId));
    if (left !== undefined) {
      return failure('BAD_REQUEST', `allocate: ${left.reservationId} is committed by the plan, and would be left over`);
    }
    if (state.packages.size + command.packages.length > PACKAGES_MAX) {
      return failure('LIMIT_EXCEEDED', `order ${state.orderId} would have more than ${PACKAGES_MAX} packages`);
    }
    const unknown = command.packages.flatMap(({ lines }) => lines).find(({ lineId }) => !state.lines.has(lineId));
    if (unknown !== undefined) return failure('BAD_REQUEST', `there is no line ${unknown.lineId}`);
    // What is no longer wanted since it was planned (cancelled, substituted) goes back to stock.
    const { packages, excess } = fitted(state, command.packages);
    const planned = packages.flatMap(({ lines }) => lines);
    const wrong = moreThanWaits(state, [...planned, ...unfilled]);
    if (wrong !== undefined) return wrong;
    const short = unfilled.filter(({ qty }) => qty > 0).map(({ lineId, qty }) => ({ lineId, qty }));
    if (command.packages.length + short.length === 0) {
      return failure('BAD_REQUEST', 'allocate: neither packages nor units that lack');
    }
    // One task sources whatever waits. What became open since the plan was made does not wait for the backorder.
    const isAnother = waitingUnits(state) - sum(planned) - sum(short) > 0;
    const opens: NewTask[] = packages.flatMap(({ packageId, replanAt, releaseAt = draft.now }) => [
      { kind: 'release', key: packageId, dueAt: Math.max(releaseAt, draft.now) },
      ...(replanAt === undefined ? [] : [{ kind: 'replan', key: packageId, dueAt: replanAt } as const]),
    ]);
    if (excess.length > 0)
      opens.push({ kind: 'stock', payload: { to: 'stock', lines: excess } satisfies StockPayload });
    const isGivenUp = unfilledTo === 'cancelled';
    const isShort = short.length > 0 && !isGivenUp;
    if (isAnother || isShort) opens.push({ kind: 'source', dueAt: isAnother ? draft.now : retryAt });
    const tasks = { opens, closes: tasksOf(state, '', ['source']) };
    const isAllocating = command.packages.length > 0;
    if (isAllocating) draft.add('allocated', { packages }, tasks);
    // Nothing waits any more, so there is nothing to decide about it.
    if (!isAnother && !isShort) settleAbout(state, draft, 'sourced', ({ kind }) => kind === 'backorder');
    if (short.length > 0 && isGivenUp) giveUp(state, draft, short, isAllocating ? {} : tasks);
    if (isShort) {
      // Units that were backordered before stay so, and nobody has to decide on them again.
      const newly = neverBackordered(state, planned, short);
      draft.add('backordered', { lines: newly }, isAllocating ? {} : tasks);
      if (newly.length > 0) openException(state, draft, { kind: 'backorder', evidence: { ...why, lines: short } });
    }
    return undefined;
  },
};

/** Units are not sent: their customer hears of it, and what they are worth is paid back, once it is paid. */
function giveUp(
  state: OrderState,
  draft: Draft,
  lines: readonly Units[],
  { opens = [], closes = [] }: { readonly opens?: readonly NewTask[]; readonly closes?: readonly string[] },
): void {
  const worth = lines.reduce((total, { lineId, qty }) => total + qty * (state.lines.get(lineId)?.value ?? 0), 0);
  const amountMinor = state.holds.has('payment') ? 0 : Math.min(worth, refundable(state));
  const payload = noticeOf(state, { about: 'notSent', lines: linesOfOrder(state, lines), amountMinor });
  const told: NewTask = { kind: 'notify', payload };
  draft.add('linesCancelled', { lines, reason: 'noStock' }, { opens: [...opens, told], closes });
  payBack(draft, amountMinor);
}

type Allocated = EventData['allocated']['packages'];

/** The packages with no more units than wait of each line, and the rest. */
function fitted(
  state: OrderState,
  packages: CommandOf<'allocate'>['packages'],
): { readonly packages: Allocated; readonly excess: StockPayload['lines'] } {
  const waits = new Map([...state.lines.values()].map(({ lineId, open, backordered }) => [lineId, open + backordered]));
  const excess: StockPayload['lines'][number][] = [];
  const fitting = packages.map(({ lines, ...one }) => ({
    ...one,
    lines: lines.flatMap((line) => {
      const isWanted = mayBe(state.lines.get(line.lineId), line.sku);
      const qty = isWanted ? Math.min(line.qty, waits.get(line.lineId) ?? 0) : 0;
      waits.set(line.lineId, (waits.get(line.lineId) ?? 0) - qty);
      if (qty < line.qty) {
        const { reservationId, sku } = line;
        excess.push({ reservationId, sku, region: one.region, node: one.node, qty: line.qty - qty });
      }
      return qty === 0 ? [] : [{ ...line, qty }];
    }),
  }));
  const first = state.packages.size + 1;
  const made = fitting
    .filter(({ lines }) => lines.length > 0)
    .map((one, index) => ({ ...one, packageId: `p${first + index}` }));
  return { packages: made, excess };
}

/** A line is sent as what it is, or as what its customer takes instead. */
function mayBe(line: OrderLine | undefined, sku: string): boolean {
  return line !== undefined && (line.sku === sku || line.substitutes.includes(sku));
}

/** Lines or SKUs that the order does not have, and units that do not wait to be sourced. */
function moreThanWaits(
  state: OrderState,
  lines: readonly { readonly lineId: string; readonly sku?: string; readonly qty: number }[],
): Failure | undefined {
  const asked = new Map<string, number>();
  for (const { lineId, sku, qty } of lines) {
    const line = state.lines.get(lineId);
    if (line === undefined) return failure('BAD_REQUEST', `there is no line ${lineId}`);
    if (sku !== undefined && !mayBe(line, sku)) {
      return failure('BAD_REQUEST', `line ${lineId} is ${line.sku}, and ${sku} is no substitute of it`);
    }
    asked.set(lineId, (asked.get(lineId) ?? 0) + qty);
    const waits = line.open + line.backordered;
    const total = asked.get(lineId) ?? 0;
    if (total > waits) return failure('BAD_REQUEST', `line ${lineId} has ${waits} units to be sourced, not ${total}`);
  }
  return undefined;
}

function neverBackordered(state: OrderState, planned: readonly Units[], short: readonly Units[]): Units[] {
  return short.flatMap(({ lineId, qty }) => {
    const allocated = sum(planned.filter((line) => line.lineId === lineId));
    const stillOpen = Math.max(0, (state.lines.get(lineId)?.open ?? 0) - allocated);
    const moved = Math.min(qty, stillOpen);
    return moved === 0 ? [] : [{ lineId, qty: moved }];
  });
}

function sum(lines: readonly Units[]): number {
  return lines.reduce((total, { qty }) => total + qty, 0);
}
