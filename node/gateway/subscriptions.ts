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
  /** Its subscriptions by region and sku. */
  readonly topics: Map<string, Topic>;
  /** What it has not been sent yet. */
  readonly news: Set<News>;
  /** Called when `news` got its first entry. */
  wake(): void;
}

/** The key of a topic; a region has no slash. */
export function topicOf(region: string, sku: string): string {
  return `${region}/${sku}`;
}

/** The latest availability of one SKU in one region, and those who follow it. */
export class Topic implements News {
  readonly key: string;
  readonly subscribers = new Set<Subscriber>();
  latest: AvailabilityPush | undefined;
  stop: () => void = () => {};
  #encoded: Partial<Record<Encoding, Uint8Array>> = {};

  constructor(key: string) {
    this.key = key;
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
  readonly #hasRoom: () => boolean;
  readonly #topics = new Map<string, Topic>();

  /**
   * @param onCoalesced called when a value is replaced before it was sent
   * @param hasRoom whether there is memory for more; a subscription takes some 2 kB
   */
  constructor(grid: Pick<Grid, 'watch'>, onCoalesced: () => void, hasRoom: () => boolean) {
    this.#grid = grid;
    this.#onCoalesced = onCoalesced;
    this.#hasRoom = hasRoom;
  }

  /** @throws RangeError when there is no room, or what the grid throws when it watches no more; nothing has changed then */
  add(subscriber: Subscriber, region: string, sku: string): void {
    const key = topicOf(region, sku);
    if (subscriber.topics.has(key)) return;
    if (!this.#hasRoom()) throw new RangeError('memory is nearly full: no more subscriptions for now');
    let topic = this.#topics.get(key);
    if (topic !== undefined) {
      topic.subscribers.add(subscriber);
      subscriber.topics.set(key, topic);
      if (topic.latest !== undefined) this.#notify(topic, subscriber);
      return;
    }
    topic = new Topic(key);
    topic.subscribers.add(subscriber);
    subscriber.topics.set(key, topic);
    this.#topics.set(key, topic);
    const news = topic;
    try {
      const listener = (push: AvailabilityPush): void => {
        news.update(push);
        for (const one of news.subscribers) this.#notify(news, one);
      };
      topic.stop = this.#grid.watch(sku, listener, region);
    } catch (error) {
      this.remove(subscriber, region, sku);
      throw error;
    }
  }

  remove(subscriber: Subscriber, region: string, sku: string): void {
    this.#leave(subscriber, subscriber.topics.get(topicOf(region, sku)));
  }

  removeAll(subscriber: Subscriber): void {
    for (const topic of [...subscriber.topics.values()]) this.#leave(subscriber, topic);
  }

  #leave(subscriber: Subscriber, topic: Topic | undefined): void {
    if (topic === undefined) return;
    subscriber.topics.delete(topic.key);
    subscriber.news.delete(topic);
    topic.subscribers.delete(subscriber);
    if (topic.subscribers.size > 0) return;
    this.#topics.delete(topic.key);
    topic.stop();
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
