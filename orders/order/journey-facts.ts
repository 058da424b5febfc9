// What an order keeps of its journey for later decisions. The events themselves are kept as text by whoever hosts it, so that an
// order that is loaded for one step makes no objects of its whole past that outlive a collection.
import type { OrderDestination } from '../../protocol/index.ts';
import type { TaskKind } from './kinds.ts';

export interface JourneyFacts {
  /** The event that captured it. */
  captured: { readonly digest: number; readonly seq: number } | undefined;
  /** Of its capture, before that of what was first heard of it. */
  traceId: string | undefined;
  /** How often packages were withdrawn. */
  withdrawals: number;
  /** Since when units lack stock; undefined while none do. */
  waitingSince: number | undefined;
  /** By package that was lost, what was in it: it may come after all. */
  readonly lost: Map<string, readonly { readonly lineId: string; readonly qty: number }[]>;
  /** By reservation, units that were put back to stock without having been in a package. */
  readonly givenBack: Map<string, number>;
  /** Each change of the destination: the one before it, and how many tasks of each kind had been opened by then. */
  readonly moves: { readonly from: OrderDestination | undefined; readonly opened: ReadonlyMap<TaskKind, number> }[];
}

export function noFacts(): JourneyFacts {
  return {
    captured: undefined,
    traceId: undefined,
    withdrawals: 0,
    waitingSince: undefined,
    lost: new Map(),
    givenBack: new Map(),
    moves: [],
  };
}

/** Units that no package stood for went to stock. */
export function giveBack(
  { givenBack }: JourneyFacts,
  lines: readonly { readonly reservationId: string; readonly qty: number }[],
): void {
  for (const { reservationId, qty } of lines) givenBack.set(reservationId, (givenBack.get(reservationId) ?? 0) + qty);
}

/** Units were found to lack stock, or are no longer waited for. */
export function noteWaiting(facts: JourneyFacts, lines: Iterable<{ readonly backordered: number }>, at: number): void {
  let isAny = false;
  for (const { backordered } of lines) if (backordered > 0) isAny = true;
  facts.waitingSince = isAny ? (facts.waitingSince ?? at) : undefined;
}

/** The destination is about to change. */
export function noteMove(
  facts: JourneyFacts,
  from: OrderDestination | undefined,
  opened: ReadonlyMap<TaskKind, number>,
): void {
  facts.moves.push({ from, opened: new Map(opened) });
}

const TASK_NAME = /^([a-z]+)#([1-9]\d*)$/i;

export function isTaskName(name: string): boolean {
  return TASK_NAME.test(name);
}

/**
 * Whether the destination has changed since a task was opened.
 * @param name of the task, `book#2`
 */
export function hasMovedSince(
  { moves }: JourneyFacts,
  destination: OrderDestination | undefined,
  name: string,
): boolean {
  const [, kind, n] = TASK_NAME.exec(name) ?? [];
  const next = moves.find(({ opened }) => Number(n) <= (opened.get(kind as TaskKind) ?? 0));
  return next !== undefined && JSON.stringify(next.from) !== JSON.stringify(destination);
}
