// A region as its status tells of it, and waiting for it to come to rest.

export interface Worker {
  readonly id: string;
  readonly pid: number;
  readonly url: string;
  readonly moving: readonly number[];
  readonly lanes: readonly { readonly open: number; readonly sealed: number }[];
}

export interface Region {
  readonly workers: readonly Worker[];
  readonly silent: readonly string[];
  readonly partitions: readonly { readonly worker: string }[];
}

/** @param at a port of this machine, or the URL that clients connect to */
export async function regionAt(at: number | string): Promise<Region | undefined> {
  try {
    const response = await fetch(
      new URL('/v1/status', typeof at === 'number' ? `http://127.0.0.1:${at}` : at.replace('ws:', 'http:')),
      { signal: AbortSignal.timeout(1_000) },
    );
    return ((await response.json()) as { region: Region }).region;
  } catch {
    return undefined;
  }
}

/** Polls, as there is nobody to tell: the processes are on their own. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  withinMs = 30_000,
  instead: () => unknown = () => '',
): Promise<T> {
  for (const end = performance.now() + withinMs; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms; ${JSON.stringify(instead())}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * All workers are there, each with its one lane and its share, and nothing moves.
 * @param printed what a failure shows beside them
 */
export function settled(at: number | string, workers: number, printed: () => string = () => ''): Promise<Region> {
  let last: Region | undefined;
  const look = async (): Promise<Region | undefined> => {
    const region = await regionAt(at);
    last = region;
    if (region === undefined || region.workers.length !== workers || region.silent.length > 0) return undefined;
    const isSettled = region.workers.every(
      ({ lanes, moving }) =>
        moving.length === 0 &&
        lanes.length === 1 &&
        (lanes[0]?.open ?? 0) > 64 / workers &&
        (lanes[0]?.open ?? 0) <= Math.ceil((1.05 * 128) / workers),
    );
    return isSettled && region.partitions.length === 128 ? region : undefined;
  };
  return until(`${workers} workers, each with its share`, look, 30_000, () => [last?.workers, printed().slice(-3_000)]);
}
