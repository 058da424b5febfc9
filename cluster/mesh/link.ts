// One link between two workers: proves that both know the secret, then carries calls both ways over one socket. What is
// sent in one turn of the event loop is written together. SPEC.md has its states.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { FRAME, FrameReader, HEAD_BYTES } from './frame.ts';
import {
  checkHello,
  checkProof,
  decodeHello,
  encodeHello,
  type Hello,
  MESH_PROTOCOL,
  printable,
  proofOf,
  type Role,
} from './handshake.ts';
import type { MeshLimits } from './limits.ts';
import { OutgoingQueue } from './outgoing.ts';
import { PendingCalls } from './pending-calls.ts';
import { type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from './port.ts';
import { describeTlsFailure, HUNG_UP, isTlsRecord, SPEAKS_TLS } from './tls.ts';

/** What a worker says of itself on all its links. */
export interface LinkIdentity {
  readonly address: string;
  readonly cluster: string;
  readonly instance: string;
  readonly secret: string;
}

/** Counted over all links, for metrics. */
export interface MeshCounts {
  calls: number;
  failures: number;
  dropped: number;
}

export interface LinkDeps {
  readonly identity: LinkIdentity;
  readonly limits: MeshLimits;
  readonly counts: MeshCounts;
  /** The peer has proved itself. */
  readonly up: (link: Link) => void;
  /** Called once, also when it was never up. `reason` says what ended it. */
  readonly down: (link: Link, reason: string) => void;
  readonly handler: (kind: MeshKind) => MeshHandler | undefined;
  /** A handler threw. */
  readonly handlerFailed: (kind: MeshKind, error: unknown) => void;
}

/** What a worker that stops in order says on its links last. */
export const STOPPING = 'it is stopping';

const NOTHING = new Uint8Array(0);
const TIMER_MS_MAX = 0x7fff_ffff;
const NONCE_BYTES = 16;
/** The label and length of RFC 9266. */
const BINDING = { label: 'EXPORTER-Channel-Binding', bytes: 32 } as const;

const noReply = (): void => {};

export class Link {
  readonly #socket: Socket;
  readonly #deps: LinkDeps;
  readonly #limits: MeshLimits;
  readonly #role: Role;
  /** Where the peer was dialled. */
  readonly #dialled: string | undefined;
  readonly #hello: Hello;
  readonly #helloBytes: Buffer;
  #peer: Hello | undefined;
  #peerHelloBytes: Buffer | undefined;
  readonly #reader: FrameReader;
  readonly #queue = new OutgoingQueue();
  readonly #pending = new PendingCalls();
  #isAnswered = false;
  #isUp = false;
  #isDown = false;
  #hasTakenLeave = false;
  #isFlushDue = false;
  /** A piece of the queue is with the socket. */
  #isWriting = false;
  // What happened since the last beat, and for how many beats nothing has.
  #hasHeard = false;
  #hasSpoken = false;
  #hasProgressed = false;
  #silentBeats = 0;
  #stuckBeats = 0;
  #timer: NodeJS.Timeout;
  #timeout: NodeJS.Timeout | undefined;
  /** When #timeout looks, monotonic ms. */
  #looksAt = Number.POSITIVE_INFINITY;

  /** @param dialled where the socket connects to; undefined for one that was accepted */
  constructor(socket: Socket, dialled: string | undefined, deps: LinkDeps) {
    const { identity, limits } = deps;
    this.#socket = socket;
    this.#deps = deps;
    this.#limits = limits;
    this.#dialled = dialled;
    this.#role = dialled === undefined ? 'acceptor' : 'dialer';
    this.#reader = new FrameReader(limits.handshakeBytesMax);
    const { address, cluster, instance } = identity;
    const nonce = randomBytes(NONCE_BYTES).toString('hex');
    this.#hello = { protocol: MESH_PROTOCOL, cluster, address, instance, nonce };
    this.#helloBytes = encodeHello(this.#hello);
    const late = `no handshake within ${limits.handshakeMs} ms`;
    this.#timer = setTimeout(() => this.end(late), limits.handshakeMs).unref();
    socket.setNoDelay(true);
    socket.on('data', this.#read);
    const isTls = socket instanceof TLSSocket;
    socket.on('error', (error) => this.end(this.#failureOf(error)));
    socket.on('close', () => this.end(this.#isHungUp() ? HUNG_UP : 'the peer closed it'));
    socket.once('connect', () => {
      this.#isAnswered = true;
    });
    if (this.#role === 'dialer') {
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        this.#push(FRAME.hello, 0, this.#helloBytes);
      });
    }
  }

  /** Where the peer is reached, once it is up; before, where it was dialled, or ''. */
  get address(): string {
    return this.#isUp && this.#peer !== undefined ? this.#peer.address : (this.#dialled ?? '');
  }

  /** Names the peer's process, once it is up. */
  get instance(): string {
    return this.#peer?.instance ?? '';
  }

  /** Somebody took the connection that was dialled, whoever it is. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** The peer has proved itself; stays true when the link has ended. */
  get wasUp(): boolean {
    return this.#isUp;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** The peer said before the end that it is stopping. */
  get hasTakenLeave(): boolean {
    return this.#hasTakenLeave;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** As Mesh.call, over this link. */
  call(kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    const refusal = this.#refusalOf(body) ?? (timeoutMs > 0 ? undefined : `no time was left for ${this.address}`);
    if (refusal !== undefined) {
      this.#deps.counts.failures += 1;
      process.nextTick(done, new MeshFailure(refusal));
      return;
    }
    const leftMs = Math.min(Math.ceil(timeoutMs), TIMER_MS_MAX);
    const until = performance.now() + leftMs;
    const call = this.#pending.add(done, until);
    if (until < this.#looksAt - this.#limits.timeoutGrainMs) this.#lookAt(until);
    this.#push(FRAME.call, call, body, kind, leftMs);
  }

  /** False when it was dropped. */
  notify(kind: MeshKind, body: Uint8Array): boolean {
    if (this.#refusalOf(body) !== undefined) return false;
    this.#push(FRAME.notify, 0, body, kind);
    return true;
  }

  /**
   * Ends the link at once; whoever waits for an answer is told that none will come.
   * @param bye what the peer is told, after what was queued for it has left
   */
  end(reason: string, bye?: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#timeout);
    if (bye === undefined || this.#socket.connecting) this.#socket.destroy();
    else this.#leave(bye);
    this.#deps.down(this, reason);
    const broken = new MeshFailure(`the link to ${this.address || 'a worker'} has ended: ${reason}`);
    this.#deps.counts.failures += this.#pending.failAll(broken);
  }

  #leave(bye: string): void {
    const socket = this.#socket;
    this.#queue.push(FRAME.bye, 0, 0, 0, Buffer.from(bye));
    for (const piece of this.#queue.rest()) socket.write(piece);
    socket.end();
    const late = setTimeout(() => socket.destroy(), this.#limits.closeMs);
    socket.once('close', () => clearTimeout(late));
  }

  #failureOf(error: NodeJS.ErrnoException): string {
    if (error.code === 'ECONNRESET' && this.#isHungUp()) return HUNG_UP;
    return this.#socket instanceof TLSSocket ? describeTlsFailure(error) : error.message || error.name;
  }

  /** It took the connection without TLS and ended it before it said who it is. */
  #isHungUp(): boolean {
    return this.#dialled?.startsWith('tcp:') === true && !(this.#socket instanceof TLSSocket) && !this.#peer;
  }

  // Reading.

  readonly #read = (chunk: Buffer): void => {
    if (this.#isDown) return;
    this.#hasHeard = true;
    try {
      if (this.#peer === undefined && isTlsRecord(chunk)) throw new Error(SPEAKS_TLS);
      this.#reader.read(chunk, this.#onFrame);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.end(why, why);
    }
  };

  readonly #onFrame = (type: number, kind: number, call: number, leftMs: number, body: Buffer): void => {
    if (this.#isDown) return;
    if (type === FRAME.bye) {
      const why = printable(body.toString());
      this.#hasTakenLeave = this.#isUp && why === STOPPING;
      this.end(`${this.#isUp ? 'its worker says' : 'it refuses this worker'}: ${why}`);
      return;
    }
    if (!this.#isUp) {
      this.#introduce(type, body);
      return;
    }
    switch (type) {
      case FRAME.call:
        this.#called(kind as MeshKind, call, leftMs, body);
        return;
      case FRAME.reply:
        this.#pending.settle(call, body);
        return;
      case FRAME.refused:
        if (this.#pending.settle(call, new MeshFailure(body.toString()))) this.#deps.counts.failures += 1;
        return;
      case FRAME.notify:
        this.#notified(kind as MeshKind, body);
        return;
      case FRAME.beat:
        return;
      default: {
        const why = `a frame of the unknown type ${type}`;
        this.end(why, why);
      }
    }
  };

  #called(kind: MeshKind, call: number, leftMs: number, body: Buffer): void {
    const handler = this.#deps.handler(kind);
    if (handler === undefined) {
      this.#refuse(call, `${this.#hello.address} does not know messages of kind ${kind}`);
      return;
    }
    let isAnswered = false;
    const reply = (answer: Uint8Array): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.#reply(call, answer);
    };
    try {
      handler(body, reply, this.address, leftMs);
    } catch (error) {
      this.#deps.handlerFailed(kind, error);
      if (isAnswered) return;
      isAnswered = true;
      this.#refuse(call, `${this.#hello.address} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #notified(kind: MeshKind, body: Buffer): void {
    try {
      this.#deps.handler(kind)?.(body, noReply, this.address, 0);
    } catch (error) {
      this.#deps.handlerFailed(kind, error);
    }
  }

  #reply(call: number, answer: Uint8Array): void {
    if (this.#isDown) return;
    const tooMuch = this.#overflowOf(answer);
    if (tooMuch === undefined) {
      this.#push(FRAME.reply, call, answer);
      return;
    }
    this.#deps.counts.dropped += 1;
    this.#refuse(call, `the answer of ${this.#hello.address} was dropped: ${tooMuch}`);
  }

  #refuse(call: number, why: string): void {
    if (this.#isDown) return;
    const { queueBytesMax, refusalBytesMax } = this.#limits;
    if (this.#queue.bytes > queueBytesMax + refusalBytesMax) {
      this.end(`it asks and reads no answers: ${this.#queue.bytes} bytes wait for it`);
      return;
    }
    this.#push(FRAME.refused, call, Buffer.from(why));
  }

  // The handshake: the dialer's hello; the acceptor's hello and proof; the dialer's proof.

  #introduce(type: number, body: Buffer): void {
    const isDialer = this.#role === 'dialer';
    if (this.#peer === undefined) {
      if (type !== FRAME.hello) throw new Error(`a frame of type ${type} instead of a hello`);
      // The body is a view that will not last, and the proofs are over it.
      this.#peerHelloBytes = Buffer.from(body);
      this.#peer = decodeHello(body);
      checkHello(this.#hello, this.#peer, this.#dialled);
      if (isDialer) return;
      this.#push(FRAME.hello, 0, this.#helloBytes);
      this.#push(FRAME.proof, 0, this.#proof('acceptor'));
      return;
    }
    if (type !== FRAME.proof) throw new Error(`a frame of type ${type} instead of a proof`);
    checkProof(body, this.#proof(isDialer ? 'acceptor' : 'dialer'));
    // The dialer's proof; and the acceptor's word that it was taken.
    if (isDialer) this.#push(FRAME.proof, 0, this.#proof('dialer'));
    else this.#push(FRAME.beat, 0, NOTHING);
    this.#isUp = true;
    this.#reader.frameBytesMax = this.#limits.frameBytesMax;
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => this.#beat(), this.#limits.beatMs).unref();
    this.#deps.up(this);
  }

  #proof(role: Role): Buffer {
    const own = this.#helloBytes;
    const peer = this.#peerHelloBytes ?? Buffer.alloc(0);
    const [dialer, acceptor] = this.#role === 'dialer' ? [own, peer] : [peer, own];
    const socket = this.#socket;
    const binding =
      socket instanceof TLSSocket
        ? socket.exportKeyingMaterial(BINDING.bytes, BINDING.label, Buffer.alloc(0))
        : Buffer.alloc(0);
    return proofOf(role, dialer, acceptor, binding, this.#deps.identity.secret);
  }

  // Writing.

  #push(type: number, call: number, body: Uint8Array, kind = 0, leftMs = 0): void {
    this.#queue.push(type, kind, call, leftMs, body);
    if (!this.#isFlushDue && !this.#isWriting) this.#flushSoon();
  }

  #flushSoon(): void {
    this.#isFlushDue = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushDue = false;
    if (this.#isDown || this.#isWriting) return;
    const piece = this.#queue.take(this.#limits.writeBytesMax);
    if (piece === undefined) return;
    this.#isWriting = true;
    this.#hasSpoken = true;
    this.#socket.write(piece, this.#onWritten);
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (error || this.#isDown) return;
    this.#isWriting = false;
    this.#hasProgressed = true;
    this.#queue.gone();
    if (this.#queue.bytes > 0 && !this.#isFlushDue) this.#flushSoon();
  };

  /** Why a message cannot be sent. */
  #refusalOf(body: Uint8Array): string | undefined {
    if (this.#isDown) return `the link to ${this.address} has ended`;
    const { callsMax } = this.#limits;
    if (this.#pending.size >= callsMax) {
      return `the queue to ${this.address} is full: ${callsMax} calls wait for their answers`;
    }
    return this.#overflowOf(body);
  }

  #overflowOf(body: Uint8Array): string | undefined {
    const { queueBytesMax, frameBytesMax } = this.#limits;
    const bytes = HEAD_BYTES + body.length;
    if (bytes > frameBytesMax) return `a message of ${bytes} bytes; at most ${frameBytesMax} are sent`;
    if (this.#queue.bytes + bytes <= queueBytesMax) return undefined;
    return `the queue to ${this.address} is full: ${this.#queue.bytes} bytes wait to be written`;
  }

  // Time.

  /**
   * Beats are counted instead of milliseconds: while this very process stands still, what its peer said waits to be
   * read, and one beat is all that goes by.
   */
  #beat(): void {
    const { beatMs, silentBeatsMax } = this.#limits;
    this.#silentBeats = this.#hasHeard ? 0 : this.#silentBeats + 1;
    this.#stuckBeats = this.#hasProgressed || !this.#isWriting ? 0 : this.#stuckBeats + 1;
    this.#hasHeard = false;
    this.#hasProgressed = false;
    if (this.#silentBeats >= silentBeatsMax) {
      this.end(`nothing came from it for ${silentBeatsMax * beatMs} ms`);
      return;
    }
    if (this.#stuckBeats >= silentBeatsMax) {
      this.end(`it took nothing for ${silentBeatsMax * beatMs} ms while ${this.#queue.bytes} bytes waited for it`);
      return;
    }
    if (!this.#hasSpoken) this.#push(FRAME.beat, 0, NOTHING);
    this.#hasSpoken = false;
  }

  /** One timer for all calls: it looks when the first may be due. */
  #lookAt(at: number): void {
    this.#looksAt = at;
    clearTimeout(this.#timeout);
    this.#timeout = setTimeout(this.#look, Math.max(at - performance.now(), this.#limits.timeoutGrainMs)).unref();
  }

  readonly #look = (): void => {
    this.#looksAt = Number.POSITIVE_INFINITY;
    this.#deps.counts.failures += this.#pending.expire(performance.now(), this.#noAnswer);
    const { earliest } = this.#pending;
    if (earliest < this.#looksAt && !this.#isDown) this.#lookAt(earliest);
  };

  readonly #noAnswer = (): string => `no answer from ${this.address} in time`;
}
