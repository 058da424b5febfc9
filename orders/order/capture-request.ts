// The requestId of a capture whose asker has none of his own: the same for the same order, so that captured again it counts once.
import { REQUEST_ID_LENGTH_MAX } from '../../protocol/index.ts';

/** What is cut off does no harm: requestIds count within their order. */
export function captureRequestId(orderId: string): string {
  return `capture-${orderId}`.slice(0, REQUEST_ID_LENGTH_MAX);
}
