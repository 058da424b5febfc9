// What a running region says of itself, for benchmarks that wait for it to come to rest.

const LOOK_MS = 20;
/** Of the grid that a benchmark starts. */
const PARTITIONS = 128;

interface RegionStatus {
  readonly workers: readonly {
    readonly id: string;
    readonly pid: number;
    readonly url: string;
    readonly moving: readonly number[];
    readonly lanes: readonly { readonly open: number; readonly sealed: number }[];
  }[];
  readonly silent: readonly string[];
  readonly partitions: readonly unknown[];
}

export async function regionAt(url: string): Promise<RegionStatus | undefined> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { region?: RegionStatus }).region;
  } catch {
    return undefined;
  }
}

/** All workers are there, each with its share, and nothing is moving. */
export async function isSettled(url: string, workers: number): Promise<boolean> {
  const region = await regionAt(url);
  if (region === undefined || region.workers.length !== workers || region.silent.length > 0) return false;
  const shares = region.workers.map(({ lanes }) => lanes.reduce((sum, { open }) => sum + open, 0));
  return (
    region.partitions.length === PARTITIONS &&
    shares.every((share) => share > (0.8 * PARTITIONS) / workers) &&
    region.workers.every(({ moving, lanes }) => moving.length === 0 && lanes.length === 1)
  );
}

/** @throws Error when it does not hold within `withinMs` */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  for (const end = performance.now() + withinMs; !(await holds()); ) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Has a worker hand over all it holds. @throws Error when it is refused */
export async function drain(url: string, worker: string): Promise<void> {
  const response = await fetch(`${url}/v1/workers/${worker}/drain`, { method: 'POST' });
  if (!response.ok) throw new Error(`${worker} is not drained: ${await response.text()}`);
}
