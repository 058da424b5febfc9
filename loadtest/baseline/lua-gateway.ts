// What a user would build instead of the grid: a uWebSockets.js gateway, ioredis, and Lua scripts that check and
// decrement the stock in Redis. Only what the load needs: reserve, adjust and get; reservations expire, and a request
// id that was seen is answered again.
import { Redis } from 'ioredis';
import { failure, IDEMPOTENCY_WINDOW_MS, type Outcome, type ReserveRequest } from '../../protocol/index.ts';
import { serveGateway } from './gateway.ts';
import { EXPIRE, RESERVE, RESERVE_BATCH } from './lua-scripts.ts';
import { type BaselineOptions, baselineOptions } from './options.ts';
import {
  adjusted,
  position,
  type ReserveAnswer,
  refusalOf,
  reserveOutcome,
  stockKey,
  unavailable,
} from './outcomes.ts';

type Reply = (outcome: Outcome) => void;

const SWEEP_MS = 1_000;
const SWEEP_MAX = 1_000;
/** Batches of reserves on their way to Redis at a time, and reserves in each. Found by trying 1–8 and 64–1,024. */
const BATCHES_IN_FLIGHT = 4;
const BATCH_MAX = 512;

const recordKey = (requestId: string) => `r:${requestId}`;

/** Sends each reserve as an EVALSHA of its own; ioredis pipelines them on one connection. */
function singleCalls(redis: Redis, sha: string) {
  return (request: ReserveRequest, expiresAt: number, reply: Reply) => {
    redis
      .evalsha(sha, 2, stockKey(request.region, request.sku), recordKey(request.requestId), request.qty, expiresAt)
      .then(
        (answer) => reply(reserveOutcome(request, expiresAt, answer as ReserveAnswer)),
        (error) => reply(unavailable(error)),
      );
  };
}

/** Gathers the reserves of one turn of the event loop into one EVALSHA: group commit by hand. */
function batchedCalls(redis: Redis, sha: string) {
  let queue: { readonly request: ReserveRequest; readonly expiresAt: number; readonly reply: Reply }[] = [];
  let inFlight = 0;
  let scheduled = false;
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  const flush = () => {
    scheduled = false;
    while (queue.length > 0 && inFlight < BATCHES_IN_FLIGHT) {
      const items = queue.length <= BATCH_MAX ? queue : queue.slice(0, BATCH_MAX);
      queue = queue.length <= BATCH_MAX ? [] : queue.slice(BATCH_MAX);
      send(items);
    }
  };
  const send = (items: typeof queue) => {
    const args: (string | number)[] = [];
    for (const { request } of items) args.push(stockKey(request.region, request.sku), recordKey(request.requestId));
    for (const { request, expiresAt } of items) args.push(request.qty, expiresAt);
    inFlight++;
    redis
      .evalsha(sha, items.length * 2, ...args)
      .then(
        (answers) => {
          for (const [i, { request, expiresAt, reply }] of items.entries()) {
            reply(reserveOutcome(request, expiresAt, (answers as ReserveAnswer[])[i] as ReserveAnswer));
          }
        },
        (error) => {
          for (const { reply } of items) reply(unavailable(error));
        },
      )
      .finally(() => {
        inFlight--;
        if (queue.length > 0) schedule();
      });
  };
  return (request: ReserveRequest, expiresAt: number, reply: Reply) => {
    queue.push({ request, expiresAt, reply });
    schedule();
  };
}

async function connect({ redisPort, calls }: BaselineOptions) {
  const redis = new Redis({ port: redisPort, host: '127.0.0.1', enableAutoPipelining: calls === 'autopipeline' });
  const load = async (script: string) => (await redis.script('LOAD', script)) as string;
  const expireSha = await load(EXPIRE);
  setInterval(() => {
    redis.evalsha(expireSha, 0, Date.now(), SWEEP_MAX, IDEMPOTENCY_WINDOW_MS).catch(() => {});
  }, SWEEP_MS);
  const reserve =
    calls === 'batch' ? batchedCalls(redis, await load(RESERVE_BATCH)) : singleCalls(redis, await load(RESERVE));
  return { redis, reserve };
}

const options = baselineOptions();
const { redis, reserve } = await connect(options);

serveGateway(`lua-gateway (${options.calls})`, options.port, (request, reply) => {
  switch (request.op) {
    case 'reserve': {
      const refusal = refusalOf(request);
      return refusal === undefined ? reserve(request, Date.now() + request.ttlMs, reply) : reply(refusal);
    }
    case 'adjust':
      redis.incrby(stockKey(request.region, request.sku), request.delta ?? 0).then(
        (left) => reply(adjusted(left)),
        (error) => reply(unavailable(error)),
      );
      return;
    case 'get':
      redis.get(stockKey(request.region, request.sku)).then(
        (left) => reply(position(request.sku, request.region, Number(left ?? 0))),
        (error) => reply(unavailable(error)),
      );
      return;
    default:
      return reply(failure('BAD_REQUEST', `the baseline does not offer ${request.op}`));
  }
});
