// How an order is told about its reservations, and what it wants of the grid for them: commands of the grid's coordinator in, errands and
// the client's answer out. What they come to is decided in orders/reservations; this puts it into the order's journey.
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import {
  type Failure,
  failure,
  type Json,
  type OrderContext,
  type OrderDecision,
  type ReserveOrderRequest,
  type OrderCommand as WireCommand,
} from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import * as saga from '../reservations/index.ts';
import { beyondBounds, roomToEnd } from './bounds.ts';
import { Draft } from './draft.ts';
import { ISSUES_MAX } from './limits.ts';
import { committedByPlan, planRequests, reserveKey } from './plan-requests.ts';
import { tasksOf } from './settling.ts';
import { taskCause } from './task-id.ts';
import type { CommandEnvelope, EventData, EventEnvelope, OrderEvent, OrderState } from './types.ts';

/**
 * Whoever drives an attempt has finished long before; if it has died, others take it up by this task, ms after the last step.
 */
const RESUMED_AFTER_MS = 3_000;
/** What its tasks are about. */
const KEY = 'reservations';

const failed = z.object({
  ok: z.literal(false),
  code: z.string(),
  message: z.string(),
  retriable: z.boolean(),
  state: z.enum(['COMMITTED', 'RELEASED', 'EXPIRED']).optional(),
});
const succeeded = z.object({
  ok: z.literal(true),
  reservationId: z.string().optional(),
  qty: z.int().optional(),
  node: z.string().optional(),
  parts: z.array(z.object({ node: z.string(), qty: z.int() })).optional(),
  expiresAt: z.int().optional(),
});
const done = z.strictObject({
  claim: z.int().min(0),
  op: z.enum(['reserve', 'commit', 'release']),
  outcome: z.union([succeeded, failed]),
});
const taskId = z.string().optional();
const about = z.strictObject({
  op: z.enum(['reserveOrder', 'commitOrder', 'releaseOrder']),
  taskId,
  requestId: z.string(),
});

const SCHEMA = z.discriminatedUnion('step', [
  z.strictObject({
    type: z.literal('reservations'),
    step: z.literal('reserve'),
    taskId,
    request: z.looseObject({}),
  }),
  z.strictObject({
    type: z.literal('reservations'),
    step: z.literal('outcomes'),
    attempt: z.int().min(1),
    outcomes: z.array(done),
    about: about.optional(),
  }),
  z.strictObject({ type: z.literal('reservations'), step: z.literal('commit'), taskId }),
  z.strictObject({ type: z.literal('reservations'), step: z.literal('release'), taskId }),
  z.strictObject({ type: z.literal('reservations'), step: z.literal('ask'), reservationId: z.string() }),
  z.strictObject({ type: z.literal('reservations'), step: z.literal('lapse') }),
]);
type Step = z.infer<typeof SCHEMA>;

/** What made it happen (I17). */
function causeOf(step: Step): string {
  switch (step.step) {
    case 'reserve':
    case 'commit':
    case 'release':
      return whoAsks(step.taskId);
    case 'outcomes':
    case 'ask':
      return `grid:${step.step}`;
    case 'lapse':
      return 'task:reservation';
    default:
      return step satisfies never;
  }
}

/** A task of the order, or a client of its own accord. */
function whoAsks(task: string | undefined): string {
  return task === undefined ? 'client' : taskCause(task);
}

/**
 * A task reserves, commits and gives back by the plan that the order has, and by no other: what one that is closed, or an older plan, would
 * reserve nobody would allocate. What it asked before is answered as before.
 */
