// The pool link over a mesh of workers of all regions. A message says which region it is from, then what it says; that its
// sender may speak for the region is the mesh's business, which lets in no one else.
import { MESH_KIND, type Mesh } from '../../cluster/mesh/port.ts';
import { REGION_LENGTH_MAX } from '../../protocol/index.ts';
import type { PoolLink } from './pool-link.ts';

/**
 * @param mesh reaches workers of other regions; not the region's own
 * @param addressOf some worker of the region that is likely to be up; undefined while none is known
 */
export function meshPoolLink(mesh: Mesh, region: string, addressOf: (region: string) => string | undefined): PoolLink {
  const name = Buffer.from(region);
  const head = Buffer.concat([Uint8Array.of(name.length), name]);
  return {
    send: (to, rows) => {
      const address = addressOf(to);
      if (address !== undefined) mesh.notify(address, MESH_KIND.escrow, Buffer.concat([head, rows]));
    },
    onRows: (handler) => {
      mesh.handle(MESH_KIND.escrow, (body) => {
        const length = body[0] ?? 0;
        const from = Buffer.from(body.subarray(1, 1 + length)).toString();
        if (from.length > 0 && from.length <= REGION_LENGTH_MAX) handler(from, body.subarray(1 + length));
      });
    },
  };
}
