// What readers see of an actor. The shell ends what is due first (an expire command), so that a reservation past its
// expiry is free at read time.
import {
  type AvailabilityView,
  type Failure,
  formatReservationId,
  type GetReservationReply,
  type NodeView,
  type ReservationRef,
} from '../../protocol/index.ts';
import { poolView } from './pool.ts';
import { mainPart, nodeName, reservationUnknown } from './render.ts';
import { shippedOf, totalOf } from './reservations.ts';
import { availableTo, availableToSell, freeOf, onHandOf } from './stock.ts';
import type { DecideContext, InventoryState } from './types.ts';

/** All positions of the SKU as of state.seq. */
export function view(state: InventoryState, region: string, epoch: number): AvailabilityView {
  let onHand = 0;
  let reserved = 0;
  let allocated = 0;
  const nodes: NodeView[] = [];
  for (const node of state.nodes) {
    onHand += onHandOf(node);
    reserved += node.reserved;
    allocated += node.allocated;
    nodes.push({
      node: node.node,
      onHand: onHandOf(node),
      reserved: node.reserved,
      allocated: node.allocated,
      safetyStock: node.safetyStock,
      backorderLimit: node.backorderLimit,
      availableToSell: freeOf(node),
      ...(node.shortfall > 0 ? { shortfall: node.shortfall } : undefined),
    });
  }
  return {
    sku: state.sku,
    region,
    onHand,
    reserved,
    allocated,
    availableToSell: availableToSell(state),
    nodes,
    ...(state.channels === undefined
      ? undefined
      : {
          channelBuffers: Object.fromEntries(state.channels.map((c) => [c.channel, c.buffer])),
          channelAvailable: Object.fromEntries(state.channels.map((c) => [c.channel, availableTo(state, c.channel)])),
        }),
    ...(state.limitPerOwner === 0 ? undefined : { limitPerOwner: state.limitPerOwner }),
    ...(state.pool === undefined ? undefined : { pool: poolView(state, state.pool) }),
    version: { epoch, seq: state.seq },
  };
}

/** One reservation as of ctx.now, or NOT_FOUND. */
export function reservationView(
  state: InventoryState,
  ref: ReservationRef,
  ctx: DecideContext,
): GetReservationReply | Failure {
  const reservationId = formatReservationId(ref.region, ref.sku, ref.epoch, ref.no);
  const r = state.reservations.get(ref.no, Math.max(ctx.now, state.lastAt));
  if (r === undefined || r.epoch !== ref.epoch) return reservationUnknown(reservationId);
  return {
    ok: true,
    reservationId,
    sku: state.sku,
    region: ctx.region,
    state: r.state,
    qty: totalOf(r.parts),
    shipped: shippedOf(r.parts),
    node: nodeName(state, mainPart(r.parts)),
    ...(r.parts.length === 1
      ? undefined
      : { parts: r.parts.map((part) => ({ node: nodeName(state, part), qty: part.qty })) }),
    expiresAt: r.expiresAt,
    createdAt: r.createdAt,
    ...(r.owner === undefined ? undefined : { owner: r.owner }),
    ...(r.channel === undefined ? undefined : { channel: r.channel }),
    ...(r.orderId === undefined ? undefined : { orderId: r.orderId }),
    ...(r.order === undefined ? undefined : { order: r.order }),
    version: { epoch: ctx.epoch, seq: state.seq },
  };
}
