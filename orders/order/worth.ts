// What an order is worth as it was paid, and how much of that may still be paid back.
import type { OrderDocument } from '../../protocol/index.ts';
import type { OrderPackage, OrderState, Task } from './types.ts';

/** Σ qty × value of its lines, minor units; undefined where a line does not say its value. Inexact beyond 2^53. */
export function worthOf({ lines }: OrderDocument): number | undefined {
  let worth = 0;
  for (const { qty, value } of lines) {
    if (value === undefined) return undefined;
    worth += qty * value;
  }
  return worth;
}

/** What may still be paid back, minor units: without what was, and what open or dead tasks will. Where worth is not said, what can be counted. */
export function refundable({ order, refundedMinor, tasks }: OrderState): number {
  const worth = (order && worthOf(order)) ?? Number.MAX_SAFE_INTEGER;
  let left = worth - refundedMinor;
  for (const task of tasks.values()) left -= refundOfTask(task);
  return Math.max(0, left);
}

/** What may still be paid back for a package, minor units, without what of it is sourced anew; where worth is not said, what can be counted. */
export function refundableFor({ order, lines }: OrderState, { lines: packed, paidBackMinor }: OrderPackage): number {
  if (order === undefined || worthOf(order) === undefined) return Number.MAX_SAFE_INTEGER;
  const worth = packed.reduce(
    (sum, { lineId, allocated, elsewhere = 0 }) => sum + (allocated - elsewhere) * (lines.get(lineId)?.value ?? 0),
    0,
  );
  return Math.max(0, worth - paidBackMinor);
}

/** All of it: it is its shop's again, wherever it is. */
export function isPaidBack(state: OrderState, one: OrderPackage): boolean {
  return one.paidBackMinor > 0 && refundableFor(state, one) === 0;
}

/** What was cancelled and not paid back, minor units: it is owed where the payment for it goes through afterwards. */
export function owedFor(state: OrderState): number {
  let cancelled = 0;
  for (const one of state.lines.values()) cancelled += one.cancelled * one.value;
  const worth = (state.order && worthOf(state.order)) ?? Number.MAX_SAFE_INTEGER;
  return Math.max(0, cancelled - (worth - refundable(state)));
}

/** What a task pays back, minor units; 0 for one that does not. */
export function refundOfTask({ kind, payload }: Pick<Task, 'kind' | 'payload'>): number {
  if (kind === 'dead') return refundOfTask(payload as unknown as Task);
  return kind === 'refund' ? (payload as { amountMinor: number }).amountMinor : 0;
}
