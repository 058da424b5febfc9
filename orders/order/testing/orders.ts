// Orders of tests, and commands that fit a state: what processors, ship nodes, carriers, policies and clients might do next.
import type { OrderDocument } from '../../../protocol/index.ts';
import { execute } from '../decide.ts';
import { undoOf } from '../settling.ts';
import { createOrder } from '../state.ts';
import {
  ACTIONS,
  type Action,
  type CommandData,
  type CommandType,
  EXCEPTION_KINDS,
  type OrderCommand,
  type OrderEvent,
  type OrderReply,
  type OrderState,
  SCAN_CODES,
  type Task,
} from '../types.ts';

export const NOW = 1_790_000_000_000;
export const HOUR_MS = 3_600_000;

export function documentOf(changes: Partial<OrderDocument> = {}): OrderDocument {
  return {
    orderId: 'order-1',
    lines: [
      { lineId: '1', sku: 'mug', qty: 3, grams: 400, value: 1_900 },
      { lineId: '2', sku: 'pot', qty: 2, grams: 1_600, value: 6_900, substitutes: ['pan'] },
    ],
    destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
    promisedAt: NOW + 96 * HOUR_MS,
    ...changes,
  };
}

/** An order to talk to: each command has a requestId of its own unless it names one. */
export class Talk {
  readonly state: OrderState;
  /** The journey. */
  readonly events: OrderEvent[] = [];
  now = NOW;
  #requests = 0;

  constructor(orderId = 'order-1') {
    this.state = createOrder(orderId);
  }

  /** What the order answers, refusals included. */
  ask<T extends CommandType>(type: T, data: CommandData[T], envelope: Partial<OrderCommand> = {}) {
    const command = { type, requestId: `r${++this.#requests}`, cause: 'test', traceId: 't1', ...data, ...envelope };
    const { events, reply } = execute(this.state, command as OrderCommand, this.now);
    this.events.push(...events);
    return reply;
  }

  /** @throws with the refusal */
  tell<T extends CommandType>(type: T, data: CommandData[T], envelope: Partial<OrderCommand> = {}): OrderReply {
    const reply = this.ask(type, data, envelope);
    if (!reply.ok) throw new Error(`${type}: ${reply.code} ${reply.message}`);
    return reply;
  }

  /** The open task of a kind, about one thing where a key is given. */
  task(kind: string, key?: string): string {
    for (const task of this.state.tasks.values()) {
      if (task.kind === kind && (key === undefined || task.key === key)) return task.taskId;
    }
    throw new Error(`no open task ${kind} ${key ?? ''} among ${[...this.state.tasks.keys()].join(', ')}`);
  }

  kinds(): string[] {
    return [...this.state.tasks.values()].map(({ kind, key }) => (key === '' ? kind : `${kind} ${key}`)).sort();
  }
}

/** A captured order with one package of everything. */
export function givenAllocated(document = documentOf(), times: { releaseAt?: number } = {}): Talk {
  const talk = new Talk(document.orderId);
  talk.tell('capture', { order: document });
  const lines = [...talk.state.lines.values()].map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  allocate(talk, lines, 'chicago', times);
  return talk;
}

export function allocate(
  talk: Talk,
  waiting: readonly { lineId: string; sku: string; qty: number }[],
  node = 'chicago',
  times: { releaseAt?: number } = {},
) {
  const lines = waiting.map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  const where = {
    node,
    region: 'us-east',
    carrier: 'acme',
    service: 'ground',
    replanAt: talk.now + 8 * HOUR_MS,
    ...times,
  };
  const reserved = lines.map((line) => ({ ...line, reservationId: `1.1.us-east/${line.sku}` }));
  talk.tell(
    'allocate',
    { packages: [{ ...where, lines: reserved }], unfilled: [], retryAt: talk.now + HOUR_MS },
    { taskId: talk.task('source') },
  );
}

/** The first package as far as BOOKED. */
export function givenBooked(): Talk {
  const talk = givenAllocated();
  for (const type of ['release', 'pick', 'pack'] as const) {
    talk.tell(type, { packageId: 'p1' }, { taskId: talk.task(type, 'p1') });
  }
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' };
  talk.tell('book', { packageId: 'p1', ...booking }, { taskId: talk.task('book', 'p1') });
  return talk;
}

/** Numbers that a test draws; each says which of several. */
export type Draw = (below: number) => number;

