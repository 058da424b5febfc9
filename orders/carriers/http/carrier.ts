// A carrier spoken to over HTTP, behind the port: each call guarded and timed, its answer checked; its events by webhooks, which
// webhooks.ts receives.
import { setMaxListeners } from 'node:events';
import { CarrierError } from '../errors.ts';
import type { Booking, Call, Carrier, Operation, Tracked, TrackListener } from '../port.ts';
import { readKey, readRequest } from '../requests.ts';
import { Guard, type GuardCounts, type GuardOptions } from './guarded.ts';
import { KeptBookings } from './kept-bookings.ts';
import { ANSWER_BYTES_MAX, TIMEOUT_MS_DEFAULT } from './limits.ts';
import { KEY_HEADER, readAnswer, readError } from './wire.ts';

export interface HttpCarrierOptions extends GuardOptions {
  readonly carrier: string;
  /** Where /v1/… is. */
  readonly url: string;
  readonly token?: string;
  readonly timeoutMs?: number;
  /** Where its webhooks come in; without it, it tells nothing, and parcels have to be asked for. */
  readonly webhooks?: { onTracking(listener: TrackListener): () => void };
  /** Is told once when the carrier does not answer, and when it does again. */
  readonly log?: (line: string) => void;
}

export interface HttpCarrier extends Carrier {
  readonly counts: Readonly<GuardCounts>;
}

export function createHttpCarrier(options: HttpCarrierOptions): HttpCarrier {
  const { carrier, token, timeoutMs = TIMEOUT_MS_DEFAULT, webhooks, log = () => undefined } = options;
  const base = options.url.replace(/\/+$/, '');
  const guard = new Guard(options);
  const kept = new KeptBookings();
  const ends = new AbortController();
  // One for each call under way or waiting, of which there are no more than the guard lets in.
  setMaxListeners(0, ends.signal);

  const attempt = async (operation: Operation, body: string, key: string, signal: AbortSignal): Promise<string> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${base}/v1/${operation}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [KEY_HEADER]: key,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout]),
      });
      const text = await textOf(response);
      if (response.status === 200) return text;
      throw readError(response.status, response.headers.get('retry-after'), text, Date.now());
    } catch (error) {
      if (error instanceof CarrierError) throw error;
      if (signal.aborted) throw new CarrierError('ABORTED', 'the call was ended', { cause: error });
      if (timeout.aborted) {
        throw new CarrierError('TIMEOUT', `${carrier} did not answer within ${timeoutMs} ms`, { cause: error });
      }
      // Refused, reset, or no such host: whether it took effect is not known, and the key makes that no matter.
      const { cause } = error as { cause?: unknown };
      const why = cause instanceof Error ? cause.message : String(error);
      throw new CarrierError('UNAVAILABLE', `${carrier} cannot be reached: ${why}`, { cause: error });
    }
  };

  let isAway = false;
  /** What came of a call: a refusal is an answer. */
  const heard = (error?: unknown): void => {
    const code = error instanceof CarrierError ? error.code : undefined;
    if (code === 'ABORTED') return;
    const isUnanswered = code === 'UNAVAILABLE' || code === 'TIMEOUT';
    if (isUnanswered && !isAway) log(`${(error as CarrierError).message}; what it is asked for waits until it answers`);
    if (!isUnanswered && isAway) log(`${carrier} answers again`);
    isAway = isUnanswered;
  };

  const call = async (operation: Operation, request: unknown, { idempotencyKey, signal }: Call): Promise<unknown> => {
    const key = readKey(idempotencyKey);
    const body = JSON.stringify(readRequest(operation, request));
    if (ends.signal.aborted) throw new CarrierError('UNAVAILABLE', `${carrier} was closed`);
    const ended = signal === undefined ? ends.signal : AbortSignal.any([signal, ends.signal]);
    const answer = await unlessAborted(
      guard.run(async () => {
        const text = await attempt(operation, body, key, ended).catch((error: unknown) => {
          heard(error);
          throw error;
        });
        heard();
        return readAnswer(operation, parsed(text));
      }),
      ended,
    );
    return answer;
  };

  return {
    carrier,
    counts: guard.counts,
    // readAnswer has checked that each is what the port says.
    rate: (request, options) => call('rate', request, options) as ReturnType<Carrier['rate']>,
    async book(request, options) {
      const retryAfterMs = kept.waitMs;
      if (retryAfterMs > 0) {
        const message = `${carrier} cancelled its last bookings, one after the other; none is asked for for a while`;
        throw new CarrierError('UNAVAILABLE', message, { retryAfterMs });
      }
      return (await call('book', request, options)) as Booking;
    },
    async track(request, options) {
      const tracked = (await call('track', request, options)) as Tracked;
      for (const event of tracked.events) kept.heardOf(event);
      return tracked;
    },
    intercept: (request, options) => call('intercept', request, options) as ReturnType<Carrier['intercept']>,
    cancel: (request, options) => call('cancel', request, options) as ReturnType<Carrier['cancel']>,
    onTracking: (listener) =>
      webhooks?.onTracking((event) => {
        kept.heardOf(event);
        return listener(event);
      }) ?? (() => undefined),
    tookBack: (key) => kept.tookBack(key),
    async close() {
      ends.abort();
    },
  };
}

/** Pauses between tries end at once too. @throws CarrierError ABORTED */
function unlessAborted<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new CarrierError('ABORTED', 'the call was ended'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** @throws CarrierError MALFORMED where it is longer than an answer can be */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      await response.body?.cancel().catch(() => undefined);
      throw new CarrierError('MALFORMED', `an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CarrierError('MALFORMED', `the answer is no JSON: ${text.slice(0, 80)}`, { cause });
  }
}
