// Keeps a fixed set of child processes alive: forks them, prefixes their output, restarts what dies, gives up when
// restarting does not help, and stops them in order. It knows nothing of what the children do; they say that they
// are ready, or that no restart can help, over the IPC channel. A child ends by itself when that channel closes.
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A child to keep alive. */
export interface ChildSpec {
  readonly name: string;
  /** Path of the script to fork. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Of the runtime; those that the supervisor itself was started with come before them. */
  readonly flags?: readonly string[];
}

/** What a child tells its supervisor. */
export type ChildMessage =
  | { readonly type: 'ready'; readonly detail: unknown }
  /** It cannot run as it was asked to, and a restart would not help: a port is taken, a setting is wrong. */
  | { readonly type: 'refused'; readonly message: string; readonly hint?: string }
  /** What it needs is not there. At the first start that is final; a child that has been ready is started again. */
  | { readonly type: 'lacking'; readonly message: string; readonly hint?: string };

/** What a supervisor tells its child: drain and exit. */
export interface StopMessage {
  readonly type: 'stop';
}

/** What a supervisor tells a child that is about to be replaced: let others take over what you do, then exit. */
export interface RetireMessage {
  readonly type: 'retire';
}

export interface SupervisorOptions {
  readonly children: readonly ChildSpec[];
  readonly log: (line: string) => void;
  /** A child that dies sooner than this after its start died quickly, ms. */
  readonly quickDeathMs?: number;
  /** After so many quick deaths in a row of one child the supervisor gives up. */
  readonly quickDeathsMax?: number;
  /** The pause before the first restart, ms; doubles with each quick death. */
  readonly backoffMs?: number;
  readonly backoffMsMax?: number;
  /** How long a child may take to drain before it is killed, ms. */
  readonly drainMsMax?: number;
}

const DEFAULTS = {
  quickDeathMs: 10_000,
  quickDeathsMax: 5,
  backoffMs: 200,
  backoffMsMax: 5_000,
  drainMsMax: 15_000,
};

/** Why the supervisor gave up. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
  readonly hint: string | undefined;
  /** True when it was told to stop, which is no failure. */
  readonly stopped: boolean;
  constructor(message: string, hint?: string, stopped = false) {
    super(message);
    this.hint = hint;
    this.stopped = stopped;
  }
}

/** Lines of a crash report that do not say why: stack frames and the runtime's version. */
const NO_REASON = /^\s+at |^Node\.js v/;

interface Kept {
  readonly spec: ChildSpec;
  process: ChildProcess | undefined;
  startedAt: number;
  quickDeaths: number;
  restartTimer: NodeJS.Timeout | undefined;
  /** What the child said when it was first ready. */
  detail: unknown;
  wasReady: boolean;
  /** Called when its successor is ready; undefined unless it is being replaced. */
  replaced: (() => void) | undefined;
  refused: GaveUp | undefined;
  /** The last thing it said, for when it dies again and again. */
  lastWords: string;
}

/** One supervisor runs its children once: start(), then stop() or a failure. */
export class Supervisor {
  /** Resolves, in the order of the children, with what each said when all have been ready once. Rejects when it gives up before. */
  readonly ready: Promise<readonly unknown[]>;
  /** Resolves when all children have ended after stop(); rejects with GaveUp once they have ended after giving up. */
  readonly ended: Promise<void>;
  readonly #settings: Required<SupervisorOptions>;
  readonly #kept: Kept[];
  #stopping = false;
  #gaveUp: GaveUp | undefined;
  #resolveReady!: (details: readonly unknown[]) => void;
  #rejectReady!: (error: GaveUp) => void;
  #resolveEnded!: () => void;
  #rejectEnded!: (error: GaveUp) => void;

