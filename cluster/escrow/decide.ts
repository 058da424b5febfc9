// Decides what a command on a pool comes to: events, or a refusal. Pure. Spending is not here: it is an ordinary
// reservation on the pool's position. How much to give or ask, and whom, is policy.ts and steward.ts.
import { POOL_REGIONS_MAX, QTY_MAX } from '../../protocol/limits.ts';
import type { PoolEvent } from './evolve.ts';
import { COUNT_MAX } from './limits.ts';
import type { PoolRow } from './messages.ts';
import { accountOf, isCount, type PoolPosition, type PoolState, rightsOf } from './state.ts';

/** Puts units into the pool; negative: takes them out for good ("burns"), no more than the rights held here. */
export interface MintCommand {
  readonly op: 'mint';
  readonly qty: number;
}

/** Gives rights to a region. */
export interface TransferCommand {
  readonly op: 'transfer';
  readonly to: string;
  readonly qty: number;
}

/** Takes in what a row says of the transfers between its sender and this region. */
export interface LearnCommand {
  readonly op: 'learn';
  readonly row: Pick<PoolRow, 'from' | 'to' | 'given' | 'seen'>;
}

export type PoolCommand = MintCommand | TransferCommand | LearnCommand;

/** Why nothing was decided. `available`: the rights held here, units. */
export interface PoolRefusal {
  readonly code: 'BAD_REQUEST' | 'INSUFFICIENT_STOCK';
  readonly message: string;
  readonly available: number;
}

export type PoolVerdict = readonly PoolEvent[] | PoolRefusal;

export function isRefusal(verdict: PoolVerdict): verdict is PoolRefusal {
  return 'code' in verdict;
}

/** What the command comes to. A row that says nothing new comes to no event. */
export function decide(pool: PoolState, position: PoolPosition, command: PoolCommand): PoolVerdict {
  switch (command.op) {
    case 'mint':
      return decideMint(pool, position, command.qty);
    case 'transfer':
      return decideTransfer(pool, position, command.to, command.qty);
    case 'learn':
      return decideLearn(pool, position, command.row);
    default:
      return command satisfies never;
  }
}

function decideMint(pool: PoolState, position: PoolPosition, qty: number): PoolVerdict {
  const rights = rightsOf(position);
  if (!Number.isSafeInteger(qty) || qty === 0 || Math.abs(qty) > QTY_MAX) {
    return { code: 'BAD_REQUEST', message: `${qty} units cannot be minted`, available: rights };
  }
  if (-qty > rights) return insufficient(-qty, rights);
  if (Math.abs(pool.minted + qty) > COUNT_MAX) return overflow(rights);
  return [{ type: 'minted', qty }];
}

function decideTransfer(pool: PoolState, position: PoolPosition, to: string, qty: number): PoolVerdict {
  const rights = rightsOf(position);
  if (!Number.isSafeInteger(qty) || qty < 1 || qty > QTY_MAX) {
    return { code: 'BAD_REQUEST', message: `${qty} units cannot be transferred`, available: rights };
  }
  const account = accountOf(pool, to);
  if (to === pool.region || !mayHaveAccount(pool, to)) return stranger(to, rights);
  if (qty > rights) return insufficient(qty, rights);
  const total = (account?.given ?? 0) + qty;
  return total > COUNT_MAX ? overflow(rights) : [{ type: 'transferred', to, total }];
}

function decideLearn(pool: PoolState, position: PoolPosition, row: LearnCommand['row']): PoolVerdict {
  const rights = rightsOf(position);
  if (row.to !== pool.region || row.from === pool.region || !mayHaveAccount(pool, row.from)) {
    return stranger(row.from, rights);
  }
  if (!isCount(row.given) || !isCount(row.seen)) return overflow(rights);
  const account = accountOf(pool, row.from);
  const events: PoolEvent[] = [];
  if (row.seen > (account?.given ?? 0)) events.push({ type: 'conceded', to: row.from, total: row.seen });
  if (row.given > (account?.taken ?? 0)) events.push({ type: 'credited', from: row.from, total: row.given });
  return events;
}

function mayHaveAccount(pool: PoolState, region: string): boolean {
  return pool.accounts.length < POOL_REGIONS_MAX - 1 || accountOf(pool, region) !== undefined;
}

function insufficient(asked: number, rights: number): PoolRefusal {
  return { code: 'INSUFFICIENT_STOCK', message: `${asked} asked, ${rights} rights held`, available: rights };
}

function stranger(region: string, rights: number): PoolRefusal {
  return { code: 'BAD_REQUEST', message: `no account between this region and ${region}`, available: rights };
}

function overflow(rights: number): PoolRefusal {
  return { code: 'BAD_REQUEST', message: `a total would pass ${COUNT_MAX} units`, available: rights };
}
