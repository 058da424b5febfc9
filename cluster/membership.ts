// The members of a region as the store's register has them: read again and again, told to those who listen, and changed
// by compare-and-set. A thin shell around members.ts: it decides nothing about who the members are.
import { POLL_MS, UPDATE_ATTEMPTS_MAX, UPDATE_BACKOFF_MS } from './member-limits.ts';
import { BrokenMemberView, EMPTY_VIEW, formatView, type MemberView, parseView } from './members.ts';

/** One small value with a version. Every call settles, in bounded time. */
export interface RegisterPort {
  /** Version 0 and '' before the first write. */
  read(): Promise<{ readonly version: number; readonly value: string }>;
  /** Writes `value` as version `expected` + 1; false when another was faster. A write that rejects may have landed. */
  write(expected: number, value: string): Promise<boolean>;
}

export interface MembershipRuntime {
  /** Milliseconds on a clock that never jumps. */
  monotonic(): number;
  /** Calls `run` after `ms`; returns the way to cancel. */
  after(ms: number, run: () => void): () => void;
}

export interface MembershipDeps {
  readonly register: RegisterPort;
  readonly runtime: MembershipRuntime;
  readonly log: (line: string) => void;
  /** Places the partitions of a view that is to be written, given the placement before it. Default: nothing is placed. */
  readonly place?: (view: MemberView, before: readonly string[]) => MemberView;
  /** How long after one read the next begins, ms. */
  readonly pollMs?: number;
}

/** The update was tried as often as may be and others were faster each time: it was not made. Retriable. */
export class MembershipContended extends Error {
  override readonly name = 'MembershipContended';
}

/** `stop` was called: an update under way may have been made. */
export class MembershipStopped extends Error {
  override readonly name = 'MembershipStopped';
}

interface ReadView {
  readonly view: MemberView;
  /** The register's own version of it. */
  readonly registered: number;
  /** The store lacks what was seen before. */
  readonly isLost: boolean;
}

export type ViewListener = (view: MemberView) => void;

export class Membership {
  readonly #register: RegisterPort;
  readonly #runtime: MembershipRuntime;
  readonly #log: (line: string) => void;
  readonly #place: (view: MemberView, before: readonly string[]) => MemberView;
  readonly #pollMs: number;
  readonly #listeners = new Set<ViewListener>();
  #view = EMPTY_VIEW;
  /** What the register had for it. */
  #value = '';
  /** What was parsed last, and what came of it. */
  #parsed: { readonly value: string; readonly registered: number; readonly view: MemberView } | undefined;
  /** The read under way, and the one behind it that is shared by all who asked since it began. */
  #reading: Promise<MemberView> | undefined;
  #following: Promise<MemberView> | undefined;
  #cancelPoll: (() => void) | undefined;
  /** Ends each pause of an update. */
  readonly #pauses = new Set<() => void>();
  /** When the store first failed to give a view, on the monotonic clock. */
  #outageSince: number | undefined;
  /** The store was last seen without what had been seen before. */
  #lost = false;
  #started = false;
  #stopped = false;

  constructor(deps: MembershipDeps) {
    this.#register = deps.register;
    this.#runtime = deps.runtime;
    this.#log = deps.log;
    this.#place = deps.place ?? ((view) => view);
    this.#pollMs = deps.pollMs ?? POLL_MS;
  }

  /** The newest view that was read; the empty one before the first. */
  get view(): MemberView {
    return this.#view;
  }

  /** Reads now, and from then on `pollMs` after each read. Failures are logged and do not end it. */
  start(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    this.#poll();
  }

