// The client for browsers, and for any runtime with a global WebSocket: plain ES modules, no bundler needed.
import { HoldfastClient } from './client.ts';
import type { ConnectOptions } from './options.ts';
import { browserPlatform } from './platform-browser.ts';

export * from './exports.ts';

/** Connects to a grid; see HoldfastClient. */
export function connect(options: ConnectOptions): Promise<HoldfastClient> {
  return HoldfastClient.open(options, browserPlatform);
}
