// Who wants to know which SKU's availability. One watch per SKU however many connections want it; what a connection
// has not been told yet is a set of topics, not a queue of values, so that a slow reader gets the latest and no more.
import type { Encoding } from '../../protocol/codec.ts';
import { encodePush } from '../../protocol/codec.ts';
import type { AvailabilityPush } from '../../protocol/index.ts';
import type { Grid } from '../shell/grid.ts';

/** What a connection is to be told once it can be written: the latest at that time. */
export interface News {
  /** Undefined: nothing yet. */
  encoded(encoding: Encoding): Uint8Array | undefined;
}

/** The receiving end of subscriptions, one per connection. */
export interface Subscriber {
  readonly encoding: Encoding;
  /** Its subscriptions by sku. */
  readonly topics: Map<string, Topic>;
  /** What it has not been sent yet. */
  readonly news: Set<News>;
  /** Called when `news` got its first entry. */
  wake(): void;
}

/** The latest availability of one SKU and those who follow it. */
export class Topic implements News {
  readonly sku: string;
  readonly subscribers = new Set<Subscriber>();
  latest: AvailabilityPush | undefined;
  stop: () => void = () => {};
  #encoded: Partial<Record<Encoding, Uint8Array>> = {};

  constructor(sku: string) {
    this.sku = sku;
  }

  update(push: AvailabilityPush): void {
    this.latest = push;
    this.#encoded = {};
  }

  /** Encoded once, however many subscribers; undefined before the first value. */
  encoded(encoding: Encoding): Uint8Array | undefined {
    if (this.latest === undefined) return undefined;
    // The codec reuses its buffer, and this is kept: copy.
    this.#encoded[encoding] ??= Uint8Array.from(encodePush(encoding, this.latest));
    return this.#encoded[encoding];
  }
}

export class Subscriptions {
  readonly #grid: Pick<Grid, 'watch'>;
  readonly #onCoalesced: () => void;
  readonly #topics = new Map<string, Topic>();

  /** @param onCoalesced called when a value is replaced before it was sent */
  constructor(grid: Pick<Grid, 'watch'>, onCoalesced: () => void) {
    this.#grid = grid;
    this.#onCoalesced = onCoalesced;
  }

  /** @throws what the grid throws when it watches no more SKUs; nothing has changed then */
  add(subscriber: Subscriber, sku: string): void {
    if (subscriber.topics.has(sku)) return;
    let topic = this.#topics.get(sku);
    if (topic !== undefined) {
      topic.subscribers.add(subscriber);
      subscriber.topics.set(sku, topic);
      if (topic.latest !== undefined) this.#notify(topic, subscriber);
      return;
    }
    topic = new Topic(sku);
    topic.subscribers.add(subscriber);
    subscriber.topics.set(sku, topic);
    this.#topics.set(sku, topic);
    const news = topic;
    try {
      topic.stop = this.#grid.watch(sku, (push) => {
        news.update(push);
        for (const one of news.subscribers) this.#notify(news, one);
      });
    } catch (error) {
      this.remove(subscriber, sku);
      throw error;
    }
  }

  remove(subscriber: Subscriber, sku: string): void {
    const topic = subscriber.topics.get(sku);
    if (topic === undefined) return;
    subscriber.topics.delete(sku);
    subscriber.news.delete(topic);
    topic.subscribers.delete(subscriber);
    if (topic.subscribers.size > 0) return;
    this.#topics.delete(sku);
    topic.stop();
  }

  removeAll(subscriber: Subscriber): void {
    for (const sku of [...subscriber.topics.keys()]) this.remove(subscriber, sku);
  }

  #notify(topic: Topic, subscriber: Subscriber): void {
    if (subscriber.news.has(topic)) {
      this.#onCoalesced();
      return;
    }
    subscriber.news.add(topic);
    if (subscriber.news.size === 1) subscriber.wake();
  }
}
