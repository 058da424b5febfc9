// The kinds of actors that the audit rebuilds: all that a grid of this program has.
import { orderCore } from '../../../orders/order/index.ts';
import { ByteWriter } from '../../core/index.ts';
import { type AnyState, createKinds, kindOf } from '../../shell/kind-table.ts';
import { createOrderKind } from '../../shell/orders/order-kind.ts';

export const KINDS = createKinds(createOrderKind(orderCore));

/** The actor in canonical bytes as of `asOf`, ms. */
export function packedAs(key: string, state: AnyState, asOf: number): Uint8Array {
  const w = new ByteWriter(4_096);
  kindOf(KINDS, key).pack(state, w, asOf);
  return w.copy();
}
