// Connections to the workers of a grid, by region, and what to say when nobody listens.
import { connect as connectClient, type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';
import type { Failure, GetReply } from '../../protocol/index.ts';
import type { GridFigures, GridInfo, Readiness, RegionReport } from '../shell/grid.ts';
import { authorization, TOKEN_VARIABLE, token } from './credentials.ts';
import { messageOf, UserError } from './exit.ts';
import { socketUrl } from './options.ts';

/** How long to wait for a first connection, ms: a worker listens at once, also while it recovers. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A call survives a worker's restart: it waits as long as a supervisor needs to bring it back, ms. */
const CALL_TIMEOUT_MS = 60_000;

const TOKEN_HINT = `Give the grid's token in ${TOKEN_VARIABLE} or with --token-file FILE.`;

export interface RegionConnection {
  readonly region: string;
  readonly url: string;
  readonly durability: string;
  readonly client: HoldfastClient;
}

/** Connects to each worker. @throws UserError when one cannot be reached or two serve the same region */
export async function connectRegions(urls: readonly string[]): Promise<RegionConnection[]> {
  const connections: RegionConnection[] = [];
  try {
    for (const url of urls) {
      const client = await connect(url);
      const { region, durability } = client.server;
      connections.push({ region, url, durability, client });
      if (connections.some((other) => other.url !== url && other.region === region)) {
        throw new UserError(`two of the given URLs serve region ${region}`, 'Give one --url for each region.');
      }
    }
    return connections;
  } catch (error) {
    await closeAll(connections);
    throw error;
  }
}

async function connect(url: string): Promise<HoldfastClient> {
  // A reconnecting client would wait out its whole timeout where nobody listens; the question is asked first.
  try {
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return await connectClient({
      url: socketUrl(url),
      timeoutMs: CALL_TIMEOUT_MS,
      inFlightMax: 4_096,
      client: 'holdfast-cli',
      ...(token() === undefined ? {} : { token: token() }),
    });
  } catch (error) {
    throw unreachable(url, error);
  }
}

/** The answer of GET /v1/status. */
export interface WorkerStatus {
  readonly info: GridInfo;
  readonly readiness: Readiness;
  readonly figures: GridFigures;
  readonly gateway: { readonly engine?: string; readonly connections?: unknown };
  /** All workers of the region, as this one sees them; an older worker does not say. */
  readonly region?: RegionReport;
}

/** @throws UserError when the worker refuses the credentials or is none, or what fetch throws */
export async function statusOf(url: string): Promise<WorkerStatus> {
  const response = await fetch(`${url}/v1/status`, {
    headers: authorization(),
    signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
  });
  if (response.status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const status = (await response.json()) as Partial<WorkerStatus>;
  if (!response.ok || status.info === undefined) {
    throw new UserError(`what listens at ${url} is no Holdfast worker (HTTP ${response.status})`);
  }
  return status as WorkerStatus;
}

/**
 * All positions of a SKU in the worker's region; undefined when it is not known there.
 * @throws UserError with the reason of a refusal, or what fetch throws
 */
export async function positionOf(url: string, sku: string, region: string): Promise<GetReply | undefined> {
  const response = await fetch(`${url}/v1/positions/${encodeURIComponent(sku)}/${encodeURIComponent(region)}`, {
    headers: authorization(),
    signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
  });
  if (response.status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const reply = (await response.json()) as GetReply | Failure;
  if (reply.ok) return reply;
  if (reply.code === 'NOT_FOUND') return undefined;
  throw new UserError(`${region} does not say where ${sku} is: ${reply.message}`);
}

/** Has a worker of the region move all it holds to others. @throws UserError with the reason of a refusal */
export async function drainWorker(url: string, worker: string): Promise<void> {
  const response = await fetch(`${url}/v1/workers/${encodeURIComponent(worker)}/drain`, {
    method: 'POST',
    headers: authorization(),
    signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
  });
  if (response.ok) return;
  if (response.status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const { message } = (await response.json().catch(() => ({}))) as { message?: string };
  throw new UserError(`${worker} is not drained: ${message ?? `HTTP ${response.status}`}`);
}

/** Nobody listens at `url`, or not a grid. */
export function unreachable(url: string, error: unknown): UserError {
  if (error instanceof HoldfastError && error.code === 'UNAUTHENTICATED') {
    return new UserError(`the grid at ${url} refuses the credentials (${error.message})`, TOKEN_HINT);
  }
  const cause = error instanceof HoldfastError ? error.message : causeOf(error);
  return new UserError(
    `no grid answers at ${url} (${cause})`,
    'Start one with `npx holdfast start` (or npm start) and wait for "holdfast ready", or say where it is with --url or --port.',
  );
}

/** Why a fetch failed, in few words. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: string; message?: string } | undefined) : undefined;
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${CONNECT_TIMEOUT_MS} ms`;
  return cause?.code === 'ECONNREFUSED' ? 'connection refused' : (cause?.code ?? cause?.message ?? messageOf(error));
}

export async function closeAll(connections: readonly RegionConnection[]): Promise<void> {
  await Promise.all(connections.map(({ client }) => client.close().catch(() => {})));
}

/** Runs `work` with a connection to each worker and closes them whatever happens. */
export async function withRegions<T>(
  urls: readonly string[],
  work: (connections: readonly RegionConnection[]) => Promise<T>,
): Promise<T> {
  const connections = await connectRegions(urls);
  try {
    return await work(connections);
  } finally {
    await closeAll(connections);
  }
}

export function clientsByRegion(connections: readonly RegionConnection[]): Map<string, HoldfastClient> {
  return new Map(connections.map(({ region, client }) => [region, client]));
}
