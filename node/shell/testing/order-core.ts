// A small order for tests of what hosts orders: captured with a task `source`, and commands that close tasks, open others and break it.
import {
  failure,
  type Json,
  type OrderAnswer,
  type OrderAsk,
  type OrderContext,
  type OrderCore,
  type OrderDocument,
  type OrderEvent,
  type OrderTask,
} from '../../../protocol/index.ts';

interface TestEvent extends OrderEvent {
  readonly order?: OrderDocument;
  readonly closes?: string;
  readonly opens?: readonly OrderTask[];
  readonly breaks?: boolean;
}

interface TestOrder {
  readonly orderId: string;
  readonly order: OrderDocument | undefined;
  readonly capturedAt: number;
  readonly tasks: readonly OrderTask[];
  /** Tasks that were ever opened. */
  readonly opened: number;
  /** Of each requestId that led to an event: what was answered. */
  readonly answers: ReadonlyMap<string, string>;
  readonly isBroken: boolean;
}

/** A command of a test: closes a task, opens others, or breaks the order. */
interface TestCommand {
  readonly closes?: string;
  readonly opens?: readonly { readonly kind: string; readonly dueAt?: number; readonly payload?: Json }[];
  readonly breaks?: boolean;
}

export const testOrderCore: OrderCore<TestOrder, TestEvent> = {
  create: (orderId) => ({
    orderId,
    order: undefined,
    capturedAt: 0,
    tasks: [],
    opened: 0,
    answers: new Map(),
    isBroken: false,
  }),
  decide: (state, ask, context) =>
    ask.op === 'capture' ? capture(state, ask.order, context) : advance(state, ask, context),
  evolve: (state, event) => {
    const opens = event.opens ?? [];
    return {
      ...state,
      order: event.order ?? state.order,
      capturedAt: event.order === undefined ? state.capturedAt : event.at,
      tasks: [...state.tasks.filter(({ taskId }) => taskId !== event.closes), ...opens],
      opened: state.opened + opens.length,
      answers: new Map([...state.answers, [event.requestId, event.type]]),
      isBroken: state.isBroken || event.breaks === true,
    };
  },
  assertInvariants: ({ isBroken, orderId }) => {
    if (isBroken) throw new Error(`order ${orderId} is broken`);
  },
  openTasks: ({ tasks }) => tasks,
  status: ({ order, tasks }) => (order === undefined ? 'NONE' : tasks.length === 0 ? 'DONE' : 'OPEN'),
  document: ({ order }) => order,
  detail: ({ opened }) => ({ opened }),
};

function capture(state: TestOrder, order: OrderDocument, context: OrderContext) {
  if (state.order !== undefined) {
    if (JSON.stringify(state.order) !== JSON.stringify(order)) {
      return {
        events: [],
        reply: failure('IDEMPOTENCY_CONFLICT', `order ${order.orderId} was captured with another document`),
      };
    }
    const reply: OrderAnswer = { ok: true, status: 'OPEN', replayed: true, result: { capturedAt: state.capturedAt } };
    return { events: [], reply };
  }
  const source = { kind: 'source', payload: { lines: order.lines.length } };
  const event: TestEvent = {
    ...envelope('captured', 'capture', context),
    order,
    opens: tasksOf(state, [source], context.now),
  };
  return { events: [event], reply: { ok: true as const, result: { capturedAt: context.now } } };
}

function advance(state: TestOrder, ask: OrderAsk & { op: 'advance' }, context: OrderContext) {
  const { orderId } = state;
  if (state.order === undefined)
    return { events: [], reply: failure('NOT_FOUND', `order ${orderId} was not captured`) };
  if (state.answers.has(context.requestId)) {
    return { events: [], reply: { ok: true as const, status: testOrderCore.status(state), replayed: true as const } };
  }
  const { closes, opens = [], breaks } = ask.command as unknown as TestCommand;
  if (closes !== undefined && !state.tasks.some(({ taskId }) => taskId === closes)) {
    return { events: [], reply: failure('BAD_REQUEST', `task ${closes} is not open`) };
  }
  const event: TestEvent = {
    ...envelope(ask.command.type, closes === undefined ? 'client' : `task:${closes}`, context),
    ...(closes !== undefined && { closes }),
    ...(breaks !== undefined && { breaks }),
    opens: tasksOf(state, opens, context.now),
  };
  return { events: [event], reply: { ok: true as const } };
}

function envelope(type: string, cause: string, { now, seq, requestId, traceId }: OrderContext): OrderEvent {
  return { type, at: now, seq: seq + 1, requestId, cause, traceId };
}

function tasksOf(state: TestOrder, tasks: TestCommand['opens'], now: number): readonly OrderTask[] {
  return (tasks ?? []).map(({ kind, dueAt = now, payload = null }, n) => ({
    taskId: `${state.orderId}/${kind}#${state.opened + n + 1}`,
    kind,
    dueAt,
    key: kind,
    payload,
  }));
}
