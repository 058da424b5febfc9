// What ship nodes can send of a SKU, read off its availability in a region. Units that may be sold beyond what is on hand (`backorderLimit`)
// cannot be packed, and what is set aside for one channel is not for another.
import type { AvailabilityView } from '../../protocol/index.ts';
import type { Buyer } from './ports.ts';

/**
 * Units by ship node. Buffers of channels are of the region, so each node shows at most what the region has for the buyer.
 * @param buyer without it, buffers are not looked at
 */
export function sendableOf(
  {
    nodes,
    availableToSell,
    channelAvailable,
  }: Pick<AvailabilityView, 'nodes' | 'availableToSell' | 'channelAvailable'>,
  buyer?: Buyer,
): Map<string, number> {
  const mine = new Map(Object.entries(channelAvailable ?? {})).get(buyer?.channel ?? '');
  const most = buyer === undefined ? Number.POSITIVE_INFINITY : (mine ?? availableToSell);
  return new Map(
    nodes.map(({ node, onHand, reserved, allocated, safetyStock }) => [
      node,
      Math.max(0, Math.min(onHand - reserved - allocated - safetyStock, most)),
    ]),
  );
}
