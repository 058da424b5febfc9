// Availability between regions by gossip. See SPEC.md.

export { BadGossip, type RegionWorkers } from './messages.ts';
export { type Ask, chooseAsks, type Peer } from './peers.ts';
export { type Changed, type Published, Replica } from './replica.ts';
