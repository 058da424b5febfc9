// One link between two workers: proves that both know the secret, then carries calls both ways over one socket. What
// is sent in one turn is written together. A peer that goes silent is found by its missing pongs.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { BODY_BYTES_MAX, FRAME, FrameReader, FrameWriter } from './frame.ts';
import { type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from './port.ts';

const PROTOCOL = 1;
/** A peer that has not proved itself by then is nobody, ms. */
const HANDSHAKE_MS = 2_000;
/** Before the proof nothing longer is read. */
const HANDSHAKE_BYTES_MAX = 4_096;
const PING_MS = 500;
/** A peer from which nothing has come for so long is gone, though its socket may stand, ms. */
const SILENT_MS = 1_500;
/** Bytes that wait for the peer to read them. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
const CALLS_MAX = 65_536;
/** The timeouts of calls are looked at so often, ms. */
const TIMEOUT_LOOK_MS = 25;

export interface LinkIdentity {
  /** Where this worker listens. */
  readonly address: string;
  /** Links between different clusters are refused. */
  readonly cluster: string;
  readonly secret: string;
}

export interface LinkEvents {
  up(link: Link): void;
  /** Called once, also when it was never up. */
  down(link: Link, reason: string): void;
  handler(kind: MeshKind): MeshHandler | undefined;
}

interface Hello {
  readonly protocol: number;
  readonly cluster: string;
  readonly address: string;
  readonly nonce: string;
}

interface Pending {
  readonly done: MeshAnswer;
  readonly until: number;
}

export class Link {
  readonly #socket: Socket;
  readonly #identity: LinkIdentity;
  readonly #events: LinkEvents;
  readonly #isDialer: boolean;
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #writer = new FrameWriter();
  readonly #reader = new FrameReader(HANDSHAKE_BYTES_MAX);
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  #hello: Hello | undefined;
  #isUp = false;
  #isDown = false;
  #flushDue = false;
  #heardAt = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(socket: Socket, identity: LinkIdentity, events: LinkEvents, isDialer: boolean) {
    this.#socket = socket;
    this.#identity = identity;
    this.#events = events;
    this.#isDialer = isDialer;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the peer closed the link'));
    const late = setTimeout(() => this.end(`no handshake within ${HANDSHAKE_MS} ms`), HANDSHAKE_MS);
    this.#timers.push(late.unref());
    if (isDialer) this.#greet();
  }

  /** Where the peer listens; '' before it has proved itself. */
  get peer(): string {
    return this.#isUp ? (this.#hello?.address ?? '') : '';
  }

  get isUp(): boolean {
    return this.#isUp && !this.#isDown;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength + this.#writer.length;
  }

  #greet(): void {
    const { address, cluster } = this.#identity;
    const hello: Hello = { protocol: PROTOCOL, cluster, address, nonce: this.#nonce };
    this.#write(FRAME.hello, 0, Buffer.from(JSON.stringify(hello)));
  }

  #read(chunk: Buffer): void {
    this.#heardAt = performance.now();
    try {
      this.#reader.read(chunk, this.#onFrame);
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  readonly #onFrame = (type: number, call: number, body: Buffer): void => {
    if (this.#isDown) return;
    if (!this.#isUp) {
      this.#handshake(type, body);
      return;
    }
    switch (type) {
      case FRAME.call:
        this.#called(call, body);
        return;
      case FRAME.reply:
        this.#settle(call, body);
        return;
      case FRAME.refused:
        this.#settle(call, new MeshFailure(body.toString()));
        return;
      case FRAME.notify:
        this.#events.handler(body[0] as MeshKind)?.(body.subarray(1), () => {}, this.peer, 0);
        return;
      case FRAME.ping:
        this.#write(FRAME.pong, 0, NOTHING);
        return;
      case FRAME.pong:
        return;
      default:
        this.end(`a frame of type ${type}`);
    }
  };

  #handshake(type: number, body: Buffer): void {
    if (type === FRAME.hello && this.#hello === undefined) {
      const hello = JSON.parse(body.toString()) as Hello;
      const { cluster } = this.#identity;
      if (hello.protocol !== PROTOCOL)
        throw new Error(`a worker that speaks mesh protocol ${hello.protocol}, not ${PROTOCOL}`);
      if (hello.cluster !== cluster) throw new Error(`a worker of another cluster: ${hello.cluster}, not ${cluster}`);
      if (typeof hello.address !== 'string' || typeof hello.nonce !== 'string') throw new Error('no hello');
      this.#hello = hello;
      if (!this.#isDialer) this.#greet();
      this.#write(FRAME.proof, 0, this.#proof(this.#isDialer, hello));
      return;
    }
    if (type !== FRAME.proof || this.#hello === undefined) throw new Error(`a frame of type ${type} before the proof`);
    const expected = this.#proof(!this.#isDialer, this.#hello);
    if (body.length !== expected.length || !timingSafeEqual(body, expected)) {
      throw new Error('a worker that does not know the secret: HOLDFAST_MESH_SECRET must be the same for all');
    }
    this.#isUp = true;
    this.#reader.bodyBytesMax = BODY_BYTES_MAX;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#timers.push(setInterval(() => this.#beat(), PING_MS).unref());
    this.#timers.push(setInterval(() => this.#expire(), TIMEOUT_LOOK_MS).unref());
    this.#events.up(this);
  }

  /** Of one side: over both nonces and addresses, so that no proof fits another link or the other direction. */
  #proof(isDialers: boolean, hello: Hello): Buffer {
    const { address, secret } = this.#identity;
    const mine = [this.#nonce, address];
    const theirs = [hello.nonce, hello.address];
    const parts = this.#isDialer ? [...mine, ...theirs] : [...theirs, ...mine];
    return createHmac('sha256', secret)
      .update(JSON.stringify([isDialers ? 'dialer' : 'acceptor', ...parts]))
      .digest();
  }

  #called(call: number, body: Buffer): void {
    const kind = body[0] as MeshKind;
    const handler = this.#events.handler(kind);
    if (handler === undefined) {
      this.#write(FRAME.refused, call, Buffer.from(`a message of kind ${kind} is not known here`));
      return;
    }
    try {
      handler(
        body.subarray(5),
        (answer) => {
          if (!this.#isDown) this.#write(FRAME.reply, call, answer);
        },
        this.peer,
        body.readUInt32LE(1),
      );
    } catch (error) {
      this.#write(FRAME.refused, call, Buffer.from(error instanceof Error ? error.message : String(error)));
    }
  }

  call(kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    const refusal = this.#isFull(body);
    if (refusal !== undefined) {
      process.nextTick(done, refusal);
      return;
    }
    this.#calls = (this.#calls + 1) >>> 0;
    this.#pending.set(this.#calls, { done, until: performance.now() + timeoutMs });
    const at = this.#writer.frame(FRAME.call, this.#calls, body, 5);
    this.#writer.u8(at, kind);
    this.#writer.u32(at + 1, Math.min(timeoutMs, 0xffffffff));
    this.#flushSoon();
  }

  /** False when it was dropped. */
  notify(kind: MeshKind, body: Uint8Array): boolean {
    if (this.#isFull(body) !== undefined) return false;
    const at = this.#writer.frame(FRAME.notify, 0, body, 1);
    this.#writer.u8(at, kind);
    this.#flushSoon();
    return true;
  }

  #isFull(body: Uint8Array): MeshFailure | undefined {
    if (body.length > BODY_BYTES_MAX)
      return new MeshFailure(`a message of ${body.length} bytes; at most ${BODY_BYTES_MAX}`);
    if (this.queuedBytes < QUEUE_BYTES_MAX && this.#pending.size < CALLS_MAX) return undefined;
    return new MeshFailure(`the queue to ${this.peer} is full: ${this.queuedBytes} bytes, ${this.#pending.size} calls`);
  }

  #write(type: number, call: number, body: Uint8Array): void {
    this.#writer.frame(type, call, body);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    if (!this.#isDown && this.#writer.length > 0) this.#socket.write(this.#writer.take());
  };

  #settle(call: number, answer: Uint8Array | MeshFailure): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    this.#pending.delete(call);
    pending.done(answer);
  }

  #expire(): void {
    const now = performance.now();
    for (const [call, { until }] of this.#pending) {
      if (until <= now) this.#settle(call, new MeshFailure(`no answer from ${this.peer} in time`));
    }
  }

  #beat(): void {
    if (performance.now() - this.#heardAt > SILENT_MS && this.#wasAwake()) this.end(`nothing came for ${SILENT_MS} ms`);
    else this.#write(FRAME.ping, 0, NOTHING);
    this.#beatAt = performance.now();
  }

  #beatAt = performance.now();

  /** After a pause of this very process what the peer sent may still wait to be read. */
  #wasAwake(): boolean {
    return performance.now() - this.#beatAt < 2 * PING_MS;
  }

  /** Ends the link; whoever waits for an answer is told that none will come. */
  end(reason: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#socket.destroy();
    const broken = new MeshFailure(`the link to ${this.#hello?.address ?? 'the peer'} broke: ${reason}`);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#events.down(this, reason);
    for (const { done } of pending) done(broken);
  }
}

const NOTHING = new Uint8Array(0);
