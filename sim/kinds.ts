// The kinds of actors that a simulated grid has, as the production program does, and their canonical bytes.

import { ByteWriter } from '../node/core/index.ts';
import { type AnyState, createKinds, kindOf } from '../node/shell/kind-table.ts';
import { createOrderKind } from '../node/shell/orders/order-kind.ts';
import { orderCore } from '../orders/order/index.ts';

export const KINDS = createKinds(createOrderKind(orderCore));

const w = new ByteWriter(4_096);

export function packed(key: string, state: AnyState): Uint8Array {
  w.reset();
  kindOf(KINDS, key).pack(state, w);
  return w.copy();
}

/** The state that packed bytes stand for. */
export function unpacked(key: string, bytes: Uint8Array): AnyState {
  return kindOf(KINDS, key).unpack(bytes);
}
