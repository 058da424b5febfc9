// A worker's eye on the view of its region: reads it now and then, tells of each new version once, and changes it by
// compare-and-set.
import { EMPTY_VIEW, formatView, type MemberView, parseView } from './members.ts';

/** What is needed of the store's register. */
export interface ViewRegister {
  read(): Promise<{ readonly version: number; readonly value: string }>;
  write(expected: number, value: string): Promise<boolean>;
}

export interface MembershipOptions {
  readonly register: ViewRegister;
  readonly runtime: { after(ms: number, run: () => void): () => void };
  readonly log: (line: string) => void;
  /** Between two looks, ms. */
  readonly pollMs?: number;
}

const POLL_MS = 250;
/** Others that were faster so many times in a row are more than there can be. */
const ATTEMPTS_MAX = 100;

/** Others kept changing the view first. */
export class ViewContended extends Error {
  override readonly name = 'ViewContended';
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #listeners: ((view: MemberView) => void)[] = [];
  #view: MemberView = EMPTY_VIEW;
  #isRunning = false;
  #isOut = false;
  #cancel: () => void = () => {};

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The newest view seen. */
  get view(): MemberView {
    return this.#view;
  }

  onView(listener: (view: MemberView) => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#isRunning = true;
    this.#arm();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancel();
  }

  /** Reads the view now. @throws what the store throws, ViewUnreadable */
  async refresh(): Promise<MemberView> {
    const { version, value } = await this.#options.register.read();
    this.#take(parseView(value, version));
    return this.#view;
  }

  /**
   * Changes the view; a change that returns the view it was given changes nothing.
   * @throws what the store throws, ViewUnreadable, ViewContended
   */
  async update(change: (view: MemberView) => MemberView): Promise<MemberView> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const view = await this.refresh();
      const next = change(view);
      if (next === view) return view;
      if (await this.#options.register.write(view.version, formatView(next))) {
        this.#take({ ...next, version: view.version + 1 });
        return this.#view;
      }
    }
    throw new ViewContended('other workers keep changing the view of the region; try again');
  }

  #take(view: MemberView): void {
    if (view.version <= this.#view.version) return;
    this.#view = view;
    for (const listener of this.#listeners) listener(view);
  }

  #arm(): void {
    this.#cancel = this.#options.runtime.after(this.#options.pollMs ?? POLL_MS, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    try {
      await this.refresh();
      if (this.#isOut) this.#options.log('the view of the region can be read again');
      this.#isOut = false;
    } catch (error) {
      if (!this.#isOut) this.#options.log(`the view of the region cannot be read: ${(error as Error).message}`);
      this.#isOut = true;
    }
    if (this.#isRunning) this.#arm();
  }
}
