// The arithmetic of availability: what may be sold of an actor's nodes, channels and limits. Reads the state only.
import type { ChannelBuffer, InventoryState, NodePosition, ReservationPart } from './types.ts';

/** onHand is never stored (I2). */
export function onHandOf(node: NodePosition): number {
  return node.received - node.shipped;
}

/** Units of the node that nobody was promised and that may be sold. */
export function freeOf(node: NodePosition): number {
  const free = node.received - node.shipped + node.backorderLimit - node.safetyStock - node.reserved - node.allocated;
  return Math.max(free, 0);
}

/** Least onHand that still covers what is promised: below it the position would be oversold (I1). */
export function floorOf(node: NodePosition): number {
  const floor = node.reserved + node.allocated - node.backorderLimit;
  return Math.max(floor, 0);
}

/** Units of the buffer that its channel has not used yet: nobody else may have them. */
export function unusedBuffer(channel: ChannelBuffer): number {
  return channel.buffer > channel.used ? channel.buffer - channel.used : 0;
}

/** Units set aside for channels, but for `except`, to which its own are open. */
export function buffersExcept(state: InventoryState, except: string | undefined): number {
  if (state.channels === undefined) return 0;
  let sum = 0;
  for (const channel of state.channels) if (channel.channel !== except) sum += unusedBuffer(channel);
  return sum;
}

/** ATS of the SKU in the region, for a buyer of no channel. */
export function availableToSell(state: InventoryState): number {
  return availableTo(state, undefined);
}

/** The same for a buyer of a channel, to whom its buffer is open. */
export function availableTo(state: InventoryState, channel: string | undefined): number {
  let free = 0;
  for (const node of state.nodes) free += freeOf(node);
  const available = free - buffersExcept(state, channel);
  return Math.max(available, 0);
}

export function totalOnHand(state: InventoryState): number {
  let total = 0;
  for (const node of state.nodes) total += onHandOf(node);
  return total;
}

/** The index of the ship node, or −1. */
export function nodeIndexOf(state: InventoryState, name: string): number {
  const { nodes } = state;
  for (let i = 0; i < nodes.length; i++) if ((nodes[i] as NodePosition).node === name) return i;
  return -1;
}

/**
 * Units that leave `part` when `want` units of its reservation are shipped: no more than it has left, and no more
 * than the node has on hand (a backordered unit must be received first). decide and evolve share it.
 */
export function shippableOf(part: ReservationPart, node: NodePosition, want: number): number {
  const onHand = onHandOf(node);
  return Math.max(0, Math.min(part.qty - part.shipped, onHand, want));
}
