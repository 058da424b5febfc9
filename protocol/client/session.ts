// The thin shell around link.ts and calls.ts: feeds them what happens, carries out what they say, keeps the one timer
// and matches answers to calls. Knows nothing of ops; client.ts does.
import type { ServerMessage } from '../client-codec.ts';
import { decodeServerMessage, encodeRequest } from '../client-codec.ts';
import { failure } from '../errors.ts';
import type { HelloReply, Outcome, Push } from '../types.ts';
import type { WireRequest } from '../wire.ts';
import { Call } from './call.ts';
import { CallTable } from './calls.ts';
import { Connection, frameBytes, GREET_ID, messageOf } from './connection.ts';
import { errorOfFailure, HoldfastError } from './errors.ts';
import type { Emitter } from './events.ts';
import type { LinkEffect, LinkEvent, LinkState } from './link.ts';
import { heard, initialLink, nextLinkWakeMs, setBusy, stepLink } from './link.ts';
import type { CallOptions, Settings } from './options.ts';
import { bounded, FRAMES_PER_WRITE_MAX, REQUEST_BYTES_MAX, TIMEOUT_MS_MAX } from './options.ts';
import { Pauses } from './pauses.ts';
import type { Frame, Platform } from './platform.ts';
import { weightOf } from './requests.ts';

/** Who wants to know what the session hears. */
export interface SessionListener {
  ready(): void;
  pushed(push: Push): void;
  /** The connection was lost, or could not be made; not told by close(). */
  down?(): void;
}

export class Session {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #emitter: Emitter;
  readonly #listener: SessionListener;
  readonly #connection: Connection;
  readonly #link: LinkState = initialLink();
  readonly #calls: CallTable;
  #urlIndex: number;
  #readyOnce = false;
  #hello: HelloReply | undefined;
  #clockOffsetMs = 0;
  #flushPlanned = false;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #lastTrouble = '';
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  /** Waits that close() ends. */
  readonly pauses: Pauses;

