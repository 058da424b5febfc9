// The only way a pool changes, live and in replay. It mutates what its actor owns and reads nothing else: the same
// events give the same state. Totals are in the events, not differences, so that a record shows the matrix as it was.
import { accountOf, type PoolAccount, type PoolPosition, type PoolState, rightsOf } from './state.ts';

/** Units were put into the pool here, or, negative, taken out of it for good. */
export interface MintedEvent {
  readonly type: 'minted';
  readonly qty: number;
}

/** Rights were given to a region: R[here][to] is `total` now. */
export interface TransferredEvent {
  readonly type: 'transferred';
  readonly to: string;
  readonly total: number;
}

/** A donor's row says that R[from][here] is `total`. */
export interface CreditedEvent {
  readonly type: 'credited';
  readonly from: string;
  readonly total: number;
}

/** A region has been given more than this journal says: the journal lost its tail. R[here][to] is `total` again. */
export interface ConcededEvent {
  readonly type: 'conceded';
  readonly to: string;
  readonly total: number;
}

export type PoolEvent = MintedEvent | TransferredEvent | CreditedEvent | ConcededEvent;

/** Applies one event to the region's accounts and to the position that holds its rights. */
export function evolve(pool: PoolState, position: PoolPosition, event: PoolEvent): void {
  switch (event.type) {
    case 'minted':
      pool.minted += event.qty;
      settle(position, event.qty);
      return;
    case 'transferred':
    case 'conceded': {
      const account = openAccount(pool, event.to);
      settle(position, account.given - event.total);
      account.given = event.total;
      return;
    }
    case 'credited': {
      const account = openAccount(pool, event.from);
      settle(position, event.total - account.taken);
      account.taken = event.total;
      return;
    }
    default:
      event satisfies never;
  }
}

/**
 * Changes received − shortfall by `change`. What comes in pays off the shortfall first; what goes out beyond the rights
 * held, which only a concession can, becomes shortfall and is written off as reservations end.
 */
function settle(position: PoolPosition, change: number): void {
  const ofShortfall = change > 0 ? Math.min(change, position.shortfall) : Math.min(0, change + rightsOf(position));
  position.shortfall -= ofShortfall;
  position.received += change - ofShortfall;
}

function openAccount(pool: PoolState, region: string): PoolAccount {
  const existing = accountOf(pool, region);
  if (existing !== undefined) return existing;
  const account: PoolAccount = { region, given: 0, taken: 0 };
  const after = pool.accounts.findIndex((other) => other.region > region);
  pool.accounts.splice(after < 0 ? pool.accounts.length : after, 0, account);
  return account;
}
