// A state that follows a shared log: read from its newest snapshot on, brought up to date again and again, and saved from time to time.
import type { Json } from '../../protocol/index.ts';
import { POLL_MS, SAVE_EVERY_MS } from './limits.ts';
import type { Position, SharedLog } from './log.ts';

/** What follows from the entries of a log. Entries that it knows, or cannot read, change nothing. */
export interface Followed {
  apply(entries: readonly Json[]): void;
  serialise(): Uint8Array;
}

export interface FollowOptions<S extends Followed> {
  readonly log: SharedLog;
  /** From a snapshot, or from nothing. What it throws for a snapshot is told, and it is asked for one from nothing. */
  readonly restore: (bytes: Uint8Array | undefined) => S;
  /** Whether this process saves snapshots. */
  readonly saves: boolean;
  /** What goes wrong, told once until something goes well; the next look tries again. */
  readonly onFailure: (message: string) => void;
  /** After each look. */
  readonly onLook?: () => void;
  readonly pollMs?: number;
  readonly saveEveryMs?: number;
}

export interface Following<S extends Followed> {
  readonly state: S;
  /** Resolves once it outlives this process; this process's own state has it after the next look. Never rejects. */
  append(entries: readonly Json[]): Promise<void>;
  /** Looks now. Never rejects. */
  look(): Promise<void>;
  /** Looks no more, saves a last time, and closes the log. */
  stop(): Promise<void>;
}

/** Resolves once the state is up to date. Its timers keep no process alive. @throws where the log cannot be read at all */
export async function follow<S extends Followed>(options: FollowOptions<S>): Promise<Following<S>> {
  const { log, restore, saves, onFailure, onLook, pollMs = POLL_MS, saveEveryMs = SAVE_EVERY_MS } = options;
  const saved = await log.snapshot();
  let position: Position | undefined;
  let state: S;
  try {
    state = restore(saved?.bytes);
    position = saved?.position;
  } catch (error) {
    onFailure(`what was saved cannot be used, and begins anew: ${messageOf(error)}`);
    state = restore(undefined);
  }
  let looking: Promise<void> | undefined;
  let savedAt = performance.now();

  const takeIn = async (): Promise<void> => {
    for (;;) {
      const read = await log.read(position);
      state.apply(read.entries);
      position = read.position;
      if (read.isAll) return;
    }
  };
  const save = async (): Promise<void> => {
    if (!saves || position === undefined) return;
    savedAt = performance.now();
    await log.save({ bytes: state.serialise(), position });
  };
  /** What it is still asked then fails, and is no news. */
  let isClosed = false;
  /** The last failure, which is told once until something goes well. */
  let failure: string | undefined;
  const told = async (doing: () => Promise<void>): Promise<void> => {
    try {
      await doing();
      failure = undefined;
    } catch (error) {
      const message = messageOf(error);
      if (message !== failure && !isClosed) onFailure(message);
      failure = message;
    }
  };
  const look = (): Promise<void> => {
    looking ??= told(async () => {
      await takeIn();
      onLook?.();
      if (performance.now() - savedAt > saveEveryMs) await save();
    }).finally(() => {
      looking = undefined;
    });
    return looking;
  };

  await takeIn();
  onLook?.();
  const timer = setInterval(look, pollMs);
  timer.unref();
  return {
    state,
    append: (entries) => told(() => log.append(entries)),
    look,
    async stop() {
      clearInterval(timer);
      // A log that does not answer is not waited for: it has what was appended to it, which others save, or whoever comes next.
      if (failure === undefined) await look();
      if (failure === undefined) await told(save);
      isClosed = true;
      await told(() => log.close());
      await looking;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
