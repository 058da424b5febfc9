// Listening for other workers: takes the address, replaces the socket file of a process that died, refuses one in use.
import { chmodSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, type Server } from 'node:net';
import { formatAddress, isWildcard, parseAddress, type Target } from './address.ts';

/** A process that has not taken a connection within this time is stopped or very busy, but it lives, ms. */
const PROBE_MS = 1_000;
/** Others on the host cannot even knock. */
const OWNER_ONLY = 0o600;

/**
 * Listens at `address`.
 * @param advertise where others reach it, when that is not where it listens; its port 0 stands for the one taken
 * @returns the address that others use
 * @throws when the address is taken, is none, or says nothing to others; the message says what to do
 */
export async function listen(server: Server, address: string, advertise: string | undefined): Promise<string> {
  const target = parseAddress(address);
  const shown = advertise === undefined ? target : parseAddress(advertise);
  if (isWildcard(shown)) {
    throw new Error(
      `${address} is every network of this host, and no other host can connect to that: name one of them`,
    );
  }
  if ('path' in target) await removeStale(target.path);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message;
      reject(new Error(`cannot listen for other workers at ${address}: ${why}`));
    };
    server.once('error', failed);
    server.listen(target, () => {
      server.off('error', failed);
      resolve();
    });
  });
  if ('path' in target) chmodSync(target.path, OWNER_ONLY);
  return formatAddress(withPort(shown, server));
}

function withPort(target: Target, server: Server): Target {
  if ('path' in target || target.port !== 0) return target;
  return { host: target.host, port: (server.address() as AddressInfo).port };
}

async function removeStale(path: string): Promise<void> {
  let found: Stats;
  try {
    found = lstatSync(path);
  } catch {
    return;
  }
  if (!found.isSocket())
    throw new Error(`cannot listen for other workers at unix:${path}: a file that is no socket is there`);
  if (await isAlive(path)) {
    throw new Error(`cannot listen for other workers at unix:${path}: a worker that is alive listens there`);
  }
  unlinkSync(path);
}

/** Only a refused connection proves that nobody listens. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path, timeout: PROBE_MS });
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => settle(true));
    probe.once('timeout', () => settle(true));
    probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'));
  });
}
