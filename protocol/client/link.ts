// The life of the connection as a pure state machine: dial, greet, keep alive, notice death, back off, dial again.
// Time and chance are arguments, effects are data; session.ts carries them out. SPEC.md has the table in words.
import type { Failure } from '../errors.ts';
import type { Backoff } from './backoff.ts';
import { backoffMs } from './backoff.ts';

export interface LinkSettings {
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly probeMs: number;
  readonly pongTimeoutMs: number;
  readonly reconnectBackoff: Backoff;
}

export type LinkPhase = 'idle' | 'dialing' | 'greeting' | 'ready' | 'waiting' | 'closed';

export interface LinkState {
  phase: LinkPhase;
  /** Failures in a row; the back-off grows with it. */
  attempt: number;
  /** dialing, greeting: when to give up. waiting: when to dial. */
  untilMs: number;
  readyAtMs: number;
  /** The last time anything was heard. */
  heardAtMs: number;
  /** Since when calls wait for an answer without a pause; undefined when none does. */
  busySinceMs: number | undefined;
  /** When a sign of life was asked for; undefined when none is owed. */
  probedAtMs: number | undefined;
}

export type LinkEvent =
  | { readonly type: 'start' }
  | { readonly type: 'opened' }
  | { readonly type: 'greeted' }
  /** The grid refused the upgrade or the hello. */
  | { readonly type: 'refused'; readonly failure: Failure }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'tick' }
  | { readonly type: 'close' };

export type LinkEffect =
  | { readonly type: 'dial' }
  | { readonly type: 'greet' }
  | { readonly type: 'ready' }
  | { readonly type: 'probe' }
  /** Drop the socket without waiting for it. */
  | { readonly type: 'hangUp' }
  | { readonly type: 'down'; readonly reason: string; readonly wasReady: boolean }
  /** Credentials or version were refused: waiting calls cannot be served. */
  | { readonly type: 'refuse'; readonly failure: Failure };

