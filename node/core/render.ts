// Replies, built from the idempotency memory (and the reservation it names) and from nothing else: the first answer
// to a requestId and every repetition come out of the same function and the same numbers, so they cannot differ.
import {
  type Failure,
  failure,
  formatReservationId,
  IDEMPOTENCY_WINDOW_MS,
  type MutatingRequest,
  type Outcome,
  type ReserveReply,
} from '../../protocol/index.ts';
import type { DedupEntry } from './dedup.ts';
import { OUTCOME } from './outcomes.ts';
import { SINGLE_PART, STATES } from './reservations.ts';
import type { InventoryState, Reservation, ReservationPart } from './types.ts';

/** The reply to `request` that the entry holds. `request` is the one first decided: its body hash was compared. */
export function renderOutcome(
  state: InventoryState,
  entry: DedupEntry,
  request: MutatingRequest,
  region: string,
  now: number,
): Outcome {
  const version = { epoch: entry.epoch, seq: entry.seq };
  switch (entry.code) {
    case OUTCOME.reserved:
      return renderReserve(state, entry, entry.seq, region, now);
    case OUTCOME.adopted:
      return renderReserve(state, entry, entry.x, region, now);
    case OUTCOME.extended:
      return { ok: true, expiresAt: entry.y, version };
    case OUTCOME.committed:
      return { ok: true, state: 'COMMITTED', qty: entry.x, version };
    case OUTCOME.released:
      return { ok: true, state: 'RELEASED', version };
    case OUTCOME.shipped:
      return { ok: true, state: 'COMMITTED', qty: entry.x, remaining: entry.y, onHand: entry.z, version };
    case OUTCOME.adjusted:
      return entry.y > 0
        ? { ok: true, onHand: entry.x, availableToSell: entry.z, shortfall: entry.y, version }
        : { ok: true, onHand: entry.x, availableToSell: entry.z, version };
    case OUTCOME.configured:
      return { ok: true, availableToSell: entry.z, version };
    case OUTCOME.pooled:
      return { ok: true, availableToSell: entry.z, version };
    case OUTCOME.transferred:
      return { ok: true, given: entry.x, rights: entry.y, availableToSell: entry.z, version };
    case OUTCOME.INSUFFICIENT_STOCK:
      return failure('INSUFFICIENT_STOCK', insufficient(entry, request));
    case OUTCOME.LIMIT_EXCEEDED:
      return failure('LIMIT_EXCEEDED', `${entry.x} asked, ${entry.y} left of the owner's limit of ${entry.z}`);
    case OUTCOME.RESERVATION_ENDED:
      return renderEnded(entry);
    default:
      throw new RangeError(`outcome ${entry.code} of ${state.sku} is not known to this version`);
  }
}

function renderReserve(
  state: InventoryState,
  entry: DedupEntry,
  no: number,
  region: string,
  now: number,
): ReserveReply {
  const version = { epoch: entry.epoch, seq: entry.seq };
  if (state.reservations.readSinglePart(no, now)) {
    return {
      ok: true,
      reservationId: formatReservationId(region, state.sku, SINGLE_PART.epoch, no),
      qty: SINGLE_PART.reservedQty,
      node: state.nodes[SINGLE_PART.nodeIndex]?.node ?? '',
      expiresAt: entry.y,
      availableToSell: entry.z,
      version,
    };
  }
  const r = state.reservations.get(no, now) as Reservation;
  const reservationId = formatReservationId(region, state.sku, r.epoch, no);
  const node = nodeName(state, mainPart(r.parts));
  let qty = 0;
  for (const part of r.parts) qty += part.reservedQty;
  const parts = r.parts.map((part) => ({ node: nodeName(state, part), qty: part.reservedQty }));
  return { ok: true, reservationId, qty, node, parts, expiresAt: entry.y, availableToSell: entry.z, version };
}

/** The part that holds most of the reservation; the first of equals. */
export function mainPart(parts: readonly ReservationPart[]): ReservationPart {
  let main = parts[0] as ReservationPart;
  for (const part of parts) if (part.reservedQty > main.reservedQty) main = part;
  return main;
}

export function nodeName(state: InventoryState, part: ReservationPart): string {
  return state.nodes[part.nodeIndex]?.node ?? '';
}

function insufficient(entry: DedupEntry, request: MutatingRequest): string {
  const { x: asked, y: available, z: bound } = entry;
  switch (request.op) {
    case 'reserve':
      if (request.node !== undefined) return `${asked} asked, ${available} available to sell at ${request.node}`;
      if (available < asked) return `${asked} asked, ${available} available to sell`;
      return (
        `${asked} asked, ${available} available to sell, but at most ${bound} at one node; ` +
        'set allowPartial to have it split'
      );
    case 'ship':
      return `${asked} asked to ship, ${available} on hand where it is allocated; adjust the stock in first`;
    case 'adjust':
      return `${asked} asked to be taken off ${request.node}, ${available} there that nobody was promised`;
    case 'configure':
      return `a backorderLimit of ${asked} at ${request.node} asked, ${available} needed by what is promised already`;
    case 'transfer':
      return `${asked} asked to be given to ${request.to}, ${available} rights held here and not spent`;
    default:
      return `${asked} asked, ${available} available`;
  }
}

function renderEnded(entry: DedupEntry): Failure {
  const state = STATES[entry.z];
  if (state === undefined || state === 'RESERVED') throw new RangeError(`end state ${entry.z} is not known`);
  const advice = state === 'COMMITTED' ? 'it can only be shipped' : 'reserve again';
  return { ...failure('RESERVATION_ENDED', `the reservation is ${state}: ${advice}`), state };
}

export function expiredKey(ageMs: number): Failure {
  return failure(
    'IDEMPOTENCY_EXPIRED',
    `this requestId is ${Math.round(ageMs / 1000)} s old and answers are kept for ${IDEMPOTENCY_WINDOW_MS / 1000} s; ` +
      'look up what became of it, then use a new one',
  );
}

export function skuUnknown(sku: string, region: string): Failure {
  return failure('NOT_FOUND', `${sku} is not known in ${region}; adjust its stock first`);
}

export function reservationUnknown(reservationId: string): Failure {
  return failure('NOT_FOUND', `no reservation ${reservationId}: never made, or ended and forgotten`);
}
