// What a user would build instead of the grid on a relational database: the same uWebSockets.js gateway, a pool of connections,
// and UPDATE … WHERE in a prepared statement. Only what the load needs, as in the Lua baseline.
import postgres from 'postgres';
import { failure, type Outcome, type ReserveRequest } from '../../protocol/index.ts';
import { serveGateway } from './gateway.ts';
import { baselineOptions } from './options.ts';
import { adjusted, position, refusalOf, reserveOutcome, stockKey, unavailable } from './outcomes.ts';
import { SCHEMA } from './postgres-schema.ts';

const SWEEP_MS = 1_000;
const SWEEP_MAX = 1_000;
/** Connections to the database. The driver sends the next statements of a connection before the last is answered. */
const POOL = 16;
/** Batches of reserves on their way at a time, and reserves in each. */
const BATCHES_IN_FLIGHT = 2;
const BATCH_MAX = 512;

const options = baselineOptions();
const sql = postgres({
  host: '127.0.0.1',
  port: options.postgresPort,
  user: 'postgres',
  database: 'postgres',
  max: POOL,
});
await sql.unsafe(SCHEMA).simple();
setInterval(() => {
  sql`SELECT expire(${Date.now()}, ${SWEEP_MAX})`.catch(() => {});
}, SWEEP_MS);

type Reply = (outcome: Outcome) => void;
type Reserve = (request: ReserveRequest, expiresAt: number, reply: Reply) => void;

/** Each reserve is a statement and a transaction of its own. */
const single: Reserve = (request, expiresAt, reply) => {
  const stock = stockKey(request.region, request.sku);
  sql`SELECT reserve(${stock}, ${request.requestId}, ${request.qty}, ${expiresAt}) AS answer`.then(
    ([row]) => reply(reserveOutcome(request, expiresAt, answerOf(row?.answer as string))),
    (error) => reply(unavailable(error)),
  );
};

/** Gathers the reserves of one turn of the event loop into one transaction: group commit by hand. */
function batched(): Reserve {
  const queue: { readonly request: ReserveRequest; readonly expiresAt: number; readonly reply: Reply }[] = [];
  let inFlight = 0;
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(flush);
  };
  const flush = (): void => {
    isScheduled = false;
    while (queue.length > 0 && inFlight < BATCHES_IN_FLIGHT) send(queue.splice(0, BATCH_MAX));
  };
  const send = (items: typeof queue): void => {
    const stocks = items.map(({ request }) => stockKey(request.region, request.sku));
    const ids = items.map(({ request }) => request.requestId);
    const units = items.map(({ request }) => request.qty);
    const untils = items.map(({ expiresAt }) => expiresAt);
    inFlight += 1;
    sql`SELECT reserve_all(${stocks}::text[], ${ids}::text[], ${units}::integer[], ${untils}::bigint[]) AS answers`
      .then(
        ([row]) => {
          const answers = row?.answers as string[];
          for (const [i, { request, expiresAt, reply }] of items.entries()) {
            reply(reserveOutcome(request, expiresAt, answerOf(answers[i] as string)));
          }
        },
        (error) => {
          for (const { reply } of items) reply(unavailable(error));
        },
      )
      .finally(() => {
        inFlight -= 1;
        if (queue.length > 0) schedule();
      });
  };
  return (request, expiresAt, reply) => {
    queue.push({ request, expiresAt, reply });
    schedule();
  };
}

function answerOf(text: string): number | string {
  return text.startsWith('R') ? text : Number(text);
}

const reserve = options.calls === 'batch' ? batched() : single;

serveGateway(`postgres-gateway (${options.calls})`, options.port, (request, reply) => {
  switch (request.op) {
    case 'reserve': {
      const refusal = refusalOf(request);
      return refusal === undefined ? reserve(request, Date.now() + request.ttlMs, reply) : reply(refusal);
    }
    case 'adjust':
      sql`INSERT INTO stock AS s (name, available) VALUES (${stockKey(request.region, request.sku)}, ${request.delta ?? 0})
          ON CONFLICT (name) DO UPDATE SET available = s.available + excluded.available RETURNING available`.then(
        ([row]) => reply(adjusted(Number(row?.available))),
        (error) => reply(unavailable(error)),
      );
      return;
    case 'get':
      sql`SELECT available FROM stock WHERE name = ${stockKey(request.region, request.sku)}`.then(
        ([row]) => reply(position(request.sku, request.region, Number(row?.available ?? 0))),
        (error) => reply(unavailable(error)),
      );
      return;
    default:
      return reply(failure('BAD_REQUEST', `the baseline does not offer ${request.op}`));
  }
});