export interface LinkContext {
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export function initialLink(): LinkState {
  return {
    phase: 'idle',
    attempt: 0,
    untilMs: Number.POSITIVE_INFINITY,
    readyAtMs: 0,
    heardAtMs: 0,
    busySinceMs: undefined,
    probedAtMs: undefined,
  };
}

type Handler<T extends LinkEvent['type']> = (
  link: LinkState,
  settings: LinkSettings,
  event: Extract<LinkEvent, { type: T }>,
  context: LinkContext,
) => LinkEffect[];

const none = (): LinkEffect[] => [];

function dial(link: LinkState, settings: LinkSettings, nowMs: number): LinkEffect[] {
  link.phase = 'dialing';
  link.untilMs = nowMs + settings.connectTimeoutMs;
  return [{ type: 'dial' }];
}

/** Falls back to waiting. A connection that lived longer than the longest wait starts the back-off afresh. */
function down(
  link: LinkState,
  settings: LinkSettings,
  reason: string,
  context: LinkContext,
  atLeastMs = 0,
): LinkEffect[] {
  const wasReady = link.phase === 'ready';
  if (wasReady && context.nowMs - link.readyAtMs >= settings.reconnectBackoff.capMs) link.attempt = 0;
  link.phase = 'waiting';
  link.untilMs = context.nowMs + atLeastMs + backoffMs(settings.reconnectBackoff, link.attempt, context.random);
  link.attempt += 1;
  link.busySinceMs = undefined;
  link.probedAtMs = undefined;
  return [{ type: 'down', reason, wasReady }];
}

const lost: Handler<'lost'> = (link, settings, event, context) => down(link, settings, event.reason, context);

const giveUpIfDue: Handler<'tick'> = (link, settings, _event, context) => {
  if (context.nowMs < link.untilMs) return [];
  const what = link.phase === 'dialing' ? 'no connection' : 'no answer to hello';
  return [{ type: 'hangUp' }, ...down(link, settings, `${what} within ${settings.connectTimeoutMs} ms`, context)];
};

const close: Handler<'close'> = (link) => {
  const wasReady = link.phase === 'ready';
  link.phase = 'closed';
  link.untilMs = Number.POSITIVE_INFINITY;
  return [{ type: 'down', reason: 'closed by the client', wasReady }];
};

const keepAlive: Handler<'tick'> = (link, settings, _event, context) => {
  const dueMs = nextLinkWakeMs(link, settings);
  if (context.nowMs < dueMs) return [];
  if (link.probedAtMs === undefined) {
    link.probedAtMs = context.nowMs;
    return [{ type: 'probe' }];
  }
  // This tick itself is late: our own process stalled, and the answer may stand unread in the socket.
  if (context.nowMs - dueMs > settings.pongTimeoutMs / 2) {
    link.probedAtMs = context.nowMs;
    return [];
  }
  const reason = `no sign of life for ${Math.round(context.nowMs - link.heardAtMs)} ms`;
  return [{ type: 'hangUp' }, ...down(link, settings, reason, context)];
};

const refused: Handler<'refused'> = (link, settings, event, context) => {
  const { failure } = event;
  const reason = `refused: ${failure.code} ${failure.message}`;
  const fallen = down(link, settings, reason, context, failure.retryAfterMs);
  return [{ type: 'hangUp' }, ...fallen, ...(failure.retriable ? [] : [{ type: 'refuse' as const, failure }])];
};

/** Every phase answers every event; a cell that is missing does not compile. */
const TRANSITIONS: { [P in LinkPhase]: { [T in LinkEvent['type']]: Handler<T> } } = {
  idle: {
    start: (link, settings, _event, context) => dial(link, settings, context.nowMs),
    opened: none,
    greeted: none,
    refused: none,
    lost: none,
    tick: none,
    close,
  },
  dialing: {
    start: none,
    opened: (link) => {
      link.phase = 'greeting';
      return [{ type: 'greet' }];
    },
    greeted: none,
    refused,
    lost,
    tick: giveUpIfDue,
    close,
  },
  greeting: {
    start: none,
    opened: none,
    greeted: (link, _settings, _event, context) => {
      link.phase = 'ready';
      link.untilMs = Number.POSITIVE_INFINITY;
      link.readyAtMs = context.nowMs;
      link.heardAtMs = context.nowMs;
      link.busySinceMs = undefined;
      link.probedAtMs = undefined;
      return [{ type: 'ready' }];
    },
    refused,
    lost,
    tick: giveUpIfDue,
    close,
  },
  ready: { start: none, opened: none, greeted: none, refused: none, lost, tick: keepAlive, close },
  waiting: {
    start: none,
    opened: none,
    greeted: none,
    refused: none,
    lost: none,
    tick: (link, settings, _event, context) =>
      context.nowMs < link.untilMs ? [] : dial(link, settings, context.nowMs),
    close,
  },
  closed: { start: none, opened: none, greeted: none, refused: none, lost: none, tick: none, close: none },
};

/** Takes one event; changes `link` and says what to do. */
export function stepLink(
  link: LinkState,
  settings: LinkSettings,
  event: LinkEvent,
  context: LinkContext,
): LinkEffect[] {
  const handler = TRANSITIONS[link.phase][event.type] as Handler<LinkEvent['type']>;
  return handler(link, settings, event, context);
}

/** Anything heard is a sign of life. Apart from the table because each message passes here. */
export function heard(link: LinkState, nowMs: number): void {
  link.heardAtMs = nowMs;
  link.probedAtMs = undefined;
}

/** Tells whether calls wait for an answer: silence is judged sooner then, but counted from when they began to wait. */
export function setBusy(link: LinkState, busy: boolean, nowMs: number): void {
  if (!busy) link.busySinceMs = undefined;
  else link.busySinceMs ??= nowMs;
}

/** When the next tick is due, ms; infinity when none is. */
export function nextLinkWakeMs(link: LinkState, settings: LinkSettings): number {
  if (link.phase !== 'ready') return link.untilMs;
  if (link.probedAtMs !== undefined) return link.probedAtMs + settings.pongTimeoutMs;
  const idleMs = link.heardAtMs + settings.keepAliveMs;
  if (link.busySinceMs === undefined) return idleMs;
  return Math.min(idleMs, Math.max(link.heardAtMs, link.busySinceMs) + settings.probeMs);
}
