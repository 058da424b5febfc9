// One connection of a simulated process to the store: calls travel, land in the order in which they were made, and their
// answers travel back, as far as the faults of the medium let them.
import { StoreUnavailable } from '../../node/journal/port.ts';
import type { SimMedium } from './medium.ts';
import type { SimProcess } from './process.ts';

/** A call that lands late does so at most this long after it was made, ms. */
const LATE_MS_MAX = 6_000;
/** Pause before a broken connection is made anew, ms. */
const RECONNECT_MS = 25;

/** A fenced write is ignored by the store once a newer connection of the process has announced itself. */
export type CallKind = 'read' | 'write' | 'fenced write';

interface OpenCall {
  readonly settle: (run: () => void) => void;
  readonly fail: (why: string) => void;
}

/** What becomes of one stretch of a connection's life, from connecting to breaking. */
interface Stretch {
  readonly number: number;
  /** Of the server it leads to. */
  readonly era: number;
  readonly open: Set<OpenCall>;
  /** Nothing lands before this: calls keep their order. */
  landsAt: number;
  answersAt: number;
  /** What is sent from now on is lost, as a stream has no holes. */
  isDeaf: boolean;
  /** What the store answers from now on is lost. */
  isMute: boolean;
}

export class Connection {
  readonly #medium: SimMedium;
  readonly #process: SimProcess;
  /** Undefined while there is no connection. */
  #stretch: Stretch | undefined;
  /** The newest connection that the store has heard of. */
  #attached = 1;

  constructor(medium: SimMedium, process: SimProcess) {
    this.#medium = medium;
    this.#process = process;
    this.#stretch = newStretch(1, medium.era);
    medium.connected(() => {
      const stretch = this.#stretch;
      if (stretch !== undefined) process.accept(() => this.#break(stretch));
    });
  }

  call<T>(name: string, kind: CallKind, land: () => Promise<T>): Promise<T> {
    const process = this.#process;
    const { scheduler, timeoutMs } = this.#medium;
    const stretch = this.#stretch;
    if (!process.isAlive) return new Promise(() => {});
    return new Promise<T>((resolve, reject) => {
      if (stretch === undefined) {
        process.deliver(0, () => reject(new StoreUnavailable(`${name}: no connection`)));
        return;
      }
      const open: OpenCall = {
        settle: (run) => {
          if (!stretch.open.delete(open)) return;
          cancelTimeout();
          run();
        },
        fail: (why) => open.settle(() => reject(new StoreUnavailable(`${name}: ${why}`))),
      };
      stretch.open.add(open);
      const cancelTimeout = process.deliver(timeoutMs, () => this.#break(stretch));
      const answersLost = this.#drawFate(stretch, name);
      if (stretch.isDeaf) return;
      const arrive = (): void =>
        this.#land(stretch, name, kind, land, (run) => {
          if (!answersLost && !stretch.isMute) this.#answer(stretch, () => open.settle(() => run(resolve, reject)));
        });
      stretch.landsAt = Math.max(stretch.landsAt, scheduler.now + this.#medium.latency());
      scheduler.at(stretch.landsAt, arrive);
    });
  }

  /** Whether a fault strikes the call, and with it all behind it on the connection; true when its answer will be lost. */
  #drawFate(stretch: Stretch, name: string): boolean {
    const { random, faults, trace, scheduler, timeoutMs } = this.#medium;
    const fate = random.unit();
    const { lost, late, unanswered } = faults;
    if (fate >= lost + late + unanswered) return stretch.isMute;
    const what = fate < lost ? 'lost' : fate < lost + late ? 'late' : 'unanswered';
    this.#medium.struck += 1;
    trace.add(`${this.#process.name} ${name} ${what}`);
    if (what === 'lost') stretch.isDeaf = true;
    else if (what === 'late') stretch.landsAt = scheduler.now + random.between(timeoutMs / 2, LATE_MS_MAX);
    else stretch.isMute = true;
    this.#medium.strayUntil = Math.max(this.#medium.strayUntil, stretch.landsAt, scheduler.now + timeoutMs);
    return stretch.isMute;
  }

  #land<T>(
    stretch: Stretch,
    name: string,
    kind: CallKind,
    land: () => Promise<T>,
    answer: (run: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) => void,
  ): void {
    const { faults, trace } = this.#medium;
    if (faults.isDown || stretch.era !== this.#medium.era) {
      stretch.isDeaf = true;
      return;
    }
    if (kind === 'fenced write' && stretch.number < this.#attached) {
      trace.add(`${this.#process.name} ${name} is stale`);
      return;
    }
    if (faults.isReadOnly && kind !== 'read') {
      answer((_, reject) => reject(new StoreUnavailable(`${name}: the store is read-only`)));
      return;
    }
    land().then(
      (value) => {
        trace.add(`${this.#process.name} ${name} landed ${typeof value === 'string' ? value : ''}`);
        answer((resolve) => resolve(value));
        this.#medium.onLanded(this.#process, name);
      },
      (error: unknown) => {
        trace.add(`${this.#process.name} ${name} refused ${error instanceof Error ? error.name : ''}`);
        answer((_, reject) => reject(error));
      },
    );
  }

  #answer(stretch: Stretch, run: () => void): void {
    const { scheduler } = this.#medium;
    stretch.answersAt = Math.max(stretch.answersAt, scheduler.now + this.#medium.latency());
    this.#process.deliver(stretch.answersAt - scheduler.now, run);
  }

  /** A call took too long: the connection is given up, with all that waits for an answer on it. */
  #break(stretch: Stretch): void {
    if (stretch !== this.#stretch) return;
    this.#stretch = undefined;
    for (const open of [...stretch.open]) open.fail('the connection was given up');
    this.#connect(stretch.number + 1);
  }

  /** The new connection announces itself before anything else is sent on it. */
  #connect(number: number): void {
    const medium = this.#medium;
    this.#process.deliver(RECONNECT_MS, () => {
      medium.scheduler.after(medium.latency(), () => {
        if (medium.faults.isDown || medium.faults.isReadOnly) {
          this.#connect(number);
          return;
        }
        this.#attached = number;
        const { era } = medium;
        this.#process.deliver(medium.latency(), () => {
          this.#stretch = newStretch(number, era);
        });
      });
    });
  }
}

function newStretch(number: number, era: number): Stretch {
  return { number, era, open: new Set(), landsAt: 0, answersAt: 0, isDeaf: false, isMute: false };
}