  constructor(settings: Settings, platform: Platform, emitter: Emitter, listener: SessionListener) {
    this.#settings = settings;
    this.#platform = platform;
    this.#emitter = emitter;
    this.#listener = listener;
    this.#calls = new CallTable(settings, platform.busyMeter());
    this.pauses = new Pauses(platform);
    this.#urlIndex = Math.floor(platform.random() * settings.urls.length);
    this.#connection = new Connection(platform, settings, {
      opened: () => this.#step({ type: 'opened' }),
      message: (data) => this.#receive(data),
      lost: (reason, code) =>
        this.#step(code === undefined ? { type: 'lost', reason } : { type: 'refused', failure: failure(code, reason) }),
    });
  }

  /** What the grid said of itself on the latest connection. */
  get hello(): HelloReply | undefined {
    return this.#hello;
  }

  get ready(): boolean {
    return this.#link.phase === 'ready';
  }

  get inFlight(): number {
    return this.#calls.inFlight;
  }

  get queued(): number {
    return this.#calls.queued;
  }

  /** Why the latest attempt to connect failed. */
  get lastTrouble(): string {
    return this.#lastTrouble;
  }

  /** The grid's wall clock as well as it is known, ms: a browser's own may be hours off. */
  gridNow(): number {
    return this.#platform.wallNow() + this.#clockOffsetMs;
  }

  start(): void {
    this.#step({ type: 'start' });
  }

  /** Sends a request and gives its answer; rejects with HoldfastError. */
  call(request: WireRequest, requestIds: readonly string[], options: CallOptions): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const details = { requestId: requestIds[0], requestIds, outcome: 'not-sent' } as const;
      if (this.#closing !== undefined) throw new HoldfastError('CLOSED', 'the client is closed; connect anew', details);
      if (signal?.aborted) {
        throw new HoldfastError('ABORTED', 'aborted before it began', { ...details, cause: signal.reason });
      }
      const timeoutMs = bounded('timeoutMs', options.timeoutMs, this.#settings.timeoutMs, TIMEOUT_MS_MAX);
      const deadlineMs = this.#platform.now() + timeoutMs;
      const call = new Call({ request, requestIds, weight: weightOf(request), timeoutMs, deadlineMs }, resolve, reject);
      call.holder = this;
      this.#calls.add(call);
      if (signal !== undefined) this.#abortable(call, signal);
      if (this.#settings.autoBatch) this.#planFlush();
      else this.#flush();
      this.#rearm();
    });
  }

  /** Ends one of its calls, as its caller wants. */
  abort(call: Call, cause: unknown): void {
    this.#calls.end(call, 'ABORTED', 'aborted by the caller', { cause });
    this.#afterSettling();
  }

  /** Takes over calls of another session, which come before those that wait here: same requestIds, same deadlines. */
  adopt(calls: readonly Call[]): void {
    if (calls.length === 0) return;
    for (const call of calls) call.holder = this;
    this.#calls.adopt(calls);
    if (this.#link.phase === 'closed') this.#calls.endAll('CLOSED', 'the client was closed');
    this.#planFlush();
    this.#rearm();
  }

  /** Gives up all calls, for another session to adopt, in the order in which they are to be sent. */
  giveUpCalls(): Call[] {
    const calls = this.#calls.giveUp();
    this.#afterSettling();
    return calls;
  }

  /** Refuses new calls, waits up to `drainMs` for those under way, ends the rest with CLOSED, closes the socket. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    if (drainMs > 0 && !this.#idle) {
      const idle = new AbortController();
      this.#onIdle = () => idle.abort();
      await this.pauses.pause(drainMs, idle.signal);
      this.#onIdle = undefined;
    }
    this.#calls.endAll('CLOSED', 'the client was closed');
    this.pauses.close();
    const closed = this.#connection.close();
    this.#step({ type: 'close' });
    this.#cancelTimer?.();
    await closed;
  }

  get #idle(): boolean {
    return this.#calls.inFlight + this.#calls.queued === 0;
  }

  #abortable(call: Call, signal: AbortSignal): void {
    const abort = (): void => call.holder?.abort(call, signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    call.onSettled = () => signal.removeEventListener('abort', abort);
  }

  // ---- the link ----

  #step(event: LinkEvent): void {
    const context = { nowMs: this.#platform.now(), random: this.#platform.random() };
    for (const effect of stepLink(this.#link, this.#settings, event, context)) this.#carryOut(effect);
    this.#rearm();
  }

  #carryOut(effect: LinkEffect): void {
    switch (effect.type) {
      case 'dial':
        return this.#connection.dial(this.#url);
      case 'greet':
        return this.#connection.greet();
      case 'probe':
        return this.#connection.probe();
      case 'hangUp':
        return this.#connection.drop();
      case 'ready':
        return this.#becomeReady();
      case 'refuse': {
        const { code, message } = effect.failure;
        this.#calls.endAll(code, message, { cause: errorOfFailure(effect.failure, [], 'refused') });
        return this.#afterSettling();
      }
      case 'down':
        return this.#goDown(effect.reason, effect.wasReady);
      default:
        return effect satisfies never;
    }
  }

  #becomeReady(): void {
    const hello = this.#hello as HelloReply;
    this.#calls.limitInFlight(hello.limits?.['inFlightMax']);
    if (hello.now !== undefined) this.#clockOffsetMs = hello.now - this.#platform.wallNow();
    const reconnect = this.#readyOnce;
    this.#readyOnce = true;
    this.#listener.ready();
    this.#emitter.emit('connected', { url: this.#url, region: hello.region, reconnect });
    this.#flush();
  }

  #goDown(reason: string, wasReady: boolean): void {
    this.#calls.requeueInFlight();
    const url = this.#url;
    const willReconnect = this.#link.phase !== 'closed';
    if (willReconnect) this.#lastTrouble = `${url}: ${reason}`;
    this.#urlIndex = (this.#urlIndex + 1) % this.#settings.urls.length;
    if (wasReady) this.#emitter.emit('disconnected', { url, reason, willReconnect });
    else if (willReconnect) {
      this.#emitter.emit('error', { message: `could not connect to ${url}: ${reason}`, cause: undefined });
    }
    // Last, as the listener may close the session.
    if (willReconnect) this.#listener.down?.();
  }

  get #url(): string {
    return this.#settings.urls[this.#urlIndex] as string;
  }

  // ---- frames ----

  #receive(data: Frame): void {
    const nowMs = this.#platform.now();
    heard(this.#link, nowMs);
    let message: ServerMessage;
    try {
      message = decodeServerMessage(this.#settings.encoding, data);
    } catch (cause) {
      // An answer may have been in it. A fresh connection, and the calls sent again, is the one safe way on.
      this.#emitter.emit('error', { message: 'a frame could not be read; the connection is given up', cause });
      this.#connection.drop();
      return this.#step({ type: 'lost', reason: `unreadable frame: ${messageOf(cause)}` });
    }
    if (message.kind === 'push') {
      this.#listener.pushed(message.push);
    } else if (message.id === GREET_ID) {
      this.#greeted(message.outcome);
    } else if (this.#calls.answer(message.id, message.outcome, nowMs, this.#platform.random())) {
      this.#afterSettling();
      this.#rearm();
    } else if (message.id === undefined && !message.outcome.ok) {
      const { code, message: text } = message.outcome;
      this.#emitter.emit('error', { message: `the grid refused a frame: ${code} ${text}`, cause: undefined });
    }
  }

  #greeted(outcome: Outcome): void {
    if (!outcome.ok) return this.#step({ type: 'refused', failure: outcome });
    this.#hello = outcome as HelloReply;
    this.#step({ type: 'greeted' });
  }

  #planFlush(): void {
    if (this.#flushPlanned || this.#link.phase !== 'ready') return;
    this.#flushPlanned = true;
    this.#platform.soon(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#link.phase !== 'ready' || !this.#calls.sendable) return;
    const frames: Frame[] = [];
    for (const call of this.#calls.takeSendable(FRAMES_PER_WRITE_MAX, this.#platform.now())) {
      const frame = this.#encode(call);
      if (frame !== undefined) frames.push(frame);
    }
    this.#connection.send(frames);
    this.#afterSettling();
    this.#rearm();
  }

  /** Ends a call that cannot be written, as the grid would close the connection for all others on it. */
  #encode(call: Call): Frame | undefined {
    try {
      const frame = encodeRequest(this.#settings.encoding, call.wireId, call.request);
      const bytes = frameBytes(frame);
      if (bytes <= REQUEST_BYTES_MAX) return frame;
      const why = `the request has ${bytes} bytes, ${REQUEST_BYTES_MAX} are allowed; split it`;
      this.#calls.endUnsent(call, 'TOO_LARGE', why);
    } catch (cause) {
      this.#calls.endUnsent(call, 'BAD_REQUEST', `the request cannot be written: ${messageOf(cause)}`, { cause });
    }
    return undefined;
  }

  // ---- time ----

  #afterSettling(): void {
    setBusy(this.#link, this.#calls.inFlight > 0, this.#platform.now());
    if (this.#onIdle !== undefined && this.#idle) this.#onIdle();
    if (this.#calls.sendable) this.#planFlush();
  }

  /** Keeps one timer, at the earliest moment anything is due. One set too early finds nothing to do, and is set anew. */
  #rearm(): void {
    const atMs = Math.min(this.#calls.nextWakeMs(), nextLinkWakeMs(this.#link, this.#settings));
    if (atMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    const afterMs = Math.max(0, Math.min(TIMEOUT_MS_MAX, Math.ceil(atMs - this.#platform.now())));
    this.#cancelTimer = this.#platform.timer(afterMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#calls.tick(this.#platform.now());
      this.#step({ type: 'tick' });
      this.#afterSettling();
    });
  }
}
