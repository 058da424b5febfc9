// Where Redis is to be found: one server, the primary that sentinels name, or the node of a cluster that holds a key.
// Asked anew for each connection, since after a fail-over it is somewhere else.
import { Redis, type RedisOptions } from 'ioredis';
import { StoreMisconfigured, StoreUnavailable } from '../port.ts';

export interface Endpoint {
  /** For messages: hosts and ports, without credentials. */
  readonly address: string;
  /** A client of the server that is there now, not connected yet. */
  client(options: ConnectionOptions): Promise<Redis>;
}

export interface Endpoints {
  readonly address: string;
  /** In a cluster keys with different hash tags may be on different servers. */
  readonly isCluster: boolean;
  of(key: string): Endpoint;
}

/** Replies in the shapes of RESP 2, whatever the server speaks. */
export type ConnectionOptions = RedisOptions & { readonly replyMapping?: 'legacy' };
type Credentials = Pick<RedisOptions, 'username' | 'password'>;

interface Host {
  readonly host: string;
  readonly port: number;
}

/** Nodes of a cluster remembered besides those of the URL, which may be gone. */
const KNOWN_NODES_MAX = 1_024;

/**
 * @param url `redis://…` or `rediss://…` as ioredis takes them, `redis+sentinel://host:port,…/<name of the primary>` or
 *   `redis+cluster://host:port,…`; each may have `user:password@`
 * @throws StoreMisconfigured
 */
export function endpointsOf(url: string): Endpoints {
  if (!/^redis\+/.test(url)) return single(url);
  const match = /^redis\+(sentinel|cluster):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]+)(?:\/([^/?]*))?$/.exec(url);
  const [, kind, username = '', password = '', list = '', name = ''] = match ?? [];
  const hosts = list.split(',').map(hostOf);
  const credentials = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
  if (match === null || hosts.includes(undefined) || (kind === 'sentinel') === (name === '')) {
    throw new StoreMisconfigured(
      'this Redis URL is not understood: write redis+sentinel://host:port,host:port/<name of the primary> or ' +
        'redis+cluster://host:port,host:port',
    );
  }
  const known = hosts as Host[];
  return kind === 'sentinel' ? bySentinel(known, decodeURIComponent(name), credentials) : inCluster(known, credentials);
}

function single(url: string): Endpoints {
  const { hostname, port } = new URL(url);
  const address = `${hostname}:${port || '6379'}`;
  return { address, isCluster: false, of: () => ({ address, client: async (options) => new Redis(url, options) }) };
}

function bySentinel(sentinels: readonly Host[], name: string, credentials: Credentials): Endpoints {
  const address = `${name} of the sentinels ${namesOf(sentinels)}`;
  return {
    address,
    isCluster: false,
    of: () => ({
      address,
      client: async (options) =>
        new Redis({
          ...options,
          ...credentials,
          sentinels: [...sentinels],
          name,
          sentinelRetryStrategy: () => null,
          sentinelCommandTimeout: options.commandTimeout ?? 0,
        }),
    }),
  };
}

function inCluster(seeds: readonly Host[], credentials: Credentials): Endpoints {
  const address = `the cluster ${namesOf(seeds)}`;
  let nodes = seeds;
  // A node that is cut off answers with what it knew: who asks again asks another.
  let next = 0;
  const locate = async (key: string, options: ConnectionOptions): Promise<Host> => {
    let reason: unknown;
    for (let n = 0; n < nodes.length; n++) {
      const node = nodes[next++ % nodes.length] as Host;
      const client = new Redis({ ...options, ...credentials, ...node });
      client.on('error', (error) => {
        reason = error;
      });
      try {
        await client.connect();
        const slot = await client.call('CLUSTER', 'KEYSLOT', key);
        const ranges = rangesOf(await client.call('CLUSTER', 'SLOTS'), node.host);
        const primary = ranges.find(({ from, through }) => Number(slot) >= from && Number(slot) <= through)?.primary;
        const found = [...seeds, ...ranges.map((range) => range.primary)];
        nodes = [...new Map(found.map((host) => [nameOf(host), host])).values()].slice(0, KNOWN_NODES_MAX);
        if (primary !== undefined) return primary;
        reason = `no node has slot ${slot}`;
      } catch (error) {
        reason ??= error;
      } finally {
        client.disconnect();
      }
    }
    throw new StoreUnavailable(`no node of ${address} tells where ${key} is: ${reason}`);
  };
  return {
    address,
    isCluster: true,
    of: (key) => ({
      address,
      client: async (options) => new Redis({ ...options, ...credentials, ...(await locate(key, options)) }),
    }),
  };
}

interface SlotRange {
  readonly from: number;
  readonly through: number;
  readonly primary: Host;
}

/** The reply of CLUSTER SLOTS; a node without a name is the one that was asked. */
function rangesOf(reply: unknown, asked: string): SlotRange[] {
  const ranges = reply as [number, number, [string | null, number]][];
  return ranges.map(([from, through, [host, port]]) => ({ from, through, primary: { host: host || asked, port } }));
}

function hostOf(text: string): Host | undefined {
  const [, host, port = '6379'] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(text) ?? [];
  return host === undefined ? undefined : { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function namesOf(hosts: readonly Host[]): string {
  return hosts.map(nameOf).join(',');
}

function nameOf({ host, port }: Host): string {
  return `${host}:${port}`;
}
