// Several regions, a network that may do anything but forge, and one clock. Messages go through the real codec. Either a
// test moves each message by hand, or run() lets time pass with a latency and a rate of loss.
import { POOL_DEFAULTS, type PoolOptions } from '../limits.ts';
import { decodeRows } from '../messages.ts';
import { poolView, reportOf } from '../view.ts';
import { TokenModel } from './naive-model.ts';
import { TestRegion } from './region.ts';

interface Message {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly dueAt: number;
}

export interface RunOptions {
  readonly latencyMs: number;
  /** Messages lost of 1,000, spread evenly over all that are sent. */
  readonly lostPerMille?: number;
  readonly stepMs?: number;
  readonly each?: (now: number) => void;
}

export class World {
  readonly regions: readonly TestRegion[];
  readonly model = new TokenModel();
  readonly onTheWay: Message[] = [];
  /** All that was ever sent, for a network that repeats what is long gone. */
  readonly history: Message[] = [];
  readonly #cut = new Set<string>();
  now = 0;
  sent = 0;
  #latencyMs = 0;

  constructor(names: readonly string[], options: PoolOptions = POOL_DEFAULTS) {
    this.regions = names.map(
      (name) =>
        new TestRegion(
          name,
          names.filter((other) => other !== name),
          options,
        ),
    );
  }

  region(index: number): TestRegion {
    const region = this.regions[index % this.regions.length];
    if (region === undefined) throw new RangeError(`no region ${index}`);
    return region;
  }

  wait(ms: number): void {
    this.now += ms;
    for (const region of this.regions) region.now = this.now;
  }

  /** Makes a region's events durable, lets its messages leave, and has the model follow. */
  flush(region: TestRegion): void {
    const { messages, events } = region.flush();
    for (const event of events) this.model.apply(region.name, event);
    for (const { to, bytes } of messages) {
      this.sent += 1;
      const message = { from: region.name, to, bytes, dueAt: this.now + this.#latencyMs };
      this.history.push(message);
      if (!this.#cut.has(pair(region.name, to))) this.onTheWay.push(message);
    }
  }

  /** Delivers a copy: of the message on the way at `index`, which stays there if `keep`, or of one long gone. */
  deliver(index: number, keep = false): void {
    const message = keep ? this.onTheWay[index] : this.onTheWay.splice(index, 1)[0];
    if (message !== undefined) this.hand(message);
  }

  hand(message: Message): void {
    if (this.#cut.has(pair(message.from, message.to))) return;
    const region = this.regions.find(({ name }) => name === message.to);
    for (const row of decodeRows(message.bytes)) region?.receive(row);
  }

  cut(a: TestRegion, b: TestRegion): void {
    this.#cut.add(pair(a.name, b.name));
  }

  isolate(region: TestRegion): void {
    for (const other of this.regions) this.cut(region, other);
    this.onTheWay.length = 0;
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Lets `ms` pass: `each` is called every stepMs, then what is due arrives and all is made durable. */
  run(ms: number, options: RunOptions): void {
    const stepMs = options.stepMs ?? 10;
    this.#latencyMs = options.latencyMs;
    let lost = 0;
    for (const until = this.now + ms; this.now < until; ) {
      this.wait(stepMs);
      options.each?.(this.now);
      if (this.now % 50 < stepMs) for (const region of this.regions) region.tick();
      for (const region of this.regions) this.flush(region);
      const due = this.onTheWay.filter(({ dueAt }) => dueAt <= this.now);
      for (const message of due) {
        this.onTheWay.splice(this.onTheWay.indexOf(message), 1);
        lost += options.lostPerMille ?? 0;
        if (lost >= 1000) lost -= 1000;
        else this.hand(message);
      }
      for (const region of this.regions) this.flush(region);
    }
  }

  view() {
    return poolView(this.regions.map(({ pool, position }) => reportOf(pool, position)));
  }

  /** I14, by the tokens and by the matrix: everywhere, and in all that is durable now. */
  check(): void {
    for (const region of this.regions) {
      if (region.position.received - region.position.shipped - region.position.reserved < 0) {
        throw new Error(`${region.name} has spent more than it held`);
      }
      if (region.durable < region.journal.length) continue;
      const { name, rights, position, pool } = region;
      equal(`rights of ${name}`, rights, this.model.at(name));
      equal(`spent at ${name}`, position.reserved, this.model.at(`sold ${name}`));
      equal(`shipped at ${name}`, position.shipped, this.model.at(`shipped ${name}`));
      for (const { region: to, given } of pool.accounts) {
        const other = this.regions.find((r) => r.name === to);
        if (other === undefined || other.durable < other.journal.length) continue;
        const taken = other.pool.accounts.find((account) => account.region === name)?.taken ?? 0;
        equal(`on the way from ${name} to ${to}`, given - taken, this.model.at(`way ${name} ${to}`));
      }
    }
    if (this.regions.some(({ durable, journal }) => durable < journal.length)) return;
    const view = this.view();
    equal('the difference', view.difference, 0);
    equal('torn pairs', view.torn.length, 0);
    equal('minted', view.minted, this.model.total);
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function equal(what: string, real: number, model: number): void {
  if (real !== model) throw new Error(`${what}: ${real}, and ${model} by the model`);
}
