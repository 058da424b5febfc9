// Tells listeners of events, at least once each: a few at a time, again later if one fails, and counted when it is given up.
import type { TrackEvent, TrackListener } from '../port.ts';
import { TELL_ATTEMPTS_MAX, TELL_BACKOFF_MAX_MS, TELL_BACKOFF_MS, TELLING_MAX } from './limits.ts';

interface Telling {
  readonly event: TrackEvent;
  readonly listener: TrackListener;
  attempts: number;
}

export class Teller {
  readonly #listeners = new Set<TrackListener>();
  readonly #queue: Telling[] = [];
  readonly #waiting = new Set<NodeJS.Timeout>();
  #telling = 0;
  /** Events that a listener was told of in vain so often that it is left to ask. */
  givenUp = 0;

  add(listener: TrackListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: TrackEvent): void {
    for (const listener of this.#listeners) this.#queue.push({ event, listener, attempts: 0 });
    this.#next();
  }

  close(): void {
    this.#listeners.clear();
    this.#queue.length = 0;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }

  #next(): void {
    while (this.#telling < TELLING_MAX) {
      const telling = this.#queue.shift();
      if (telling === undefined) return;
      this.#telling += 1;
      void this.#try(telling).finally(() => {
        this.#telling -= 1;
        this.#next();
      });
    }
  }

  async #try(telling: Telling): Promise<void> {
    if (!this.#listeners.has(telling.listener)) return;
    telling.attempts += 1;
    try {
      await telling.listener(telling.event);
    } catch {
      if (telling.attempts >= TELL_ATTEMPTS_MAX) this.givenUp += 1;
      else this.#later(telling);
    }
  }

  #later(telling: Telling): void {
    const waitMs = Math.min(TELL_BACKOFF_MAX_MS, TELL_BACKOFF_MS * 2 ** (telling.attempts - 1));
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.#queue.push(telling);
      this.#next();
    }, waitMs);
    timer.unref();
    this.#waiting.add(timer);
  }
}
