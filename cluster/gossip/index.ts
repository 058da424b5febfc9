// Availability between regions by gossip. See SPEC.md.
export type { GossipOptions } from './limits.ts';
export { BadGossip, type RegionWorkers } from './messages.ts';
export { type Ask, chooseAsks, type Peer } from './peers.ts';
export { type Changed, type Coverage, type Known, type Published, Replica } from './replica.ts';
