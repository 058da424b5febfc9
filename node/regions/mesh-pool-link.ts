// Rows about pooled stock over the mesh between regions: to any worker of the region that answers, which knows who serves
// the sku there. A message begins with the sender's region: its length in one byte, then its name.
import { MESH_KIND, type Mesh } from '../../cluster/mesh/port.ts';
import type { PoolLink } from '../worker/pool-link.ts';

/**
 * @param addressOf a worker of the region to send to; undefined: none is known
 */
export function meshPoolLink(region: string, mesh: Mesh, addressOf: (region: string) => string | undefined): PoolLink {
  const name = Buffer.from(region);
  return {
    send(to, rows) {
      const address = addressOf(to);
      if (address !== undefined)
        mesh.notify(address, MESH_KIND.escrow, Buffer.concat([Uint8Array.of(name.length), name, rows]));
    },
    onRows(handler) {
      mesh.handle(MESH_KIND.escrow, (body) => {
        const length = body[0] ?? 0;
        if (body.length <= length) return;
        handler(Buffer.from(body.subarray(1, 1 + length)).toString(), body.subarray(1 + length));
      });
    },
  };
}
