// An availability as regions tell it to each other: what `get` shows, in positions instead of names, since millions of
// them are kept. The sku, the region and the version stand beside it.
import { Packr } from 'msgpackr';
import type { AvailabilityView, NodeView, Version } from '../../protocol/index.ts';

/** A value has at most so many bytes: of the most nodes with the longest names the last ones are left out. */
export const VIEW_BYTES_MAX = 4_096;

const packr = new Packr({ useRecords: false, int64AsType: 'number', variableMapSize: true });

type PackedNode = readonly [
  node: string,
  onHand: number,
  reserved: number,
  allocated: number,
  safetyStock: number,
  backorderLimit: number,
  availableToSell: number,
  shortfall?: number,
];

type PackedChannel = readonly [channel: string, buffer: number, available?: number];

type PackedView = readonly [
  onHand: number,
  reserved: number,
  allocated: number,
  availableToSell: number,
  /** Nodes that were left out. */
  cut: number,
  nodes: readonly PackedNode[],
  limitPerOwner: number,
  channels?: readonly PackedChannel[],
];

export interface RemoteView {
  readonly view: AvailabilityView;
  /** All its nodes are there. */
  readonly isWhole: boolean;
}

/** Never longer than VIEW_BYTES_MAX. */
export function encodeView(view: AvailabilityView): Uint8Array {
  for (let kept = view.nodes.length; ; kept = Math.floor(kept / 2)) {
    const bytes = packr.pack(packed(view, kept));
    if (bytes.length <= VIEW_BYTES_MAX || kept === 0) return bytes;
  }
}

function packed(view: AvailabilityView, kept: number): PackedView {
  const {
    onHand,
    reserved,
    allocated,
    availableToSell,
    nodes,
    limitPerOwner = 0,
    channelBuffers,
    channelAvailable,
  } = view;
  const cut = nodes.length - kept;
  const some = cut === 0 ? nodes : nodes.slice(0, kept);
  const head = [onHand, reserved, allocated, availableToSell, cut, some.map(packedNode), limitPerOwner] as const;
  if (channelBuffers === undefined) return head;
  const told = new Map(Object.entries(channelAvailable ?? {}));
  const channels = Object.entries(channelBuffers).map(([channel, buffer]): PackedChannel => {
    const available = told.get(channel);
    return available === undefined ? [channel, buffer] : [channel, buffer, available];
  });
  return [...head, channels];
}

function packedNode(node: NodeView): PackedNode {
  const { onHand, reserved, allocated, safetyStock, backorderLimit, availableToSell, shortfall } = node;
  const figures = [node.node, onHand, reserved, allocated, safetyStock, backorderLimit, availableToSell] as const;
  return shortfall === undefined ? figures : [...figures, shortfall];
}

/** @throws when the bytes are not what encodeView makes */
export function decodeView(bytes: Uint8Array, sku: string, region: string, version: Version): RemoteView {
  const [onHand, reserved, allocated, availableToSell, cut, nodes, limitPerOwner, channels] = packr.unpack(
    bytes,
  ) as PackedView;
  const view: AvailabilityView = {
    sku,
    region,
    onHand,
    reserved,
    allocated,
    availableToSell,
    nodes: nodes.map(unpackedNode),
    ...(channels === undefined ? undefined : channelsOf(channels)),
    ...(limitPerOwner === 0 ? undefined : { limitPerOwner }),
    version,
  };
  return { view, isWhole: cut === 0 };
}

/** A region of a version before tells no `available`. */
function channelsOf(channels: readonly PackedChannel[]): Pick<AvailabilityView, 'channelBuffers' | 'channelAvailable'> {
  const channelBuffers = Object.fromEntries(channels.map(([channel, buffer]) => [channel, buffer]));
  const told = channels.flatMap(([channel, , available]) =>
    available === undefined ? [] : [[channel, available] as const],
  );
  return told.length === 0 ? { channelBuffers } : { channelBuffers, channelAvailable: Object.fromEntries(told) };
}

/** The one figure that subscribers are told, without unpacking the nodes into objects. */
export function availableIn(bytes: Uint8Array): number {
  return (packr.unpack(bytes) as PackedView)[3];
}

function unpackedNode(packedNode: PackedNode): NodeView {
  const [node, onHand, reserved, allocated, safetyStock, backorderLimit, availableToSell, shortfall] = packedNode;
  return {
    node,
    onHand,
    reserved,
    allocated,
    safetyStock,
    backorderLimit,
    availableToSell,
    ...(shortfall === undefined ? undefined : { shortfall }),
  };
}
