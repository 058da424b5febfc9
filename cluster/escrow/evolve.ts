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
      if (event.qty > 0) takeIn(position, event.qty);
      else position.received += event.qty;
      return;
    case 'transferred': {
      const account = openAccount(pool, event.to);
      // More than is held is no shortfall but a defect: the assertion that follows stops the actor.
      position.received -= event.total - account.given;
      account.given = event.total;
      return;
    }
    case 'conceded': {
      const account = openAccount(pool, event.to);
      concede(position, event.total - account.given);
      account.given = event.total;
      return;
    }
    case 'credited': {
      const account = openAccount(pool, event.from);
      takeIn(position, event.total - account.taken);
      account.taken = event.total;
      return;
    }
    default:
      event satisfies never;
  }
}

/** What comes in pays off the shortfall first. */
function takeIn(position: PoolPosition, qty: number): void {
  const paidOff = Math.min(qty, position.shortfall);
  position.shortfall -= paidOff;
  position.received += qty - paidOff;
}

/** What was given beyond the rights held, which nobody knew, is written off as reservations end. */
function concede(position: PoolPosition, qty: number): void {
  const held = Math.min(qty, rightsOf(position));
  position.received -= held;
  position.shortfall += qty - held;
}

function openAccount(pool: PoolState, region: string): PoolAccount {
  const existing = accountOf(pool, region);
  if (existing !== undefined) return existing;
  const account: PoolAccount = { region, given: 0, taken: 0 };
  const after = pool.accounts.findIndex((other) => other.region > region);
  pool.accounts.splice(after < 0 ? pool.accounts.length : after, 0, account);
  return account;
}
