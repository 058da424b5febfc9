// The two connections to the server that holds a lane: one for writes, in order, and one for reads, so that appends
// need not wait behind large replies. Both are to the same server: after a fail-over the one that is still with the
// former primary would read what is lost.
import type { Redis } from 'ioredis';
import { StoreUnavailable } from '../port.ts';
import type { Endpoint } from './endpoint.ts';
import { Link } from './link.ts';
import { requirePrimary, type Server } from './server.ts';

export interface ChannelOptions {
  readonly endpoint: Endpoint;
  readonly replicas: number;
  readonly onWarning: (message: string) => void;
  /** Before a connection may write. */
  readonly prepare: (client: Redis, server: Server) => Promise<void>;
}

export class Channel {
  readonly writes: Link;
  readonly reads: Link;
  readonly #prepare: ChannelOptions['prepare'];

  constructor({ endpoint, replicas, onWarning, prepare }: ChannelOptions) {
    this.#prepare = prepare;
    this.writes = new Link({ endpoint, replicas, name: 'holdfast-writes', onWarning });
    this.reads = new Link({ endpoint, replicas: 0, name: 'holdfast-reads', onWarning: () => undefined });
  }

  /** @throws StoreUnavailable, StoreMisconfigured */
  async open(isReadOnly: boolean): Promise<void> {
    await this.reads.open(async (_, server) => this.#expectSame(server));
    if (isReadOnly) return;
    await this.writes.open(async (client, server) => {
      requirePrimary(server);
      await this.#prepare(client, server);
      if (this.reads.server?.runId !== server.runId) this.reads.drop('writes go to another server now');
    });
  }

  #expectSame({ address, runId }: Server): void {
    const { server } = this.writes;
    if (server === undefined || server.runId === runId) return;
    throw new StoreUnavailable(`reads found ${address}, and writes still go to ${server.address}`);
  }

  close(): void {
    this.writes.close();
    this.reads.close();
  }
}