/** A command that somebody might give next: most fit the state, some do not. */
export function someCommand(state: OrderState, draw: Draw, requestId: string): OrderCommand {
  const one = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
  const packages = [...state.packages.values()];
  const tasks = [...state.tasks.values()];
  const about = packages.length === 0 ? undefined : one(packages);
  const packageId = about?.packageId ?? 'p1';
  const taskId = tasks.length > 0 && draw(4) > 0 ? one(tasks).taskId : undefined;
  const source = tasks.find(({ kind }) => kind === 'source')?.taskId;
  const waiting = [...state.lines.values()]
    .map(({ lineId, sku, open, backordered }) => ({ lineId, sku, qty: draw(open + backordered + 1) }))
    .filter(({ qty }) => qty > 0);
  const rest = draw(2) === 0 ? { releaseAt: NOW + 100 * HOUR_MS } : {};
  const where = { node: one(['a', 'b']), region: 'r', carrier: 'acme', service: 'ground', replanAt: NOW, ...rest };
  const reserved = waiting.map((line) => ({ ...line, reservationId: '1.1.r/x' }));
  const left = [...state.lines.values()].flatMap(({ lineId, open, backordered }) => {
    const qty = open + backordered - (waiting.find((line) => line.lineId === lineId)?.qty ?? 0);
    return qty > 0 ? [{ lineId, qty }] : [];
  });
  const missing = (about?.lines ?? [])
    .filter(({ qty }) => qty > 0)
    .map(({ lineId, qty }) => ({ lineId, qty: 1 + draw(qty) }))
    .slice(0, 1 + draw(2));
  const exceptions = [...state.exceptions.values()];
  const exceptionId = exceptions.length === 0 ? 'e1' : one(exceptions).exceptionId;
  const choices: readonly { readonly [T in CommandType]?: [T, CommandData[T], (string | undefined)?] }[string &
    CommandType][] = [
    ['capture', { order: documentOf() }],
    ['hold', { holdType: one(['fraud', 'payment']), reason: 'test' }],
    ['unhold', { holdType: one(['fraud', 'payment']) }],
    [
      'expand',
      {
        bundles: 'b1',
        lines: [
          {
            lineId: one(['1', '2']),
            components: [
              { sku: 'cup', qty: 2 },
              { sku: 'jug', qty: 1 },
            ],
          },
        ],
      },
      source,
    ],
    [
      'plan',
      { attempt: 1, policy: 'all', rules: 'v1', packages: [{ ...where, lines: waiting }], unfilled: [] },
      source,
    ],
    [
      'allocate',
      {
        packages: reserved.length === 0 ? [] : [{ ...where, lines: reserved }],
        unfilled: draw(2) === 0 ? left : [],
        retryAt: NOW + HOUR_MS,
      },
      source,
    ],
    [
      'allocate',
      {
        packages: reserved.length === 0 ? [] : [{ ...where, lines: reserved }],
        unfilled: left,
        ...(draw(3) === 0 ? { unfilledTo: 'cancelled' } : {}),
        retryAt: NOW + HOUR_MS,
      },
      source,
    ],
    ['withdraw', withdrawal(state, packageId, draw)],
    ['withdraw', withdrawal(state, packageId, draw)],
    ['release', { packageId }, taskId],
    ['release', { packageId }],
    ['pick', { packageId }],
    ['shortPick', { packageId, missing, reasonCode: one(['notFound', 'damaged']) }],
    ['pack', { packageId }],
    ['reject', { packageId, reasonCode: one(['tooBusy', 'outOfStock']) }],
    ['book', { packageId, carrier: 'acme', service: 'ground', bookingId: 'b', trackingId: 't' }],
    ['reroute', { packageId, carrier: 'other', service: 'air' }, tasks.find(({ kind }) => kind === 'book')?.taskId],
    ['track', { packageId, code: one(SCAN_CODES), scannedAt: NOW + draw(10) }],
    ['track', { packageId, code: one(['pickedUp', 'delivered']), scannedAt: NOW + draw(10) }],
    [
      'raise',
      { kind: one(EXCEPTION_KINDS), ...(about === undefined || draw(3) === 0 ? {} : { packageId }), evidence: {} },
    ],
    ['settle', settlement(exceptionId, one(ACTIONS), one)],
    ['settle', settlement(exceptionId, one(ACTIONS), one)],
    ['refund', { amountMinor: 100, reference: 'ref' }, tasks.find(({ kind }) => kind === 'refund')?.taskId],
    ['done', {}, taskId],
    ['defer', { dueAt: NOW + HOUR_MS, reason: 'later' }, taskId],
    ['fail', { error: 'broken', attempts: 3 }, taskId],
    ['revive', {}, tasks.find(({ kind }) => kind === 'dead')?.taskId],
    ['changeDestination', { destination: documentOf().destination }],
  ] as never;
  const natural = tasks.length > 0 && draw(2) === 0 ? naturalNext(state, one(tasks)) : undefined;
  const [type, data, closes] = natural ?? one(choices as readonly [CommandType, object, string?][]);
  const envelope = {
    type,
    requestId,
    cause: 'test',
    traceId: 't',
    ...(closes === undefined ? {} : { taskId: closes }),
  };
  return { ...envelope, ...data } as OrderCommand;
}

