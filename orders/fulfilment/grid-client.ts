// The grid as fulfilment sees it, over a connection: orders of the region that the connection is to, stock of all.
import { type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';
import { type AvailabilityView, QUERY_SKUS_MAX } from '../../protocol/index.ts';
import type { OrderDetail } from '../order/view.ts';
import type { Advanced, Made, OrderGrid, Reserved } from './ports.ts';
import { sendableOf } from './sendable.ts';

/** How long what is reserved for a plan stays held while it is committed, ms: a processor that died has come back by then. */
const RESERVE_TTL_MS = 600_000;

/** @param others connections to other regions, which know their own stock best */
export function gridOverClient(
  client: HoldfastClient,
  others: ReadonlyMap<string, HoldfastClient> = new Map(),
): OrderGrid {
  const { region } = client;
  return {
    region,
    async captureOrder(order, requestId) {
      await client.captureOrder({ region, order, requestId });
    },
    async getOrder(orderId, journey = false) {
      try {
        const reply = await client.getOrder({ region, orderId, journey });
        if (reply.order === undefined) return undefined;
        const detail = reply.detail as unknown as OrderDetail;
        const events = reply.journey === undefined ? {} : { journey: reply.journey };
        return { orderId, document: reply.order, tasks: reply.tasks, detail, ...events };
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'NOT_FOUND') return undefined;
        throw error;
      }
    },
    async advanceOrder(orderId, command, call): Promise<Advanced> {
      try {
        const { status } = await client.advanceOrder({ region, orderId, command, ...call });
        return { ok: true, status };
      } catch (error) {
        return refusalOf(error);
      }
    },
    async takeTasks(request) {
      const { tasks } = await client.takeTasks({ region, ...request });
      return tasks;
    },
    async stockOf(skus, regions, buyer) {
      const units = new Map<string, number>();
      for (const one of regions) {
        for (let from = 0; from < skus.length; from += QUERY_SKUS_MAX) {
          const asked = skus.slice(from, from + QUERY_SKUS_MAX);
          const { positions } = await (others.get(one) ?? client).query({ skus: asked, regions: [one] });
          for (const view of positions) {
            for (const [node, sendable] of sendableOf(view as AvailabilityView, buyer)) {
              units.set(`${one}/${node}/${view.sku}`, sendable);
            }
          }
        }
      }
      return (one, sku, node) => units.get(`${one}/${node}/${sku}`) ?? 0;
    },
    async reserveOrder(orderId, lines, { policy, channel, ...call }): Promise<Reserved> {
      try {
        const ttlMs = RESERVE_TTL_MS;
        const reply = await client.reserveOrder({
          orderId,
          lines: [...lines],
          policy,
          ttlMs,
          ...(channel === undefined ? {} : { channel }),
          ...call,
        });
        const held = reply.lines.flatMap((line) => {
          const asked = lines.find(({ lineId }) => lineId === line.lineId);
          const reservation = line.ok ? line.reservations[0] : undefined;
          if (!line.ok || asked === undefined || reservation === undefined) return [];
          return [{ ...asked, qty: line.qty, reservationId: reservation.reservationId }];
        });
        return { ok: true, lines: held };
      } catch (error) {
        const { code: why } = refusalOf(error);
        const { lines: refused = [] } = error as HoldfastError;
        // What is wrong with the request itself says nothing about positions.
        if (refused.length === 0 && why !== 'RESERVATION_ENDED') throw error;
        return { ok: false, refused: refused.map(({ lineId, code }) => ({ lineId, code })) };
      }
    },
    commitOrder: (orderId, call) => ended(client.commitOrder({ orderId, ...call })),
    releaseOrder: (orderId, call) => ended(client.releaseOrder({ orderId, ...call })),
    ship: (reservationId, qty, requestId) => made(client.ship({ reservationId, qty, requestId })),
    async shippedOf(reservationId) {
      try {
        return (await client.getReservation({ reservationId })).shipped;
      } catch (error) {
        // Of those that were committed the grid forgets only those that were shipped whole.
        if (error instanceof HoldfastError && error.code === 'NOT_FOUND') return 'all';
        throw error;
      }
    },
    putBack: (reservationId, qty, requestId) => made(client.ship({ reservationId, qty, toStock: true, requestId })),
  };
}

/** What a request was refused for. @throws what may go well later */
function refusalOf(error: unknown): Advanced & { readonly ok: false } {
  if (!(error instanceof HoldfastError) || error.retriable || error.outcome !== 'refused') throw error;
  return { ok: false, code: error.code, message: error.message };
}

async function made(reply: Promise<unknown>): Promise<Made> {
  try {
    await reply;
    return 'made';
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'IDEMPOTENCY_EXPIRED') return 'expired';
    throw error;
  }
}

async function ended(reply: Promise<unknown>) {
  try {
    await reply;
    return { ok: true } as const;
  } catch (error) {
    const { code } = refusalOf(error);
    if (code === 'NOT_FOUND') return { ok: false, state: 'RELEASED' } as const;
    return { ok: false, state: (error as HoldfastError).state ?? code } as const;
  }
}
