// Builds requests for tests: what a test does not name has the parser's default.
import type {
  AdjustRequest,
  CommitRequest,
  ConfigureRequest,
  ExtendRequest,
  MutatingRequest,
  Outcome,
  PoolRequest,
  ReleaseRequest,
  ReserveRequest,
  ShipRequest,
  TransferRequest,
} from '../../../protocol/index.ts';
import { parseReservationId } from '../../../protocol/index.ts';
import { createState, execute } from '../index.ts';
import type { Decision, InventoryState } from '../types.ts';

export const SKU = 'SKU-000001';
export const REGION = 'eu-west';

let made = 0;
/** A requestId that no other test uses. */
export function freshId(): string {
  made += 1;
  return `request-${made}`;
}

type Fields<R> = Partial<Omit<R, 'op' | 'ref'>>;

export function reserve(fields: Fields<ReserveRequest> = {}): ReserveRequest {
  return {
    op: 'reserve',
    sku: SKU,
    region: REGION,
    qty: 1,
    ttlMs: 600_000,
    owner: undefined,
    node: undefined,
    channel: undefined,
    allowPartial: false,
    order: undefined,
    requestId: freshId(),
    ...fields,
  };
}

export function adjust(node: string, fields: Fields<AdjustRequest>): AdjustRequest {
  return {
    op: 'adjust',
    sku: SKU,
    region: REGION,
    node,
    delta: undefined,
    onHand: undefined,
    reason: 'test',
    requestId: freshId(),
    ...fields,
  };
}

export function configure(fields: Fields<ConfigureRequest>): ConfigureRequest {
  return {
    op: 'configure',
    sku: SKU,
    region: REGION,
    node: undefined,
    safetyStock: undefined,
    backorderLimit: undefined,
    channelBuffers: undefined,
    limitPerOwner: undefined,
    requestId: freshId(),
    ...fields,
  };
}

export function pool(regions: readonly string[], fields: Fields<PoolRequest> = {}): PoolRequest {
  return { op: 'pool', sku: SKU, region: REGION, regions, requestId: freshId(), ...fields };
}

export function transfer(to: string, qty: number, fields: Fields<TransferRequest> = {}): TransferRequest {
  return { op: 'transfer', sku: SKU, region: REGION, to, qty, requestId: freshId(), ...fields };
}

function on(reservationId: string) {
  const ref = parseReservationId(reservationId);
  if (ref === undefined) throw new Error(`${reservationId} is no reservationId`);
  return { reservationId, ref, requestId: freshId() };
}

export function extend(id: string, ttlMs: number, fields: Fields<ExtendRequest> = {}): ExtendRequest {
  return { op: 'extend', ...on(id), ttlMs, ...fields };
}

export function commit(id: string, fields: Fields<CommitRequest> = {}): CommitRequest {
  return { op: 'commit', ...on(id), qty: undefined, orderId: undefined, order: undefined, ...fields };
}

export function release(id: string, fields: Fields<ReleaseRequest> = {}): ReleaseRequest {
  return { op: 'release', ...on(id), order: undefined, ...fields };
}

export function ship(id: string, fields: Fields<ShipRequest> = {}): ShipRequest {
  return { op: 'ship', ...on(id), qty: undefined, toStock: false, ...fields };
}

/** An actor with a clock of its own. */
export class TestActor {
  state: InventoryState = createState(SKU);
  now = 1_700_000_000_000;
  epoch = 1;

  /** Carries a request out and gives back its reply. */
  do(request: MutatingRequest): Outcome {
    const { reply } = this.decide(request);
    if (reply === undefined) throw new Error('no reply');
    return reply;
  }

  decide(request: MutatingRequest): Decision {
    return execute(this.state, request, { now: this.now, epoch: this.epoch, region: REGION });
  }

  /** The timer wheel calls. */
  expire(): Decision {
    return execute(this.state, { op: 'expire' }, { now: this.now, epoch: this.epoch, region: REGION });
  }

  /** Reserves and expects success; gives the reservationId. */
  reserved(fields: Fields<ReserveRequest> = {}): string {
    const reply = this.do(reserve(fields));
    if (!reply.ok || !('reservationId' in reply)) throw new Error(`refused: ${JSON.stringify(reply)}`);
    return reply.reservationId;
  }
}

/** An actor whose nodes have the given units on hand. */
export function stocked(onHand: Record<string, number>): TestActor {
  const actor = new TestActor();
  for (const [node, units] of Object.entries(onHand)) actor.do(adjust(node, { onHand: units }));
  return actor;
}