const LONG_AFTER = NOW + 10_000 * HOUR_MS;

/** All that waits in one package that rests. */
function wholeAndResting(state: OrderState): CommandData['allocate'] {
  const lines = [...state.lines.values()]
    .map(({ lineId, sku, open, backordered }) => ({ lineId, sku, qty: open + backordered, reservationId: '1.1.r/x' }))
    .filter(({ qty }) => qty > 0);
  const where = { node: 'a', region: 'r', carrier: 'acme', service: 'ground', releaseAt: LONG_AFTER };
  return { packages: [{ ...where, lines }], unfilled: [], retryAt: NOW + HOUR_MS };
}

/** What a task is usually done by. */
function naturalNext(
  state: OrderState,
  { kind, key, taskId }: Task,
): readonly [CommandType, object, string?] | undefined {
  const at = { packageId: key };
  switch (kind) {
    case 'source':
      return ['allocate', wholeAndResting(state), taskId];
    case 'release':
      if (state.packages.size < 3 && (state.tasks.get(taskId)?.dueAt ?? 0) === LONG_AFTER) {
        return ['withdraw', withdrawal(state, key)];
      }
      return [kind, at, taskId];
    case 'pick':
    case 'pack':
      return [kind, at, taskId];
    case 'book': {
      const undo = undoOf(state.tasks.get(taskId));
      if (undo !== undefined && state.seq % 2 === 0) return ['done', {}, taskId];
      const bookingId = undo?.key.slice(undo.key.lastIndexOf('/') + 1) ?? 'b';
      return ['book', { ...at, carrier: 'acme', service: 'ground', bookingId, trackingId: 't' }, taskId];
    }
    case 'track':
      return [
        'track',
        { ...at, code: state.packages.get(key)?.state === 'SHIPPED' ? 'delivered' : 'pickedUp', scannedAt: NOW },
        taskId,
      ];
    case 'notify':
    case 'stock':
    case 'replan':
      return ['done', {}, taskId];
    default:
      return undefined;
  }
}

/** A package is to come from elsewhere; at times with other units than are in it. */
export function withdrawal(state: OrderState, packageId: string, draw: Draw = () => 1): CommandData['withdraw'] {
  const lines = (state.packages.get(packageId)?.lines ?? [])
    .filter(({ qty }) => qty > 0)
    .map(({ lineId, sku, qty }) => ({ lineId, sku, qty: draw(8) === 0 ? qty + 1 : qty }));
  const where = { node: 'newark', region: 'us-east', carrier: 'acme', service: 'ground' };
  return {
    packageIds: [packageId],
    packages: [{ ...where, lines }],
    reason: 'cheaper together',
    savesMinor: 250,
    rules: 'v1',
    resumeAt: NOW + HOUR_MS,
  };
}

function settlement(exceptionId: string, action: Action, one: <T>(list: readonly T[]) => T): CommandData['settle'] {
  const rest = {
    wait: { until: NOW + HOUR_MS },
    repromise: { promisedAt: NOW + 200 * HOUR_MS, notify: 'late' },
    reroute: { carrier: 'other', service: 'air' },
    upgrade: { carrier: 'other', service: 'air' },
    split: {},
    resource: {},
    substitute: { lineId: '2', sku: 'pan' },
    intercept: { unitsTo: one(['open', 'cancelled'] as const) },
    reship: {},
    cancel: { amountMinor: one([0, 500]) },
    refund: { amountMinor: 500 },
    escalate: {},
  }[action];
  return { exceptionId, action, ...rest };
}
