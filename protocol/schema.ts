// Which ops there are and which fields each has: for unknown names and their suggestions, and for whoever documents or
// tests every field. How each field is checked is parse-ops.ts's.
import type { Op } from './types.ts';

/** The fields of each op besides `id` and `op`, in the order in which they are documented. */
export const FIELDS: Readonly<Record<Op, readonly string[]>> = {
  reserve: ['sku', 'region', 'qty', 'ttlMs', 'owner', 'node', 'channel', 'allowPartial', 'order', 'requestId'],
  extend: ['reservationId', 'ttlMs', 'requestId'],
  commit: ['reservationId', 'qty', 'orderId', 'order', 'requestId'],
  release: ['reservationId', 'order', 'requestId'],
  ship: ['reservationId', 'qty', 'toStock', 'requestId'],
  adjust: ['sku', 'region', 'node', 'delta', 'onHand', 'reason', 'requestId'],
  configure: ['sku', 'region', 'node', 'safetyStock', 'backorderLimit', 'channelBuffers', 'limitPerOwner', 'requestId'],
  pool: ['sku', 'region', 'regions', 'requestId'],
  transfer: ['sku', 'region', 'to', 'qty', 'requestId'],
  get: ['sku', 'region'],
  getReservation: ['reservationId'],
  query: ['skus', 'regions'],
  list: ['region', 'after', 'limit'],
  captureOrder: ['region', 'order', 'traceId', 'requestId'],
  advanceOrder: ['region', 'orderId', 'command', 'traceId', 'requestId'],
  getOrder: ['region', 'orderId', 'journey'],
  takeTasks: ['region', 'kinds', 'limit', 'leaseMs', 'waitMs'],
  reserveOrder: ['orderId', 'region', 'lines', 'regions', 'policy', 'ttlMs', 'owner', 'channel', 'taskId', 'requestId'],
  commitOrder: ['orderId', 'region', 'taskId', 'requestId'],
  releaseOrder: ['orderId', 'region', 'taskId', 'requestId'],
  subscribe: ['sku', 'skus', 'region'],
  unsubscribe: ['sku', 'skus', 'region'],
  hello: ['token', 'client'],
  map: ['follow'],
  batch: ['items'],
};

export const OPS = Object.keys(FIELDS) as Op[];
