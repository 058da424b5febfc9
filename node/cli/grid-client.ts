// Connections to the workers of a grid, by region, and what to say when nobody listens.
import http from 'node:http';
import https from 'node:https';
import { connect as connectClient, type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';
import type { Failure, GetReply } from '../../protocol/index.ts';
import type { GridFigures, GridInfo, Readiness, RegionReport } from '../shell/grid.ts';
import { authorization, TOKEN_VARIABLE, token } from './credentials.ts';
import { messageOf, UserError } from './exit.ts';
import { socketUrl } from './options.ts';

/** How long to wait for a first connection, ms: a worker listens at once, also while it recovers. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A call survives a worker's restart: it waits as long as a supervisor needs to bring it back, ms. */
export const CALL_TIMEOUT_MS = 60_000;

const TOKEN_HINT = `Give the grid's token in ${TOKEN_VARIABLE} or with --token-file FILE.`;

const STATUS_HINT =
  'See what `holdfast status` and the log of the grid say (its store may be down), then give the command again.';

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
    const { status, text } = await request(`${url}/healthz`);
    // A proxy may pass on nothing but /v1.
    if (status !== 200 || text !== 'alive\n') await statusOf(url);
    return await connectClient({
      url: socketUrl(url),
      timeoutMs: CALL_TIMEOUT_MS,
      inFlightMax: 4_096,
      client: 'holdfast-cli',
      ...(token() === undefined ? {} : { token: token() }),
    });
  } catch (error) {
    throw error instanceof UserError ? error : unreachable(url, error);
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** What the text says as JSON; undefined when it is none. */
  readonly json: unknown;
}

/**
 * Asks a worker over HTTP. Not by fetch, which dials again and again where its connection is closed at once, and lets
 * the program end meanwhile.
 * @throws the socket's error; see causeOf
 */
function request(url: string, method: 'GET' | 'POST' = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { request: open } = url.startsWith('https:') ? https : http;
    const asked = open(url, { method, headers: authorization(), agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, json: parsed(text) }));
      response.on('error', reject);
    });
    const late = Object.assign(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`), { code: 'ETIMEDOUT' });
    const timer = setTimeout(() => asked.destroy(late), CONNECT_TIMEOUT_MS);
    asked.on('close', () => clearTimeout(timer));
    asked.on('error', reject);
    asked.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function noGrid(url: string, { status }: Answer): UserError {
  return new UserError(
    `something else than a holdfast grid listens at ${url} (it answers with HTTP ${status})`,
    'Say where the grid is with --url or --port.',
  );
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

/** @throws UserError when the worker refuses the credentials or is none, or the socket's error */
export async function statusOf(url: string): Promise<WorkerStatus> {
  const answer = await request(`${url}/v1/status`);
  if (answer.status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const status = answer.json as Partial<WorkerStatus> | null | undefined;
  if (answer.status !== 200 || status?.info === undefined) throw noGrid(url, answer);
  return status as WorkerStatus;
}

/**
 * All positions of a SKU in the worker's region; undefined when it is not known there.
 * @throws UserError with the reason of a refusal, or the socket's error
 */
export async function positionOf(url: string, sku: string, region: string): Promise<GetReply | undefined> {
  const answer = await request(`${url}/v1/positions/${encodeURIComponent(sku)}/${encodeURIComponent(region)}`);
  if (answer.status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const reply = answer.json as GetReply | Failure | null | undefined;
  if (reply?.ok === undefined) throw noGrid(url, answer);
  if (reply.ok) return reply;
  if (reply.code === 'NOT_FOUND') return undefined;
  throw new UserError(`${region} does not say where ${sku} is: ${reply.message}`);
}

/** Has a worker of the region move all it holds to others. @throws UserError with the reason of a refusal */
export async function drainWorker(url: string, worker: string): Promise<void> {
  const { status, json } = await request(`${url}/v1/workers/${encodeURIComponent(worker)}/drain`, 'POST');
  if (status >= 200 && status < 300) return;
  if (status === 401) throw new UserError(`${url} refuses the credentials`, TOKEN_HINT);
  const { message } = (json ?? {}) as { message?: string };
  throw new UserError(`${worker} is not drained: ${message ?? `HTTP ${status}`}`);
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

/** What went wrong between a command and a grid as an answer for people; undefined when the error is of another kind. */
export function gridFailure(error: unknown): UserError | undefined {
  if (error instanceof HoldfastError) {
    const isRefused = error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN';
    return new UserError(`the grid says ${error.code}: ${error.message}`, isRefused ? TOKEN_HINT : STATUS_HINT);
  }
  return meaningOf(error) === undefined
    ? undefined
    : new UserError(`the grid cannot be reached (${causeOf(error)})`, STATUS_HINT);
}

/** What the codes of a failed request mean, the first that fits. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'connection refused'],
  [/^(ECONNRESET|EPIPE)$/, 'it closed the connection'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'the host is not known'],
  [/^(EHOSTUNREACH|ENETUNREACH)$/, 'there is no way to the host'],
  [/^ETIMEDOUT$/, `no answer within ${CONNECT_TIMEOUT_MS} ms`],
  [/^HPE_/, 'what listens there does not speak HTTP'],
  [/^(EPROTO$|ERR_SSL_)/, 'what listens there does not speak TLS'],
];

function meaningOf(error: unknown): string | undefined {
  const code = String((error as { code?: unknown } | null)?.code);
  return MEANINGS.find(([pattern]) => pattern.test(code))?.[1];
}

/** Why a request failed, in few words. */
export function causeOf(error: unknown): string {
  return meaningOf(error) ?? messageOf(error);
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
