// What the baselines answer: reservations are called as their request, stock has one ship node and no history.
import { failure, type Outcome, type ReserveRequest } from '../../protocol/index.ts';

const VERSION = { epoch: 1, seq: 1 };
const NODE = 'dc-1';

/** Units left (negative: refused, and by how much), or the record `…|qty|expiresAt|left|stock` of a request id seen before. */
export type ReserveAnswer = number | string;

/** What the stock of a SKU in a region is called. */
export function stockKey(region: string, sku: string): string {
  return `stock:${region}/${sku}`;
}

export function reserveOutcome(request: ReserveRequest, expiresAt: number, answer: ReserveAnswer): Outcome {
  if (typeof answer === 'string') return replayed(request, answer);
  if (answer < 0) {
    return failure('INSUFFICIENT_STOCK', `${request.qty} asked, ${answer + request.qty} available to sell`);
  }
  return reserved(request, answer, expiresAt);
}

function reserved(request: ReserveRequest, availableToSell: number, expiresAt: number) {
  const { requestId, qty } = request;
  return { ok: true, reservationId: requestId, qty, node: NODE, expiresAt, availableToSell, version: VERSION } as const;
}

function replayed(request: ReserveRequest, record: string): Outcome {
  const [, qty, expiresAt, left, stock] = record.split('|');
  if (Number(qty) !== request.qty || stock !== stockKey(request.region, request.sku)) {
    return failure('IDEMPOTENCY_CONFLICT', 'this requestId was used for another reserve');
  }
  return { ...reserved(request, Number(left), Number(expiresAt)), replayed: true };
}

export function unavailable(error: unknown): Outcome {
  return failure('UNAVAILABLE', (error as Error).message, 100);
}

/** What the baselines do not offer is refused rather than left out of what they do. */
export function refusalOf({ owner, node, channel }: ReserveRequest): Outcome | undefined {
  if (owner === undefined && node === undefined && channel === undefined) return undefined;
  return failure('BAD_REQUEST', 'the baseline knows no owner, node or channel');
}

export function adjusted(left: number): Outcome {
  return { ok: true, onHand: left, availableToSell: left, version: VERSION };
}

/** The baselines keep what is left and nothing else. */
export function position(sku: string, region: string, left: number): Outcome {
  return {
    ok: true,
    sku,
    region,
    onHand: left,
    reserved: 0,
    allocated: 0,
    availableToSell: left,
    nodes: [],
    version: VERSION,
  };
}
