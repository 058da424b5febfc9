// The mesh over real sockets: Unix sockets on one host, TCP between hosts, with TLS where a certificate is given. Links
// are dialled when they are needed and used both ways. SPEC.md says what holds.
import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket } from 'node:tls';
import { parseAddress } from './address.ts';
import { FRAME, HEAD_BYTES, writeHead } from './frame.ts';
import { MESH_LIMITS, type MeshLimits } from './limits.ts';
import { Link, type LinkDeps, type MeshCounts, STOPPING } from './link.ts';
import { listen } from './listen.ts';
import { Peer, type PeerDeps } from './peer.ts';
import { throwLater } from './pending-calls.ts';
import { type Mesh, type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from './port.ts';
import { describeTlsFailure, type MeshTls, refusalOf } from './tls.ts';

export interface MeshOptions {
  /** `unix:/path` or `tcp:host:port`; port 0 picks a free one. */
  readonly address: string;
  /** Where others reach it, when that differs (`tcp:0.0.0.0:7500`, address translation); port 0 is the one taken. */
  readonly advertise?: string;
  /** Shared by all workers of the cluster. */
  readonly secret: string;
  /** Workers of another cluster are refused. */
  readonly cluster: string;
  /** For TCP, both to listen and to dial. */
  readonly tls?: MeshTls;
  readonly limits?: Partial<MeshLimits>;
  readonly log: (line: string) => void;
}

export interface MeshFigures {
  /** Links that are up. */
  readonly links: number;
  /** Calls made so far. */
  readonly calls: number;
  /** Calls made so far that ended with a MeshFailure. */
  readonly failures: number;
  /** Messages without an answer, and answers, that were not sent. */
  readonly dropped: number;
  /** Bytes that wait to be written, or for a link. */
  readonly queuedBytes: number;
}

/** Starts listening. @throws when the address is none, is taken, or cannot be listened on; the message says why */
export async function listenMesh(options: MeshOptions): Promise<SocketMesh> {
  if (options.secret === '') throw new Error('the mesh needs a secret: without one any process could speak to workers');
  const limits = { ...MESH_LIMITS, ...options.limits };
  const server = createServerFor(options, limits);
  const address = await listen(server, options.address, options.advertise);
  return new SocketMesh(server, address, options, limits);
}

function createServerFor({ address, tls }: MeshOptions, limits: MeshLimits): Server {
  if (tls === undefined || 'path' in parseAddress(address)) return createServer();
  return createTlsServer({
    ...tls,
    minVersion: 'TLSv1.3',
    requestCert: true,
    // Whoever shows none of the authority's is turned away in #accept, where it can be told why.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMs,
  });
}

export class SocketMesh implements Mesh {
  readonly address: string;
  readonly #server: Server;
  readonly #options: MeshOptions;
  readonly #limits: MeshLimits;
  readonly #counts: MeshCounts = { calls: 0, failures: 0, dropped: 0 };
  readonly #handlers: (MeshHandler | undefined)[] = [];
  readonly #listeners: ((address: string) => void)[] = [];
  readonly #peers = new Map<string, Peer>();
  /** Accepted and dialled, until they end. */
  readonly #links = new Set<Link>();
  /** Until they are closed: what a link wrote last leaves after the link has ended. */
  readonly #sockets = new Set<Socket>();
  readonly #peerDeps: PeerDeps;
  readonly #loggedAt = new Map<string, number>();
  #handshakes = 0;
  #closing: Promise<void> | undefined;

  /** @internal: use listenMesh */
  constructor(server: Server, address: string, options: MeshOptions, limits: MeshLimits) {
    const { cluster, secret, log } = options;
    this.address = address;
    this.#server = server;
    this.#options = options;
    this.#limits = limits;
    const link: LinkDeps = {
      identity: { address, cluster, secret, instance: randomBytes(8).toString('hex') },
      limits,
      counts: this.#counts,
      up: (up) => {
        if (this.#links.has(up)) this.#handshakes -= 1;
        this.#links.add(up);
        this.#peer(up.address).up(up);
      },
      down: (down, reason) => this.#down(down, reason),
      handler: (kind) => this.#handlers[kind],
      handlerFailed: (kind, error) => {
        this.#logSeldom('handler', `mesh: a message of kind ${kind} was not handled: ${describe(error)}`);
      },
    };
    this.#peerDeps = {
      link,
      log,
      connect: (to) => this.#connect(to),
      down: (lost) => {
        for (const listener of this.#listeners) {
          try {
            listener(lost);
          } catch (error) {
            throwLater(error);
          }
        }
      },
    };
    const isTls = 'setSecureContext' in server;
    if (isTls) server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket));
    server.on('tlsClientError', (error: Error) => {
      this.#logSeldom('refused', `mesh: refused a connection: ${describeTlsFailure(error)}`);
    });
    server.on('error', (error) => log(`mesh: listening at ${address} failed: ${error.message}`));
  }

  /** For metrics. */
  figures(): MeshFigures {
    let links = 0;
    let queuedBytes = 0;
    for (const link of this.#links) {
      if (link.wasUp) links += 1;
      queuedBytes += link.queuedBytes;
    }
    for (const peer of this.#peers.values()) queuedBytes += peer.queuedBytes;
    return { links, ...this.#counts, queuedBytes };
  }

  handle(kind: MeshKind, handler: MeshHandler): void {
    this.#handlers[kind] = handler;
  }

  call(address: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    this.#counts.calls += 1;
    const link = this.#peers.get(address)?.link;
    if (link !== undefined) {
      link.call(kind, body, timeoutMs, done);
      return;
    }
    const refusal = this.#wait(address, kind, body, timeoutMs, done);
    if (refusal === undefined) return;
    this.#counts.failures += 1;
    process.nextTick(done, new MeshFailure(refusal));
  }

  notify(address: string, kind: MeshKind, body: Uint8Array): void {
    const link = this.#peers.get(address)?.link;
    const isSent =
      link !== undefined
        ? link.notify(kind, body)
        : this.#wait(address, kind, body, this.#limits.handshakeMs, undefined) === undefined;
    if (!isSent) this.#counts.dropped += 1;
  }

  onDown(listener: (address: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Fails what is pending, lets what was already answered leave (at most closeMs), ends the links and removes the
   * socket file. onDown is not told.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const peer of this.#peers.values()) peer.close();
    for (const link of [...this.#links]) link.end('the mesh is closed', STOPPING);
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, this.#limits.closeMs);
    await Promise.all([closed, ...[...this.#sockets].map(closedSocket)]);
    clearTimeout(late);
  }

  /** Why a message cannot wait for a link, if it cannot. */
  #wait(
    address: string,
    kind: MeshKind,
    body: Uint8Array,
    timeoutMs: number,
    done: MeshAnswer | undefined,
  ): string | undefined {
    if (this.#closing !== undefined) return 'the mesh is closed';
    if (!(timeoutMs > 0)) return `no time was left for ${address}`;
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      try {
        parseAddress(address);
      } catch (error) {
        return describe(error);
      }
      this.#forgetIdle();
      if (this.#peers.size >= this.#limits.peersMax)
        return `${address} is one address too many: ${this.#peers.size} are in use`;
      peer = this.#peer(address);
    }
    if (peer.wait(kind, body, timeoutMs, done)) return undefined;
    return `the queue to ${address} is full: ${peer.queuedBytes} bytes wait for a link`;
  }

  #peer(address: string): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      this.#forgetIdle();
      peer = new Peer(address, this.#peerDeps);
      this.#peers.set(address, peer);
    }
    return peer;
  }

  #forgetIdle(): void {
    if (this.#peers.size < this.#limits.peersMax) return;
    for (const [address, peer] of this.#peers) if (peer.isIdle) this.#peers.delete(address);
  }

  #connect(address: string): Socket {
    const target = parseAddress(address);
    const { tls } = this.#options;
    // Whoever has a certificate of the authority is a worker, wherever it runs; the handshake's proof is bound to the
    // TLS session, and names the address.
    const socket =
      tls !== undefined && 'host' in target
        ? connectTls({ ...tls, ...target, minVersion: 'TLSv1.3', checkServerIdentity: () => undefined })
        : connect(target);
    this.#keep(socket);
    return socket;
  }

  #accept(socket: Socket): void {
    if (this.#closing !== undefined || this.#handshakes >= this.#limits.handshakesMax) {
      // Unheard, an error of it would end the process.
      socket.on('error', () => {});
      socket.destroy();
      this.#logSeldom('crowd', `mesh: refused a connection: ${this.#handshakes} have not proved themselves yet`);
      return;
    }
    this.#keep(socket);
    this.#handshakes += 1;
    const refusal = socket instanceof TLSSocket ? refusalOf(socket) : undefined;
    if (refusal !== undefined) {
      this.#turnAway(socket, refusal);
      return;
    }
    this.#links.add(new Link(socket, undefined, this.#peerDeps.link));
  }

  /** Tells the peer why before it is let go; what it says is not read. */
  #turnAway(socket: Socket, why: string): void {
    this.#logSeldom('refused', `mesh: refused a connection from ${socket.remoteAddress}: ${why}`);
    const text = Buffer.from(why);
    const bye = Buffer.alloc(HEAD_BYTES + text.length);
    writeHead(bye, 0, FRAME.bye, 0, 0, 0, text.length);
    text.copy(bye, HEAD_BYTES);
    const late = setTimeout(() => socket.destroy(), this.#limits.closeMs);
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(late);
      this.#handshakes -= 1;
    });
    socket.resume();
    socket.end(bye);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #down(link: Link, reason: string): void {
    const wasAccepted = this.#links.delete(link) && !link.wasUp;
    if (wasAccepted) {
      this.#handshakes -= 1;
      if (this.#closing === undefined) this.#logSeldom('refused', `mesh: refused a connection: ${reason}`);
    }
    this.#peers.get(link.address)?.ended(link, reason);
  }

  #logSeldom(sort: string, line: string): void {
    const now = performance.now();
    if (now - (this.#loggedAt.get(sort) ?? Number.NEGATIVE_INFINITY) < this.#limits.logEveryMs) return;
    this.#loggedAt.set(sort, now);
    this.#options.log(line);
  }
}

function closedSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