  constructor(options: SupervisorOptions) {
    this.#settings = { ...DEFAULTS, ...options };
    this.#kept = options.children.map((spec) => ({
      spec,
      process: undefined,
      startedAt: 0,
      quickDeaths: 0,
      restartTimer: undefined,
      detail: undefined,
      wasReady: false,
      replaced: undefined,
      refused: undefined,
      lastWords: '',
    }));
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
    // Whoever waits on one of the two need not wait on the other.
    this.ready.catch(() => {});
    this.ended.catch(() => {});
  }

  start(): void {
    for (const kept of this.#kept) this.#startChild(kept);
  }

  /** Asks every child to drain and exit; `ended` tells when they have. Calling it again changes nothing. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // A promise that is settled already ignores this.
    this.#rejectReady(new GaveUp('stopped before it was ready', undefined, true));
    const { drainMsMax, log } = this.#settings;
    for (const kept of this.#kept) {
      clearTimeout(kept.restartTimer);
      kept.restartTimer = undefined;
      tell(kept.process, { type: 'stop' });
    }
    const timer = setTimeout(() => {
      for (const { spec } of this.#running()) log(`${spec.name} did not drain within ${drainMsMax} ms and is killed`);
      this.kill();
    }, drainMsMax);
    this.ended.catch(() => {}).finally(() => clearTimeout(timer));
    this.#checkEnded();
  }

  /**
   * Replaces the children one after the other: each retires, and the next one's turn comes once its successor is ready.
   * Resolves when all have been replaced, or the supervisor stops.
   */
  async rollingRestart(): Promise<void> {
    for (const kept of this.#kept) {
      if (this.#stopping || kept.process === undefined) continue;
      const replaced = new Promise<void>((resolve) => {
        kept.replaced = resolve;
      });
      this.#settings.log(`${kept.spec.name} is replaced`);
      tell(kept.process, { type: 'retire' });
      await Promise.race([replaced, this.ended.catch(() => {})]);
    }
  }

  /** Ends every child at once; what they had acknowledged is durable all the same. */
  kill(): void {
    this.#stopping = true;
    this.#rejectReady(new GaveUp('stopped before it was ready', undefined, true));
    for (const kept of this.#kept) {
      clearTimeout(kept.restartTimer);
      kept.process?.kill('SIGKILL');
    }
    this.#checkEnded();
  }

  /** The process ids of the children that run, by name. */
  pids(): ReadonlyMap<string, number> {
    return new Map(this.#running().map(({ spec, process }) => [spec.name, process?.pid ?? 0]));
  }

  #running(): Kept[] {
    return this.#kept.filter(({ process }) => process !== undefined);
  }

  #startChild(kept: Kept): void {
    const { spec } = kept;
    const child = fork(spec.entry, [...spec.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [...process.execArgv, ...(spec.flags ?? [])],
    });
    kept.process = child;
    kept.startedAt = performance.now();
    kept.refused = undefined;
    this.#forwardLines(kept, child.stdout);
    this.#forwardLines(kept, child.stderr);
    child.on('message', (message) => this.#hear(kept, message as ChildMessage));
    child.on('error', (error) => this.#settings.log(`${spec.name}: ${error.message}`));
    // 'close' rather than 'exit': by then all the child's last words have been read. A fork that failed to spawn
    // emits it too.
    child.on('close', (code, signal) => this.#afterDeath(kept, code, signal));
  }

  #forwardLines(kept: Kept, stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      this.#settings.log(`[${kept.spec.name}] ${line}`);
      if (line.trim() !== '' && !NO_REASON.test(line)) kept.lastWords = line.trim();
    });
  }

  #hear(kept: Kept, message: ChildMessage): void {
    if (this.#stopping) return;
    if (message.type === 'ready') {
      if (kept.wasReady) this.#settings.log(`${kept.spec.name} serves again`);
      kept.wasReady = true;
      kept.replaced?.();
      kept.replaced = undefined;
      kept.detail = message.detail;
      if (this.#kept.every(({ wasReady }) => wasReady)) this.#resolveReady(this.#kept.map(({ detail }) => detail));
    } else if (message.type === 'lacking' && kept.wasReady) {
      kept.lastWords = message.message;
      this.#settings.log(`[${kept.spec.name}] ${message.message}`);
    } else {
      kept.refused = new GaveUp(`${kept.spec.name}: ${message.message}`, message.hint);
    }
  }

  #afterDeath(kept: Kept, code: number | null, signal: NodeJS.Signals | null): void {
    const { quickDeathMs, quickDeathsMax, backoffMs, backoffMsMax, log } = this.#settings;
    kept.process = undefined;
    if (this.#stopping) {
      this.#checkEnded();
      return;
    }
    if (kept.refused !== undefined) {
      this.#giveUp(kept.refused);
      return;
    }
    if (kept.replaced !== undefined && code === 0) {
      this.#startChild(kept);
      return;
    }
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const livedMs = performance.now() - kept.startedAt;
    kept.quickDeaths = livedMs < quickDeathMs ? kept.quickDeaths + 1 : 0;
    if (kept.quickDeaths >= quickDeathsMax) {
      const said = kept.lastWords === '' ? '' : `; the last it said: ${kept.lastWords}`;
      this.#giveUp(new GaveUp(`${kept.spec.name} ${how}, ${kept.quickDeaths} times in a row: giving up${said}`));
      return;
    }
    const pauseMs = Math.min(backoffMsMax, backoffMs * 2 ** Math.max(0, kept.quickDeaths - 1));
    log(`${kept.spec.name} ${how} after ${Math.round(livedMs)} ms; restarting in ${pauseMs} ms`);
    kept.restartTimer = setTimeout(() => this.#startChild(kept), pauseMs);
  }

  #giveUp(why: GaveUp): void {
    this.#gaveUp ??= why;
    this.#rejectReady(why);
    this.stop();
  }

  #checkEnded(): void {
    if (!this.#stopping || this.#running().length > 0) return;
    if (this.#gaveUp !== undefined) this.#rejectEnded(this.#gaveUp);
    else this.#resolveEnded();
  }
}

function tell(child: ChildProcess | undefined, message: StopMessage | RetireMessage): void {
  if (child?.connected === true) child.send(message, () => {});
  else child?.kill('SIGTERM');
}