  /** Ends polling; nobody is told anything any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelPoll?.();
    for (const end of [...this.#pauses]) end();
    this.#listeners.clear();
  }

  /** Calls `listener` once for each newer version that is seen from now on, in order; returns the way to stop that. */
  onChange(listener: ViewListener): () => void {
    if (!this.#stopped) this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads the register in a read that begins no earlier than this call, and returns the newest view seen. However many
   * ask, there is at most one read under way on their behalf.
   * @throws BrokenMemberView, MembershipStopped, or what the store failed with
   */
  async refresh(): Promise<MemberView> {
    this.#assertRunning();
    // Checked first: it begins after this call, even where the read before it is over.
    if (this.#following !== undefined) return this.#following;
    if (this.#reading === undefined) return this.#beginRead();
    const follow = (): Promise<MemberView> => {
      this.#following = undefined;
      return this.#beginRead();
    };
    this.#following = this.#reading.then(follow, follow);
    return this.#following;
  }

  /**
   * Applies `change` to the register's view until one write of it succeeds, and returns the view that came of it. It is
   * called anew for each attempt, and again after a write of unknown outcome: it must return the view it is given when
   * it has nothing (more) to change, as the changes of members.ts do; then nothing is written.
   *
   * @throws what `change` throws, at once
   * @throws BrokenMemberView at once: what cannot be read is not overwritten
   * @throws MembershipContended, or what the store failed with last, after UPDATE_ATTEMPTS_MAX attempts
   * @throws MembershipStopped
   */
  async update(change: (view: MemberView) => MemberView): Promise<MemberView> {
    let [waitMs, longestMs] = UPDATE_BACKOFF_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(change);
      } catch (error) {
        if (!(error instanceof TryAgain)) throw error;
        if (attempt === UPDATE_ATTEMPTS_MAX) throw error.reason;
      }
      await this.#pause(waitMs);
      waitMs = Math.min(2 * waitMs, longestMs);
    }
  }

  /** @throws TryAgain when another attempt may succeed */
  async #attempt(change: (view: MemberView) => MemberView): Promise<MemberView> {
    this.#assertRunning();
    const { view, registered } = await this.#read().catch(tryAgain);
    this.#assertRunning();
    const next = change(view);
    if (next === view) return view;
    const landed = await this.#write(next.members, view.placement, registered).catch(tryAgain);
    if (landed === undefined)
      throw new TryAgain(new MembershipContended('others changed the members first, each time'));
    return landed;
  }

  /** Undefined: the register is not at that version any more. */
  async #write(
    members: MemberView['members'],
    placement: readonly string[] | undefined,
    registered: number,
  ): Promise<MemberView | undefined> {
    const version = Math.max(registered, this.#view.version) + 1;
    const landed = this.#place({ version, members }, placement ?? []);
    const value = formatView(landed);
    if (!(await this.#register.write(registered, value))) return undefined;
    this.#saw(landed, value);
    return landed;
  }

  #assertRunning(): void {
    if (this.#stopped) throw new MembershipStopped('membership was stopped');
  }

  readonly #poll = (): void => {
    this.#cancelPoll = undefined;
    const again = (): void => {
      if (!this.#stopped) this.#cancelPoll = this.#runtime.after(this.#pollMs, this.#poll);
    };
    // Its failure is in the log.
    this.refresh().then(again, again);
  };

  #beginRead(): Promise<MemberView> {
    const reading = this.#read()
      .then((read) => this.#restored(read))
      .finally(() => {
        this.#reading = undefined;
      });
    this.#reading = reading;
    return reading;
  }

  /**
   * Writes what the store has left as a version that is newer than all that were seen. The versions of what it lost come
   * again otherwise, and whoever saw those would not look at the new ones. When that fails, the next read finds it again.
   */
  async #restored({ view, registered, isLost }: ReadView): Promise<MemberView> {
    if (isLost && !this.#stopped) await this.#write(view.members, this.#view.placement, registered);
    return this.#view;
  }

  /** What the register has, which may be older than what was seen. */
  async #read(): Promise<ReadView> {
    const before = this.#view.version;
    try {
      const { version: registered, value } = await this.#register.read();
      const view = this.#parse(value, registered);
      this.#answered();
      const isLost = this.#compare(before, view.version, value);
      this.#saw(view, value);
      return { view, registered, isLost };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Most reads find what the one before found. @throws BrokenMemberView */
  #parse(value: string, registered: number): MemberView {
    const last = this.#parsed;
    if (last?.value === value && last.registered === registered) return last.view;
    const view = parseView(value, registered);
    this.#parsed = { value, registered, view };
    return view;
  }

  #answered(): void {
    if (this.#outageSince === undefined) return;
    const lastedMs = Math.round(this.#runtime.monotonic() - this.#outageSince);
    this.#outageSince = undefined;
    if (!this.#stopped) this.#log(`the members can be read again, after ${lastedMs} ms`);
  }

  #failed(error: unknown): void {
    if (this.#outageSince !== undefined || this.#stopped) return;
    this.#outageSince = this.#runtime.monotonic();
    this.#log(`the members cannot be read (${messageOf(error)}); version ${this.#view.version} stands until they can`);
  }

  /** Says it when the store has lost what this worker saw before it began to read: never silent. */
  #compare(before: number, version: number, value: string): boolean {
    const lost = version < before || (version === this.#view.version && value !== this.#value);
    if (lost && !this.#lost) {
      this.#log(`the store has lost changes of the members: version ${before} was read, and now another ${version}`);
    }
    this.#lost = lost;
    return lost;
  }

  /** Tells a view that is newer than all before. Answers may come out of order, and a store may lose what it had. */
  #saw(view: MemberView, value: string): void {
    if (this.#stopped || view.version <= this.#view.version) return;
    this.#view = view;
    this.#value = value;
    for (const listener of [...this.#listeners]) {
      try {
        listener(view);
      } catch (error) {
        this.#log(`a listener failed on version ${view.version} of the members: ${messageOf(error)}`);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#runtime.after(ms, end);
      this.#pauses.add(end);
    });
  }
}

/** An attempt to update failed for a cause that may pass. */
class TryAgain extends Error {
  override readonly name = 'TryAgain';
  readonly reason: unknown;
  constructor(reason: unknown) {
    super();
    this.reason = reason;
  }
}

function tryAgain(error: unknown): never {
  throw error instanceof BrokenMemberView ? error : new TryAgain(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
