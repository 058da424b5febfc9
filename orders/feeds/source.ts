// Where a feed's document comes from: a port with two drivers, a file that is watched and a server that is polled. A document that
// cannot be read leaves the one before in place, and the failure is told.

export interface Source<D> {
  /** The last that could be read; undefined before the first. */
  readonly document: D | undefined;
  readonly status: SourceStatus;
  /** Looks now, if it is not looking already. Never rejects: how it went is in `status`. */
  refresh(): Promise<void>;
  /** Looks no more. */
  close(): void;
}

export interface SourceStatus {
  /** Documents taken. */
  readonly loads: number;
  /** Looks that found the same. */
  readonly unchanged: number;
  readonly failures: number;
  /** Of the last look; undefined where it went well. */
  readonly failure?: string;
}

/** @throws FeedMalformed */
export type Reader<D> = (text: string) => D;

/** What a driver does: undefined where the document is the same as before. */
export type Look = (signal: AbortSignal) => Promise<string | undefined>;

export interface Pace {
  readonly pollMs: number;
  /** Polls between looks while they fail: doubled each time up to this. */
  readonly backoffPollsMax: number;
  /** Told of a failure, once until it is another. */
  readonly onFailure?: (failure: string) => void;
}

/** How long a server asks to be left alone, ms. */
export class LeftAlone extends Error {
  override readonly name = 'LeftAlone';
  readonly forMs: number;

  constructor(message: string, forMs: number) {
    super(message);
    this.forMs = forMs;
  }
}

/** A source that looks once and then at its pace. Its timers keep no process alive. */
export async function pollSource<D>(look: Look, read: Reader<D>, pace: Pace): Promise<Source<D>> {
  const ends = new AbortController();
  let status: SourceStatus = { loads: 0, unchanged: 0, failures: 0 };
  let document: D | undefined;
  let failing = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<number> | undefined;

  /** @returns the ms until the next */
  const once = async (): Promise<number> => {
    const { failure: _, ...counts } = status;
    try {
      const text = await look(ends.signal);
      if (text !== undefined) document = read(text);
      failing = 0;
      status =
        text === undefined ? { ...counts, unchanged: counts.unchanged + 1 } : { ...counts, loads: counts.loads + 1 };
      return pace.pollMs;
    } catch (error) {
      failing += 1;
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== status.failure) pace.onFailure?.(failure);
      status = { ...counts, failures: counts.failures + 1, failure };
      const backoff = pace.pollMs * Math.min(pace.backoffPollsMax, 2 ** (failing - 1));
      return Math.max(backoff, error instanceof LeftAlone ? error.forMs : 0);
    }
  };
  const refresh = async (): Promise<void> => {
    clearTimeout(timer);
    looking ??= once().finally(() => {
      looking = undefined;
    });
    const next = await looking;
    clearTimeout(timer);
    if (ends.signal.aborted) return;
    timer = setTimeout(refresh, next);
    timer.unref();
  };
  await refresh();
  return {
    get document() {
      return document;
    },
    get status() {
      return status;
    },
    refresh,
    close() {
      ends.abort();
      clearTimeout(timer);
    },
  };
}
