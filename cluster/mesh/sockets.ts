// The mesh over real sockets: Unix sockets on one host, TCP between hosts, with TLS where a certificate is given. Links
// are dialled when they are needed and used both ways; two between the same workers do no harm.
import { existsSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { Link, type LinkEvents, type LinkIdentity } from './link.ts';
import { type Mesh, type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from './port.ts';

export interface MeshTls {
  readonly key: string;
  readonly cert: string;
  /** Whoever shows a certificate of this authority is let in; both sides show one. */
  readonly ca: string;
}

export interface MeshOptions {
  /** `unix:/path` or `tcp:host:port`; port 0 picks a free one. */
  readonly address: string;
  /** Shared by all workers of the cluster. */
  readonly secret: string;
  /** Workers of another cluster are refused. */
  readonly cluster: string;
  /** For TCP. */
  readonly tls?: MeshTls;
  readonly log: (line: string) => void;
}

/** After a dial that failed, ms: from, to; doubles. */
const REDIAL_MS = [50, 1_000] as const;
/** Calls that wait for one link to come up. */
const WAITING_MAX = 65_536;

interface Waiting {
  readonly kind: MeshKind;
  readonly body: Uint8Array;
  readonly until: number;
  readonly done: MeshAnswer;
}

/** What is known of one peer. */
interface Peer {
  readonly links: Set<Link>;
  readonly waiting: Waiting[];
  isDialling: boolean;
  redialMs: number;
  /** Not before this time, monotonic ms. */
  redialAt: number;
}

/** Starts listening. @throws when the address is taken or cannot be listened on */
export async function listenMesh(options: MeshOptions): Promise<SocketMesh> {
  const server = options.tls === undefined ? createServer() : createTlsServer({ ...options.tls, requestCert: true });
  const address = await listen(server, options.address);
  return new SocketMesh(server, address, options);
}

async function listen(server: Server, address: string): Promise<string> {
  const target = targetOf(address);
  if ('path' in target && existsSync(target.path)) {
    if (await answers(target.path)) throw new Error(`another worker listens at ${address}`);
    // Left by a process that was killed.
    unlinkSync(target.path);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen for other workers at ${address}: ${error.message}`)),
    );
    server.listen(target, resolve);
  });
  if ('path' in target) return address;
  return `tcp:${target.host}:${(server.address() as AddressInfo).port}`;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

function targetOf(address: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) };
  const found = /^tcp:(.+):(\d{1,5})$/.exec(address);
  if (found === null) throw new Error(`${address} is no address: it takes unix:/path or tcp:host:port`);
  return { host: (found[1] as string).replace(/^\[(.*)\]$/, '$1'), port: Number(found[2]) };
}

export class SocketMesh implements Mesh {
  readonly address: string;
  readonly #server: Server;
  readonly #options: MeshOptions;
  readonly #identity: LinkIdentity;
  readonly #handlers = new Map<MeshKind, MeshHandler>();
  readonly #listeners: ((address: string) => void)[] = [];
  readonly #peers = new Map<string, Peer>();
  /** All, up or not. */
  readonly #links = new Set<Link>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;
  #dropped = 0;

  constructor(server: Server, address: string, options: MeshOptions) {
    this.address = address;
    this.#server = server;
    this.#options = options;
    this.#identity = { address, cluster: options.cluster, secret: options.secret };
    server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#links.add(new Link(socket, this.#identity, this.#events, false));
    });
    this.#timer = setInterval(() => this.#lookAtWaiting(), REDIAL_MS[0]).unref();
  }

  /** For metrics. */
  figures(): { readonly links: number; readonly queuedBytes: number; readonly dropped: number } {
    let queuedBytes = 0;
    for (const link of this.#links) queuedBytes += link.queuedBytes;
    return { links: this.#links.size, queuedBytes, dropped: this.#dropped };
  }

  readonly #events: LinkEvents = {
    up: (link) => {
      const peer = this.#peer(link.peer);
      peer.links.add(link);
      [peer.redialMs, peer.redialAt] = [REDIAL_MS[0], 0];
      const now = performance.now();
      for (const { kind, body, until, done } of peer.waiting.splice(0)) link.call(kind, body, until - now, done);
    },
    down: (link, reason) => {
      this.#links.delete(link);
      const { peer: address } = link;
      const peer = this.#peers.get(address);
      if (address === '' && !this.#isClosed) this.#options.log(`a link between workers was refused: ${reason}`);
      if (peer?.links.delete(link) !== true || peer.links.size > 0 || this.#isClosed) return;
      this.#options.log(`the link to ${address} ended: ${reason}`);
      for (const listener of this.#listeners) listener(address);
    },
    handler: (kind) => this.#handlers.get(kind),
  };

  handle(kind: MeshKind, handler: MeshHandler): void {
    this.#handlers.set(kind, handler);
  }

  call(address: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    const peer = this.#peer(address);
    const [link] = peer.links;
    if (link !== undefined) {
      link.call(kind, body, timeoutMs, done);
      return;
    }
    if (this.#isClosed || peer.waiting.length >= WAITING_MAX) {
      const why = this.#isClosed ? 'the mesh is closed' : `too many calls wait for a link to ${address}`;
      process.nextTick(done, new MeshFailure(why));
      return;
    }
    peer.waiting.push({ kind, body: Uint8Array.from(body), until: performance.now() + timeoutMs, done });
    this.#dial(address, peer);
  }

  notify(address: string, kind: MeshKind, body: Uint8Array): void {
    const peer = this.#peer(address);
    const [link] = peer.links;
    if (link?.notify(kind, body) === true) return;
    this.#dropped += 1;
    if (link === undefined && !this.#isClosed) this.#dial(address, peer);
  }

  onDown(listener: (address: string) => void): void {
    this.#listeners.push(listener);
  }

  #peer(address: string): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      peer = { links: new Set(), waiting: [], isDialling: false, redialMs: REDIAL_MS[0], redialAt: 0 };
      this.#peers.set(address, peer);
    }
    return peer;
  }

  #dial(address: string, peer: Peer): void {
    if (peer.isDialling || performance.now() < peer.redialAt) return;
    peer.isDialling = true;
    const target = targetOf(address);
    const { tls } = this.#options;
    const socket = tls !== undefined && 'host' in target ? connectTls({ ...tls, ...target }) : connect(target);
    const settled = (): void => {
      peer.isDialling = false;
      peer.redialAt = performance.now() + peer.redialMs;
      peer.redialMs = Math.min(peer.redialMs * 2, REDIAL_MS[1]);
    };
    socket.once('error', (error) => {
      settled();
      for (const { done } of peer.waiting.splice(0)) done(new MeshFailure(`no way to ${address}: ${error.message}`));
    });
    socket.once(tls !== undefined && 'host' in target ? 'secureConnect' : 'connect', () => {
      settled();
      this.#links.add(new Link(socket, this.#identity, this.#events, true));
    });
  }

  /** Calls that have waited too long for a link, and peers to be dialled again. */
  #lookAtWaiting(): void {
    const now = performance.now();
    for (const [address, peer] of this.#peers) {
      if (peer.waiting.length === 0) continue;
      const late = peer.waiting.filter(({ until }) => until <= now);
      if (late.length > 0) {
        const left = peer.waiting.filter(({ until }) => until > now);
        peer.waiting.splice(0, peer.waiting.length, ...left);
        for (const { done } of late) done(new MeshFailure(`no link to ${address} in time`));
      }
      if (peer.links.size === 0 && peer.waiting.length > 0) this.#dial(address, peer);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const link of [...this.#links]) link.end('this worker is stopping');
    for (const peer of this.#peers.values()) {
      for (const { done } of peer.waiting.splice(0)) done(new MeshFailure('this worker is stopping'));
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
