// What each verb may do to a reservation in each state: the whole table, so that a missing cell does not compile.
import type { ReservationState } from '../../protocol/index.ts';

export type ReservationVerb = 'extend' | 'commit' | 'release' | 'ship' | 'expire';

/**
 * apply: the verb changes it. ended: refused with the state it ended in. early: refused, another verb comes first.
 * ignore: nothing to do.
 */
export type Cell = 'apply' | 'ended' | 'early' | 'ignore';

export const TRANSITIONS: Record<ReservationState, Record<ReservationVerb, Cell>> = {
  RESERVED: { extend: 'apply', commit: 'apply', release: 'apply', ship: 'early', expire: 'apply' },
  COMMITTED: { extend: 'ended', commit: 'ended', release: 'ended', ship: 'apply', expire: 'ignore' },
  RELEASED: { extend: 'ended', commit: 'ended', release: 'ended', ship: 'ended', expire: 'ignore' },
  EXPIRED: { extend: 'ended', commit: 'ended', release: 'ended', ship: 'ended', expire: 'ignore' },
};
