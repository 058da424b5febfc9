// The client for Node (20.19 or later): `import { connect } from 'holdfast/client'`.
import { HoldfastClient } from './client.ts';
import type { ConnectOptions } from './options.ts';
import { nodePlatform } from './platform-node.ts';

export * from './exports.ts';

/** Connects to a grid; see HoldfastClient. */
export function connect(options: ConnectOptions): Promise<HoldfastClient> {
  return HoldfastClient.open(options, nodePlatform);
}
