// One address and all that leads to it: its links, the dialling of new ones, and the messages that wait for that.
import type { Socket } from 'node:net';
import { HEAD_BYTES } from './frame.ts';
import { Link, type LinkDeps } from './link.ts';
import { tell } from './pending-calls.ts';
import { type MeshAnswer, MeshFailure, type MeshKind } from './port.ts';

interface Waiting {
  readonly kind: MeshKind;
  readonly body: Uint8Array;
  /** Monotonic ms. */
  readonly until: number;
  /** Undefined for a message without an answer. */
  readonly done: MeshAnswer | undefined;
}

export interface PeerDeps {
  readonly link: LinkDeps;
  /** @throws when the address is none */
  readonly connect: (address: string) => Socket;
  readonly log: (line: string) => void;
  /** Its last link has ended. */
  readonly down: (address: string) => void;
}

export class Peer {
  readonly address: string;
  readonly #deps: PeerDeps;
  /** Those that are up, the one that came up last first. */
  #links: Link[] = [];
  /** Being dialled. */
  #attempt: Link | undefined;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = 0;
  #lastFailure = '';
  /** The last of them that was logged. */
  #toldFailure = '';
  #wasUp = false;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #redial: NodeJS.Timeout | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(address: string, deps: PeerDeps) {
    this.address = address;
    this.#deps = deps;
  }

  /** The link to send over. The newest: an older one may have lost its peer and not know it yet. */
  get link(): Link | undefined {
    return this.#links[0];
  }

  /** Nothing leads to it and nothing wants to. */
  get isIdle(): boolean {
    return this.#links.length === 0 && this.#attempt === undefined && this.#waiting.length === 0;
  }

  get queuedBytes(): number {
    return this.#waitingBytes;
  }

  /** Keeps a message until there is a link, and dials. False when too many wait: `done` was not and will not be told. */
  wait(kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer | undefined): boolean {
    const { callsMax, queueBytesMax } = this.#deps.link.limits;
    const bytes = HEAD_BYTES + body.length;
    if (this.#isClosed || this.#waiting.length >= callsMax || this.#waitingBytes + bytes > queueBytesMax) return false;
    this.#waiting.push({ kind, body: Buffer.from(body), until: performance.now() + timeoutMs, done });
    this.#waitingBytes += bytes;
    this.#timeout ??= this.#lookLater();
    this.#dial();
    return true;
  }

  /** A link to this address, dialled or accepted, is up. */
  up(link: Link): void {
    if (link === this.#attempt) this.#attempt = undefined;
    this.#pauseMs = 0;
    this.#lastFailure = '';
    this.#toldFailure = '';
    this.#wasUp = true;
    // Another process answers at this address: whatever the links to the one before it still carried is lost, and
    // whoever counted on that process is told so before this one is spoken to.
    for (const old of [...this.#links]) {
      if (old.instance !== link.instance) old.end('another process took its place');
    }
    if (link.isDown) return;
    this.#links = [link, ...this.#links];
    for (const { kind, body, until, done } of this.#takeWaiting()) {
      if (done !== undefined) link.call(kind, body, until - performance.now(), done);
      else if (!link.notify(kind, body)) this.#deps.link.counts.dropped += 1;
    }
  }

  /** A link to this address has ended, or never came up. */
  ended(link: Link, reason: string): void {
    if (link === this.#attempt) {
      this.#attempt = undefined;
      if (this.#isClosed) return;
      const [first, longest] = this.#deps.link.limits.redialMs;
      this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, first), longest);
      // Where nobody has ever answered a worker is starting: nothing to tell until it takes longer than dialling takes to slow down.
      const isStarting = !this.#wasUp && !link.isAnswered && this.#pauseMs < longest;
      this.#lastFailure = reason;
      if (!isStarting && reason !== this.#toldFailure) {
        this.#deps.log(`mesh: no link to ${this.address}: ${reason}`);
        this.#toldFailure = reason;
      }
      this.#dial();
      return;
    }
    if (!this.#links.includes(link)) return;
    this.#links = this.#links.filter((other) => other !== link);
    if (this.#isClosed) return;
    if (!link.hasTakenLeave) this.#deps.log(`mesh: a link to ${this.address} has ended: ${reason}`);
    if (this.#links.length === 0) this.#deps.down(this.address);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#redial);
    clearTimeout(this.#timeout);
    this.#attempt?.end('the mesh is closed');
    this.#fail(this.#takeWaiting(), 'the mesh is closed');
  }

  #dial(): void {
    if (this.#isClosed || this.#attempt !== undefined || this.#redial !== undefined) return;
    if (this.#links.length > 0 || this.#waiting.length === 0) return;
    const [first] = this.#deps.link.limits.redialMs;
    const pauseMs = this.#attemptedAt + Math.max(this.#pauseMs, first) - performance.now();
    if (pauseMs > 0) {
      this.#redial = setTimeout(() => {
        this.#redial = undefined;
        this.#dial();
      }, pauseMs).unref();
      return;
    }
    this.#attemptedAt = performance.now();
    this.#attempt = new Link(this.#deps.connect(this.address), this.address, this.#deps.link);
  }

  #takeWaiting(): Waiting[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return all;
  }

  #lookLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timeout = undefined;
      this.#expire();
    }, this.#deps.link.limits.timeoutGrainMs).unref();
  }

  #expire(): void {
    const now = performance.now();
    const due = this.#waiting.filter(({ until }) => until <= now);
    if (due.length > 0) {
      this.#waiting = this.#waiting.filter(({ until }) => until > now);
      for (const { body } of due) this.#waitingBytes -= HEAD_BYTES + body.length;
      this.#fail(due, this.#lastFailure === '' ? 'it did not come up in time' : this.#lastFailure);
    }
    if (this.#waiting.length > 0) this.#timeout ??= this.#lookLater();
  }

  #fail(messages: readonly Waiting[], why: string): void {
    const { counts } = this.#deps.link;
    for (const { done } of messages) {
      if (done === undefined) {
        counts.dropped += 1;
      } else {
        counts.failures += 1;
        tell(done, new MeshFailure(`no link to ${this.address}: ${why}`));
      }
    }
  }
}
