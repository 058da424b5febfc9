// Receives webhooks of carriers: signed as Standard Webhooks has it (HMAC-SHA-256 over id, time and body, five minutes either way, several
// secrets while they are changed), each event told once, what is malformed refused and counted.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import type { TrackEvent, TrackListener } from '../port.ts';
import { readBody } from './body.ts';
import { EVENTS_REMEMBERED, WEBHOOK_BYTES_MAX, WEBHOOKS_IN_FLIGHT_MAX } from './limits.ts';
import { readWebhook } from './wire.ts';

export interface WebhookCounts {
  /** Webhooks that were taken. */
  accepted: number;
  /** Events in them that had been told before. */
  duplicates: number;
  /** Events that were told. */
  told: number;
  /** Wrong or no signature, or out of time. */
  unsigned: number;
  malformed: number;
  /** That a listener failed to take; the carrier sends them again. */
  failed: number;
  /** Refused since too many were under way. */
  overloaded: number;
}

export class WebhookReceiver {
  readonly counts: WebhookCounts = {
    accepted: 0,
    duplicates: 0,
    told: 0,
    unsigned: 0,
    malformed: 0,
    failed: 0,
    overloaded: 0,
  };
  readonly #listeners = new Set<TrackListener>();
  readonly #told = new Set<string>();
  /** Two deliveries of one event at once are told once. */
  readonly #telling = new Map<string, Promise<void>>();
  #verifiers: readonly Webhook[] = [];
  #inFlight = 0;

  readonly #refresh: (() => Promise<void>) | undefined;

  /**
   * @param secrets as `whsec_…`, base64; of several any may sign, the old one and the new one while it is changed
   * @param refresh looks whether they have changed: asked before a signature is refused
   */
  constructor(secrets: readonly string[], refresh?: () => Promise<void>) {
    this.#refresh = refresh;
    this.useSecrets(secrets);
  }

  /** From now on. @throws Error where one is none */
  useSecrets(secrets: readonly string[]): void {
    if (secrets.length === 0) throw new Error('a receiver of webhooks has a secret at least');
    this.#verifiers = secrets.map((secret) => new Webhook(secret));
  }

  onTracking(listener: TrackListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A handler of node:http. Never rejects; answers with 2xx only once all listeners have taken all events. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#inFlight >= WEBHOOKS_IN_FLIGHT_MAX) {
      this.counts.overloaded += 1;
      request.resume();
      answer(response, 503, 'too many webhooks at once; come again', { 'retry-after': '1' });
      return;
    }
    this.#inFlight += 1;
    try {
      const [status, text] = await this.#answerTo(request);
      answer(response, status, text);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #answerTo(request: IncomingMessage): Promise<readonly [status: number, text: string]> {
    const malformed = (status: number, text: string): readonly [number, string] => {
      this.counts.malformed += 1;
      request.resume();
      return [status, text];
    };
    if (request.method !== 'POST') return malformed(405, 'webhooks are posted');
    const body = await readBody(request, WEBHOOK_BYTES_MAX);
    if (body === undefined) return malformed(413, `a webhook has at most ${WEBHOOK_BYTES_MAX} bytes`);
    // Before it is parsed: nothing of a stranger's is.
    if (!this.#isSigned(body, request.headers) && !(await this.#isSignedByNow(body, request.headers))) {
      this.counts.unsigned += 1;
      return [401, 'the signature is wrong, or the time: see webhook-id, webhook-timestamp and webhook-signature'];
    }
    const events = readWebhook(body);
    if (events === undefined) return malformed(400, 'this is no list of events: {"events":[…]}');
    const outcomes = await Promise.allSettled(events.map((event) => this.#tellOnce(event)));
    if (outcomes.some(({ status }) => status === 'rejected')) {
      this.counts.failed += 1;
      return [500, 'not all events were taken; send them again'];
    }
    this.counts.accepted += 1;
    return [204, ''];
  }

  #isSigned(body: string, headers: IncomingMessage['headers']): boolean {
    const said = {
      'webhook-id': headerOf(headers['webhook-id']),
      'webhook-timestamp': headerOf(headers['webhook-timestamp']),
      'webhook-signature': headerOf(headers['webhook-signature']),
    };
    // The library reads as far as there are digits.
    if (!/^\d{1,12}$/.test(said['webhook-timestamp'])) return false;
    return this.#verifiers.some((verifier) => {
      try {
        verifier.verify(body, said, { jsonParse: false });
        return true;
      } catch {
        return false;
      }
    });
  }

  /** By secrets that are newer than those that it was not signed with. */
  async #isSignedByNow(body: string, headers: IncomingMessage['headers']): Promise<boolean> {
    const before = this.#verifiers;
    await this.#refresh?.();
    return this.#verifiers !== before && this.#isSigned(body, headers);
  }

  async #tellOnce(event: TrackEvent): Promise<void> {
    const key = `${event.trackingId} ${event.eventId}`;
    if (this.#told.has(key)) {
      this.counts.duplicates += 1;
      return;
    }
    const underWay = this.#telling.get(key);
    if (underWay !== undefined) {
      await underWay;
      this.counts.duplicates += 1;
      return;
    }
    const telling = this.#tell(event);
    this.#telling.set(key, telling);
    try {
      await telling;
      this.#remember(key);
      this.counts.told += 1;
    } finally {
      this.#telling.delete(key);
    }
  }

  async #tell(event: TrackEvent): Promise<void> {
    // Nobody listens yet, or any more: it is not taken, and comes again.
    if (this.#listeners.size === 0) throw new Error('nobody listens');
    await Promise.all([...this.#listeners].map(async (listener) => listener(event)));
  }

  #remember(key: string): void {
    this.#told.add(key);
    for (const oldest of this.#told) {
      if (this.#told.size <= EVENTS_REMEMBERED) break;
      this.#told.delete(oldest);
    }
  }
}

function headerOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(' ') : (value ?? '');
}

function answer(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
}
