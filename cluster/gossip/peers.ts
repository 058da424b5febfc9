// Whom a worker asks in a round of gossip, and for which regions: each region once a round, of a worker of its own where
// one was drawn, so that the same news does not come from several peers.

export interface Peer {
  readonly address: string;
  readonly region: string;
  readonly isSilent: boolean;
}

export interface Ask {
  readonly address: string;
  /** Empty: only whether it lives, and what it knows of workers. */
  readonly regions: readonly string[];
}

/** Peers asked in a round that answered the last time; and one of all, so that who was taken for dead is found again. */
const LIVE_PEERS = 3;

/** @param random 0 ≤ x < 1, for each draw */
export function chooseAsks(peers: readonly Peer[], regions: readonly string[], random: () => number): Ask[] {
  const live = peers.filter(({ isSilent }) => !isSilent);
  const chosen: Peer[] = [];
  for (let n = 0; n < LIVE_PEERS && live.length > 0; n++) chosen.push(...live.splice(below(live.length, random), 1));
  const shares = new Map<string, string[]>(chosen.map(({ address }) => [address, []]));
  for (const region of regions) {
    const own = chosen.filter((peer) => peer.region === region);
    const among = own.length > 0 ? own : chosen;
    const peer = among[below(among.length, random)];
    if (peer !== undefined) shares.get(peer.address)?.push(region);
  }
  const any = peers[below(peers.length, random)];
  if (any !== undefined && !shares.has(any.address)) shares.set(any.address, []);
  return [...shares].map(([address, asked]) => ({ address, regions: asked }));
}

function below(length: number, random: () => number): number {
  return Math.floor(random() * length);
}
