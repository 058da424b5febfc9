// What one region durably knows of a pool: its row and its column of the matrix of cumulative transfers. The rights
// themselves are a position of the SKU's actor, whose reservations spend them; SPEC.md says how the two belong together.
import { POOL_REGIONS_MAX } from '../../protocol/limits.ts';
import { COUNT_MAX } from './limits.ts';

/** What went between this region and another, each a total since the pool began: it only ever grows. */
export interface PoolAccount {
  readonly region: string;
  /** R[here][region], units: written here alone. */
  given: number;
  /** R[region][here], units: the most that its donor has said. */
  taken: number;
}

/** One (sku, region) replica of a pool. Changed by evolve alone. */
export interface PoolState {
  readonly region: string;
  /** R[here][here], units: minted less burned here. Negative where more of others' units were burned than minted. */
  minted: number;
  /** Sorted by region; those alone with which there was a transfer. */
  readonly accounts: PoolAccount[];
}

/** The rights of the region, as the position of the actor that reservations spend from: a NodePosition fits. */
export interface PoolPosition {
  received: number;
  readonly shipped: number;
  readonly reserved: number;
  readonly allocated: number;
  /** 0, always: a backordered unit would be a right that nobody gave. */
  readonly backorderLimit: number;
  /** Rights that were promised twice because a journal lost its tail, still to be written off. 0 otherwise. */
  shortfall: number;
}

/** What must hold of a pool does not: the actor must stop and be rebuilt from its journal. */
export class PoolInvariantViolation extends Error {
  override readonly name = 'PoolInvariantViolation';
}

export function createPool(region: string): PoolState {
  return { region, minted: 0, accounts: [] };
}

/** The account with a region; undefined before the first transfer between the two. */
export function accountOf(pool: PoolState, region: string): PoolAccount | undefined {
  return pool.accounts.find((account) => account.region === region);
}

/** minted + Σ taken − Σ given: every unit that this region may have, or has had, a right to. */
export function balanceOf(pool: PoolState): number {
  let balance = pool.minted;
  for (const { given, taken } of pool.accounts) balance += taken - given;
  return balance;
}

/** Rights held and unspent, units: what may be reserved here, given away or burned. */
export function rightsOf(position: PoolPosition): number {
  return Math.max(0, position.received - position.shipped - position.reserved - position.allocated);
}

/** Rights spent here, units: held by live reservations, promised, or shipped. */
export function consumedOf(position: PoolPosition): number {
  return position.reserved + position.allocated + position.shipped;
}

/**
 * I14 as far as one region can see it; O(regions), after each event.
 * @throws PoolInvariantViolation
 */
export function assertInvariants(pool: PoolState, position: PoolPosition): void {
  const { received, shipped, reserved, allocated, shortfall, backorderLimit } = position;
  if (received - shortfall !== balanceOf(pool)) fail(pool, position, 'the position is not what the matrix says');
  if (!(received - shipped - reserved - allocated >= 0)) fail(pool, position, 'more rights are spent than there were');
  if (!(reserved >= 0 && allocated >= 0 && shipped >= 0 && shortfall >= 0)) {
    fail(pool, position, 'a total is negative');
  }
  if (backorderLimit !== 0) fail(pool, position, 'rights cannot be backordered');
  if (!isCount(Math.abs(pool.minted))) fail(pool, position, 'minted is no count');
  if (pool.accounts.length >= POOL_REGIONS_MAX) fail(pool, position, 'there are too many regions');
  for (const { region, given, taken } of pool.accounts) {
    if (region === pool.region || !isCount(given) || !isCount(taken)) fail(pool, position, `the account of ${region}`);
  }
}

/** An integer from 0 to COUNT_MAX. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= COUNT_MAX;
}

function fail(pool: PoolState, position: PoolPosition, detail: string): never {
  throw new PoolInvariantViolation(`I14 is broken at ${pool.region}: ${detail}: ${JSON.stringify({ pool, position })}`);
}
