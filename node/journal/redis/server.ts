// Which server is at the other end of a connection: after a fail-over it is another, though the address may be the same.
import type { Redis } from 'ioredis';
import { StoreUnavailable } from '../port.ts';
import { parseInfo } from './configuration.ts';

export interface Server {
  /** host:port as connected to, without credentials. */
  readonly address: string;
  /** Random, drawn by the server when it starts. */
  readonly runId: string;
  readonly isPrimary: boolean;
  /** Replicas that are connected to it. */
  readonly replicas: number;
}

export async function serverOf(client: Redis): Promise<Server> {
  const [server, replication] = await Promise.all([client.info('server'), client.info('replication')]);
  const roles = parseInfo(replication);
  const { remoteAddress = '?', remotePort = 0 } = client.stream ?? {};
  return {
    address: `${remoteAddress}:${remotePort}`,
    runId: parseInfo(server).get('run_id') ?? '',
    isPrimary: roles.get('role') !== 'slave',
    replicas: Number(roles.get('connected_slaves') ?? 0),
  };
}

/** @throws StoreUnavailable for a replica: a primary is what can be written to */
export function requirePrimary({ isPrimary, address }: Server): void {
  if (isPrimary) return;
  throw new StoreUnavailable(
    `Redis at ${address} is a read-only replica; connect to its primary, or promote it (REPLICAOF NO ONE)`,
  );
}
