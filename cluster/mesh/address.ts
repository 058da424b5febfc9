// Addresses of workers: `unix:/path` and `tcp:host:port`.

export type Target =
  | { readonly path: string }
  | {
      /** Without the brackets of an IPv6 address. */
      readonly host: string;
      readonly port: number;
    };

/** What the system takes for the name of a Unix socket, with its final zero. */
const PATH_BYTES_MAX = 108;
const PORT_MAX = 65_535;

/** @throws when it is no address; the message says what one is */
export function parseAddress(address: string): Target {
  if (address.startsWith('unix:/')) {
    const path = address.slice('unix:'.length);
    if (Buffer.byteLength(path) >= PATH_BYTES_MAX || path.includes('\0')) {
      throw new Error(`${address} is too long: the path of a Unix socket is less than ${PATH_BYTES_MAX} bytes`);
    }
    return { path };
  }
  const found = /^tcp:(\[[^\]]+\]|[^[\]/\s]+):(\d{1,5})$/.exec(address);
  const port = Number(found?.[2]);
  if (found === null || port > PORT_MAX) {
    throw new Error(`${address} is no address of a worker: it takes unix:/path or tcp:host:port`);
  }
  return { host: (found[1] as string).replace(/^\[(.*)\]$/, '$1'), port };
}

export function formatAddress(target: Target): string {
  if ('path' in target) return `unix:${target.path}`;
  return `tcp:${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/** A host at which one listens on all networks, and which therefore tells nobody where to connect. */
export function isWildcard(target: Target): boolean {
  return 'host' in target && /^(0\.0\.0\.0|[0:]*:[0:]*)$/.test(target.host);
}
