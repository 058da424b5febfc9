// The thin shell around link.ts and calls.ts: owns the socket, the timer and the encoded frames, carries out the
// link's effects, and matches answers to calls. Knows nothing of ops; client.ts does.
import type { ServerMessage } from '../client-codec.ts';
import { decodeServerMessage, encodeRequest, SUBPROTOCOL } from '../client-codec.ts';
import type { HelloReply, Outcome, AvailabilityPush } from '../types.ts';
import type { WireRequest } from '../wire.ts';
import type { Call } from './calls.ts';
import { CallTable } from './calls.ts';
import { errorOfFailure, HoldfastError } from './errors.ts';
import type { Emitter } from './events.ts';
import type { LinkEffect, LinkEvent, LinkState } from './link.ts';
import { heard, initialLink, nextLinkWakeMs, setBusy, stepLink } from './link.ts';
import type { Settings } from './options.ts';
import { bounded, CLOSE_HANDSHAKE_MS, FRAMES_PER_WRITE_MAX, REQUEST_BYTES_MAX, TIMEOUT_MS_MAX } from './options.ts';
import type { Frame, Platform, Transport } from './platform.ts';

export interface CallOptions {
  /** From now to the answer, all retries and reconnects included, ms. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with ABORTED. What was sent is not taken back: see the error's `outcome`. */
  readonly signal?: AbortSignal | undefined;
}

/** Who wants to know what the session hears. */
export interface SessionListener {
  ready(hello: HelloReply): void;
  pushed(push: AvailabilityPush): void;
}

/** Ids of the session's own requests; calls have numbers. */
const GREET_ID = 'hello';
const PROBE_ID = 'alive';

export class Session {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #emitter: Emitter;
  readonly #listener: SessionListener;
  readonly #link: LinkState = initialLink();
  readonly #calls: CallTable;
  readonly #encoder = new TextEncoder();
  #transport: Transport | undefined;
  /** Grows with each dial, so that a socket given up cannot speak for its successor. */
  #generation = 0;
  #urlIndex: number;
  #readyOnce = false;
  #hello: HelloReply | undefined;
  #flushPlanned = false;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #lastTrouble = '';
  #closing: Promise<void> | undefined;
  #onSettled: (() => void) | undefined;

