// A lane that a partition moves to, as the lane that gives it up sees it: in this worker, or behind the mesh.
import { MESH_KIND, type Mesh, MeshFailure, type MeshKind } from '../../cluster/mesh/port.ts';
import type { HandoffPeer } from '../shell/handoff.ts';
import { decodeAnswer, encodeHandover, encodeRows, type HandoffAnswer } from '../shell/handoff-messages.ts';
import type { HeldLanes } from './held-lanes.ts';
import type { Routes } from './routes.ts';

const HANDOFF_TIMEOUT_MS = 5_000;

/**
 * The lane of this name, wherever it is held at each call.
 * @param openedHere told of a partition that a lane of this worker has taken
 */
export function lanePeer(
  lane: string,
  lanes: HeldLanes,
  routes: Routes,
  mesh: Mesh,
  openedHere: (partition: number) => void,
): HandoffPeer {
  const ask = (kind: MeshKind, body: Uint8Array): Promise<HandoffAnswer> => {
    const holder = routes.holderOf(lane);
    if (holder === undefined) return Promise.reject(new MeshFailure(`nobody is known to hold lane ${lane}`));
    return new Promise((resolve, reject) => {
      mesh.call(holder.address, kind, body, HANDOFF_TIMEOUT_MS, (answer) => {
        if (answer instanceof MeshFailure) reject(answer);
        else resolve(decodeAnswer(answer));
      });
    });
  };
  return {
    rows: (message) => lanes.get(lane)?.arrivals.rows(message) ?? ask(MESH_KIND.rows, encodeRows(message)),
    handover: async (message) => {
      const own = lanes.get(lane);
      if (own === undefined) return ask(MESH_KIND.handover, encodeHandover(message));
      const opened = await own.arrivals.handover(message);
      openedHere(message.partition);
      return opened;
    },
  };
}
