// Rows of other regions in random histories: what they say is chosen by what the actor has, as they would be real.
import { decide as decideRights, isRefusal, type PoolRow } from '../../../cluster/escrow/index.ts';
import { applyRights, poolNode } from '../pool.ts';
import type { InventoryEvent, InventoryState } from '../types.ts';
import { OTHER_REGIONS, type Step } from './arbitraries.ts';
import { REGION } from './requests.ts';

type Word = Pick<PoolRow, 'from' | 'to' | 'given' | 'seen'>;

/** What the row of the step says; undefined while there is no pool. */
export function rowOf(state: InventoryState, step: Step & { kind: 'row' }): Word | undefined {
  if (state.pool === undefined) return undefined;
  const from = OTHER_REGIONS[step.from] as string;
  const account = state.pool.accounts.find(({ region }) => region === from);
  const given = Math.max(0, (account?.taken ?? 0) + step.more);
  return { from, to: REGION, given, seen: Math.max(0, (account?.given ?? 0) + step.lost) };
}

/** Takes a row in, as the steward does; what is due has been ended. */
export function learn(state: InventoryState, row: Word, at: { now: number; epoch: number }): InventoryEvent[] {
  if (state.pool === undefined) throw new Error('there is no pool');
  const verdict = decideRights(state.pool, poolNode(state, state.pool), { op: 'learn', row });
  if (isRefusal(verdict)) throw new Error(verdict.message);
  return verdict.map((event) => applyRights(state, event, at.now, at.epoch));
}