  constructor(settings: Settings, platform: Platform, emitter: Emitter, listener: SessionListener) {
    this.#settings = settings;
    this.#platform = platform;
    this.#emitter = emitter;
    this.#listener = listener;
    this.#calls = new CallTable({
      inFlightMax: settings.inFlightMax,
      queuedMax: settings.queuedMax,
      retryBackoff: settings.retryBackoff,
    });
    this.#urlIndex = Math.floor(platform.random() * settings.urls.length);
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

  start(): void {
    this.#step({ type: 'start' });
  }

  /** Sends a request and gives its answer; rejects with HoldfastError. */
  call(request: WireRequest, requestIds: readonly string[], options: CallOptions, weight = 1): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const details = { requestId: requestIds[0], requestIds, outcome: 'not-sent' } as const;
      if (this.#closing !== undefined) throw new HoldfastError('CLOSED', 'the client is closed; connect anew', details);
      if (signal?.aborted) throw new HoldfastError('ABORTED', 'aborted before it began', { ...details, cause: signal.reason });
      const timeoutMs = bounded('timeoutMs', options.timeoutMs, this.#settings.timeoutMs, TIMEOUT_MS_MAX);
      const call: Call = {
        request,
        requestIds,
        weight,
        timeoutMs,
        deadlineMs: this.#platform.now() + timeoutMs,
        resolve,
        reject,
        state: 'queued',
        retries: 0,
        uncertain: false,
        wireId: 0,
        dueKey: 0,
        lastFailure: undefined,
      };
      this.#calls.add(call);
      if (signal !== undefined) this.#abortable(call, signal);
      if (this.#settings.autoBatch) this.#planFlush();
      else this.#flush();
      this.#rearm();
    });
  }

  /** Refuses new calls, waits up to `drainMs` for those under way, ends the rest with CLOSED, closes the socket. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    if (drainMs > 0 && this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#platform.timer(drainMs, resolve);
        this.#onSettled = () => {
          cancel();
          resolve();
        };
      });
      this.#onSettled = undefined;
    }
    this.#calls.endAll('CLOSED', 'the client was closed');
    const transport = this.#transport;
    this.#generation += 1;
    this.#transport = undefined;
    this.#step({ type: 'close' });
    this.#cancelTimer?.();
    if (transport !== undefined) await new Promise<void>((closed) => transport.close(CLOSE_HANDSHAKE_MS, closed));
  }

  get #pending(): number {
    return this.#calls.inFlight + this.#calls.queued;
  }

  #abortable(call: Call, signal: AbortSignal): void {
    const abort = (): void => {
      this.#calls.end(call, 'ABORTED', 'aborted by the caller', { cause: signal.reason });
      this.#afterSettling();
    };
    signal.addEventListener('abort', abort, { once: true });
    const { resolve, reject } = call;
    const settle = call as { resolve: Call['resolve']; reject: Call['reject'] };
    settle.resolve = (outcome) => {
      signal.removeEventListener('abort', abort);
      resolve(outcome);
    };
    settle.reject = (error) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
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
        return this.#dial();
      case 'greet':
        return this.#greet();
      case 'probe':
        return this.#write([encodeRequest(this.#settings.encoding, PROBE_ID, { op: 'hello' })]);
      case 'hangUp':
        this.#generation += 1;
        this.#transport?.terminate();
        this.#transport = undefined;
        return;
      case 'ready':
        return this.#becomeReady();
      case 'refuse': {
        this.#lastTrouble = `${effect.failure.code}: ${effect.failure.message}`;
        const { message, code } = effect.failure;
        this.#calls.endAll(code, message, { cause: errorOfFailure(effect.failure, [], 'refused') });
        return this.#afterSettling();
      }
      case 'down':
        return this.#goDown(effect.reason, effect.wasReady);
      default:
        return effect satisfies never;
    }
  }

  #dial(): void {
    const generation = ++this.#generation;
    const url = this.#url;
    const fail = (cause: unknown): void => {
      if (generation === this.#generation) this.#step({ type: 'lost', reason: messageOf(cause) });
    };
    const open = (token: string | undefined): void => {
      if (generation !== this.#generation) return;
      const inUpgrade = this.#platform.tokenInUpgrade ? token : undefined;
      this.#greetingToken = this.#platform.tokenInUpgrade ? undefined : token;
      this.#transport = this.#platform.dial(url, SUBPROTOCOL[this.#settings.encoding], inUpgrade, {
        opened: () => generation === this.#generation && this.#step({ type: 'opened' }),
        message: (data) => generation === this.#generation && this.#receive(data),
        lost: fail,
      });
    };
    // Without a token to fetch, the socket is opened within this turn.
    const { token } = this.#settings;
    if (typeof token !== 'function') return open(token);
    Promise.resolve().then(token).then(open).catch(fail);
  }

  #greetingToken: string | undefined;

  #greet(): void {
    const token = this.#greetingToken;
    const request = { op: 'hello', client: this.#settings.client, ...(token === undefined ? {} : { token }) } as const;
    this.#write([encodeRequest(this.#settings.encoding, GREET_ID, request)]);
  }

  #becomeReady(): void {
    const hello = this.#hello as HelloReply;
    const limit = hello.limits?.['inFlightPerConnectionMax'];
    if (typeof limit === 'number' && limit >= 1) this.#calls.limitInFlight(limit);
    const reconnect = this.#readyOnce;
    this.#readyOnce = true;
    this.#listener.ready(hello);
    this.#emitter.emit('connected', { url: this.#url, region: hello.region, reconnect });
    this.#flush();
  }

  #goDown(reason: string, wasReady: boolean): void {
    this.#transport = undefined;
    this.#calls.requeueInFlight();
    const url = this.#url;
    this.#urlIndex = (this.#urlIndex + 1) % this.#settings.urls.length;
    const willReconnect = this.#link.phase !== 'closed';
    if (willReconnect) this.#lastTrouble = `${url}: ${reason}`;
    if (wasReady) this.#emitter.emit('disconnected', { url, reason, willReconnect });
    else if (willReconnect) this.#emitter.emit('error', { message: `could not connect to ${url}: ${reason}`, cause: undefined });
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
      this.#carryOut({ type: 'hangUp' });
      this.#step({ type: 'lost', reason: `unreadable frame: ${messageOf(cause)}` });
      return;
    }
    if (message.kind === 'push') {
      this.#listener.pushed(message.push);
    } else if (message.id === GREET_ID && this.#link.phase === 'greeting') {
      this.#greeted(message.outcome);
    } else if (this.#calls.answer(message.id, message.outcome, nowMs, this.#platform.random())) {
      this.#afterSettling();
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
    for (const call of this.#calls.takeSendable(FRAMES_PER_WRITE_MAX)) {
      const frame = this.#encode(call);
      if (frame !== undefined) frames.push(frame);
    }
    this.#write(frames);
    setBusy(this.#link, this.#calls.inFlight > 0, this.#platform.now());
    this.#rearm();
    if (this.#calls.sendable) this.#planFlush();
  }

  /** Ends a call that cannot be written, as it would fail for the others on the connection too. */
  #encode(call: Call): Frame | undefined {
    let why: string;
    try {
      const frame = encodeRequest(this.#settings.encoding, call.wireId, call.request);
      const bytes = typeof frame === 'string' ? byteLength(frame, this.#encoder) : frame.byteLength;
      if (bytes <= REQUEST_BYTES_MAX) return frame;
      why = `the request has ${bytes} bytes, ${REQUEST_BYTES_MAX} are allowed; split it`;
    } catch (cause) {
      this.#calls.unsend(call);
      this.#calls.end(call, 'BAD_REQUEST', `the request cannot be written: ${messageOf(cause)}`, { cause });
      return undefined;
    }
    this.#calls.unsend(call);
    this.#calls.end(call, 'TOO_LARGE', why);
    return undefined;
  }

  #write(frames: readonly Frame[]): void {
    if (frames.length > 0) this.#transport?.send(frames);
  }

  // ---- time ----

  #afterSettling(): void {
    setBusy(this.#link, this.#calls.inFlight > 0, this.#platform.now());
    if (this.#onSettled !== undefined && this.#pending === 0) this.#onSettled();
    if (this.#calls.sendable) this.#planFlush();
  }

  /** Keeps one timer, at the earliest moment anything is due. A later one is left standing: it finds nothing to do. */
  #rearm(): void {
    const atMs = Math.min(this.#calls.nextWakeMs(), nextLinkWakeMs(this.#link, this.#settings));
    if (atMs >= this.#timerAtMs || atMs === Number.POSITIVE_INFINITY) return;
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

/** The bytes of a text in UTF-8, counted only when they might matter: no character takes more than three per unit. */
function byteLength(text: string, encoder: TextEncoder): number {
  return text.length * 3 <= REQUEST_BYTES_MAX ? text.length : encoder.encode(text).length;
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
