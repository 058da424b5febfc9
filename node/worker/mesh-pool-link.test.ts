// Rows between regions over a mesh: they arrive under the sender's name, and what cannot be sent is dropped.
import { expect, it } from 'vitest';
import { MESH_KIND } from '../../cluster/mesh/port.ts';
import { MemoryNetwork } from '../../cluster/mesh/testing/memory-mesh.ts';
import { ManualRuntime } from '../shell/testing/harness.ts';
import { meshPoolLink } from './mesh-pool-link.ts';

const ADDRESSES = new Map([
  ['süd', 'test:sued'],
  ['us', 'test:us'],
]);

function links() {
  const runtime = new ManualRuntime();
  const network = new MemoryNetwork(runtime);
  const heard: string[] = [];
  const join = (region: string) => {
    const mesh = network.join(ADDRESSES.get(region) ?? region);
    const link = meshPoolLink(mesh, region, (to) => ADDRESSES.get(to));
    link.onRows((from, rows) => heard.push(`${region} from ${from}: ${[...rows]}`));
    return { mesh, link };
  };
  return { runtime, heard, south: join('süd'), us: join('us') };
}

it('given rows, when sent, then they arrive whole under the name of the region', async () => {
  const { runtime, heard, south, us } = links();
  south.link.send('us', Uint8Array.of(1, 2, 3));
  us.link.send('süd', Uint8Array.of(4));
  await runtime.settle();
  expect(heard).toEqual(['us from süd: 1,2,3', 'süd from us: 4']);
});

it('given a region that nobody is known of, or a message without a name, then it is dropped', async () => {
  const { runtime, heard, south, us } = links();
  south.link.send('za', Uint8Array.of(1));
  for (const noise of [[], [0, 1], [200, ...new Array(200).fill(65)]]) {
    us.mesh.notify('test:sued', MESH_KIND.escrow, Uint8Array.from(noise));
  }
  await runtime.settle();
  expect(heard).toEqual([]);
});