function refuseTask(state: OrderState, step: Step, requestId: string): Failure | undefined {
  if (!('taskId' in step) || step.taskId === undefined) return undefined;
  const { taskId: task } = step;
  const key = saga.requestKey({ cause: taskCause(task), requestId });
  const isBefore = (one: saga.Attempt): boolean => [one.askedBy, one.committedBy, one.abandonedBy].includes(key);
  if (state.saga.attempts.some(isBefore)) return undefined;
  if (!state.tasks.has(task)) {
    return failure('NOT_FOUND', `task ${task} is not open: what it asked for is done, or no longer wanted`);
  }
  const { plan } = state;
  const isOfPlan = plan?.taskId === task && planRequests(plan)[step.step] === requestId;
  // One that is withdrawn is given back; what was committed of it is allocated.
  const isWanted = step.step === 'release' || plan?.isWithdrawn === false || committedByPlan(state).length > 0;
  if (isOfPlan && isWanted) return undefined;
  return failure('NOT_FOUND', `${requestId} is not of the plan that order ${state.orderId} has now: look at it again`);
}

export function isAboutReservations({ type }: WireCommand): boolean {
  return type === 'reservations';
}

/** Decides on a command `reservations`. Answers are in the result: see ReservationsResult in protocol/order-errands.ts. */
export function decideReservations(
  state: OrderState,
  command: WireCommand,
  ctx: OrderContext,
): OrderDecision<OrderEvent> {
  const read = SCHEMA.safeParse(command);
  if (!read.success) {
    const issues = read.error.issues.slice(0, ISSUES_MAX);
    return refuse(
      failure('BAD_REQUEST', issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')),
    );
  }
  const told = commandsOf(state, read.data, ctx);
  if ('ok' in told) return refuse(told);
  const { requestId } = ctx;
  const { step } = read.data;
  const cause = causeOf(read.data);
  const notOfPlan = refuseTask(state, read.data, requestId);
  if (notOfPlan !== undefined) return refuse(notOfPlan);
  // Whoever takes the step, client or grid, has no trace of its own: all of them are of the order's.
  const traceId = state.traceId ?? ctx.traceId;
  const envelope: CommandEnvelope = { requestId, cause, traceId };
  const draft = new Draft(state, envelope, crc32(JSON.stringify(command)), ctx.now);
  // What comes of it while it is decided: nothing else of the order changes by what its reservations do.
  const after: OrderState = { ...state, saga: saga.forkSaga(state.saga) };
  const place = { orderId: state.orderId, region: ctx.region, now: draft.now, requestId, cause };
  const news: saga.SagaEvent[] = [];
  let asked: saga.AskAnswer | undefined;
  for (const one of told) {
    const decision = saga.decide(after.saga, one, place);
    if (decision.refusal !== undefined) return refuse(decision.refusal);
    asked = decision.asked ?? asked;
    for (const event of decision.events) saga.evolve(after.saga, event);
    news.push(...decision.events);
  }
  addEvents(state, after, draft, news);
  // Room for what a plan reserves was kept when it was made.
  const isPlanned = state.plan !== undefined && reserveKey(state.plan) === saga.requestKey({ cause, requestId });
  const room = step === 'reserve' && !isPlanned ? roomToEnd(state) : 0;
  const beyond = beyondBounds(state, room, 'reservations', draft.events);
  if (beyond !== undefined) return refuse(beyond);
  const outcome = outcomeOf(after, read.data, requestId, draft.events.length === 0);
  const errands = saga.errandsOf(after.saga, place);
  const result = {
    attempt: after.saga.attempts.length,
    errands: errands.map(({ claim, request }) => ({ claim, request: wireOf(request) })),
    ...(outcome === undefined ? {} : { outcome }),
    ...(asked === undefined ? {} : { asked }),
  };
  return { events: draft.events, reply: { ok: true, result: result as unknown as Json } };
}

function commandsOf(state: OrderState, step: Step, ctx: OrderContext): readonly saga.SagaCommand[] | Failure {
  switch (step.step) {
    case 'reserve': {
      const { request } = parseRequest({ ...step.request, op: 'reserveOrder' }, false);
      if ('ok' in request) return request;
      return [{ type: 'reserve', body: bodyOf(request as ReserveOrderRequest, ctx) }];
    }
    case 'outcomes': {
      const { attempt } = step;
      const { answers, ends } = saga.resultsOf(step.outcomes as unknown as readonly saga.ErrandOutcome[]);
      return [
        { type: 'answer', attempt, answers },
        ...(ends.length === 0 ? [] : [{ type: 'end' as const, attempt, ends }]),
      ];
    }
    case 'ask':
      return [{ type: 'ask', reservationId: step.reservationId }];
    case 'commit':
    case 'release':
      return [{ type: step.step, of: planOf(state, step) }];
    case 'lapse':
      return [{ type: 'lapse' }];
    default:
      return step satisfies never;
  }
}

/** The key of what a task's plan has reserved; undefined for a client, who ends what was reserved last. */
function planOf({ plan }: OrderState, step: Step): string | undefined {
  const isOfTask = 'taskId' in step && step.taskId !== undefined && step.taskId === plan?.taskId;
  return isOfTask ? reserveKey(plan) : undefined;
}

function bodyOf(request: ReserveOrderRequest, { region }: OrderContext): saga.AttemptBody {
  const { policy, ttlMs, owner, channel, regions = [region], lines } = request;
  return { policy, ttlMs, ...(owner && { owner }), ...(channel && { channel }), regions, lines };
}

/** With the last event the task follows that takes the attempt on, should whoever drives it die. */
function addEvents(before: OrderState, after: OrderState, draft: Draft, events: readonly saga.SagaEvent[]): void {
  for (const [i, { type, ...data }] of events.entries()) {
    // The envelope has them.
    const { requestId: _requestId, cause: _cause, at: _at, ...fields } = data as Partial<EventEnvelope>;
    const isLast = i === events.length - 1;
    draft.add(type, fields as EventData[typeof type], isLast ? taskOf(before, after, draft) : {});
  }
}

function taskOf(before: OrderState, after: OrderState, draft: Draft) {
  const last = after.saga.attempts.at(-1);
  const closes = tasksOf(before, KEY, ['reservation']);
  if (last === undefined) return {};
  if (saga.isSettled(last.state)) return { closes };
  const isBusy = saga.errandsOf(after.saga, { orderId: after.orderId, region: '' }).length > 0;
  const dueAt = isBusy ? draft.now + RESUMED_AFTER_MS : last.deadlineAt;
  return { closes, opens: [{ kind: 'reservation' as const, key: KEY, dueAt }] };
}

/** What the client is told whose request this is, or is about. */
function outcomeOf(state: OrderState, step: Step, requestId: string, isNothingNew: boolean) {
  const asked = aboutOf(step, requestId);
  if (asked === undefined) return undefined;
  const { orderId } = state;
  if (asked.op === 'reserveOrder') {
    const reply = saga.reserveReply(state.saga, orderId, asked.key);
    const isBefore = isNothingNew && state.saga.attempts.some(({ askedBy }) => askedBy === asked.key);
    return reply && isBefore ? { ...reply, replayed: true } : reply;
  }
  const end = saga.endReply(state.saga, orderId, asked.key, {
    op: asked.op === 'commitOrder' ? 'commit' : 'release',
    of: planOf(state, step),
  });
  return isNothingNew && step.step !== 'outcomes' ? { ...end, replayed: true } : end;
}

interface Asked {
  readonly op: z.infer<typeof about>['op'];
  /** Of the request. */
  readonly key: string;
}

function aboutOf(step: Step, requestId: string): Asked | undefined {
  const keyOf = (one: { readonly taskId?: string | undefined; readonly requestId: string }): string =>
    saga.requestKey({ cause: whoAsks(one.taskId), requestId: one.requestId });
  switch (step.step) {
    case 'reserve':
    case 'commit':
    case 'release':
      return { op: `${step.step}Order`, key: keyOf({ taskId: step.taskId, requestId }) };
    case 'outcomes':
      return step.about && { op: step.about.op, key: keyOf(step.about) };
    case 'ask':
    case 'lapse':
      return undefined;
    default:
      return step satisfies never;
  }
}

/** As a client would send it. */
function wireOf(request: saga.Errand['request']): Json {
  return Object.fromEntries(
    Object.entries(request).filter(([field, value]) => field !== 'ref' && value !== undefined),
  ) as Json;
}

function refuse(reply: Failure): OrderDecision<OrderEvent> {
  return { events: [], reply };
}
