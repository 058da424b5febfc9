// Batches over a real socket: each item stands alone, only what is worth it is tried again.
import { expect, test } from 'vitest';
import { failure } from '../errors.ts';
import type { Outcome, Request } from '../types.ts';
import { givenClient, givenServer, inTurn, refusalOf } from './testing/fixture.ts';
import { behave, overloaded, replyTo } from './testing/scripted-server.ts';

const ITEMS = [
  { op: 'reserve', sku: 'a', qty: 1, requestId: 'ra' },
  { op: 'get', sku: 'b' },
  { op: 'release', reservationId: '1.1.eu-west/c', requestId: 'rc' },
] as const;

/** Answers with these outcomes, item by item; undefined: the usual reply. */
function batchReply(request: Request, outcomes: readonly (Outcome | undefined)[]): Outcome {
  if (request.op !== 'batch') return replyTo(request);
  const items = request.items.map(({ request: item }, at) => outcomes[at] ?? ('ok' in item ? item : replyTo(item)));
  return { ok: true, items };
}

/** Which SKUs or reservations each batch named. */
function namesOf(received: readonly { readonly request: Request }[]): string[][] {
  return received.map(({ request }) =>
    request.op === 'batch'
      ? request.items.map(({ request: item }) => ('requestId' in item ? item.requestId : 'read'))
      : [],
  );
}

test('given items of several ops, then the results come in order, each of its own type', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);

  const [reserved, view, released] = await client.batch(ITEMS);

  expect(reserved.ok && reserved.reservationId).toBe('1.1.eu-west/a');
  expect(view.ok && view.onHand).toBe(5);
  expect(released.ok && released.state).toBe('RELEASED');
  expect([reserved.requestId, view.requestId, released.requestId]).toEqual(['ra', undefined, 'rc']);
});

test('given one item refused by the rules and one by load, then only the latter is sent again', async () => {
  const server = await givenServer(
    inTurn(
      ({ request, reply }) =>
        reply(batchReply(request, [failure('INSUFFICIENT_STOCK', 'none'), undefined, overloaded(1)])),
      behave,
    ),
  );
  const client = await givenClient(server);

  const [reserved, view, released] = await client.batch(ITEMS);

  expect(reserved).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK', requestId: 'ra' });
  expect([view.ok, released.ok]).toEqual([true, true]);
  expect(namesOf(server.received)).toEqual([['ra', 'read', 'rc'], ['rc']]);
});

test('given an item refused by load for longer than there is time, then its refusal is its result at once', async () => {
  const server = await givenServer(({ request, reply }) => reply(batchReply(request, [overloaded(60_000)])));
  const client = await givenClient(server);

  const [reserved] = await client.batch(ITEMS.slice(0, 1));

  expect(reserved).toMatchObject({ ok: false, code: 'OVERLOADED', retriable: true, requestId: 'ra' });
});

test('given the second attempt without an answer, then the results of the first are kept and the open item says so', async () => {
  const server = await givenServer(
    inTurn(
      ({ request, reply }) => reply(batchReply(request, [undefined, undefined, overloaded(1)])),
      () => undefined,
    ),
  );
  const client = await givenClient(server);

  const [reserved, , released] = await client.batch(ITEMS, { timeoutMs: 80 });

  expect(reserved.ok).toBe(true);
  expect(released).toMatchObject({ ok: false, code: 'DEADLINE_EXCEEDED', retriable: true, requestId: 'rc' });
});

test('given a drop before the answer, then the whole batch goes again under the same requestIds', async () => {
  const server = await givenServer(inTurn(({ peer }) => peer.drop(), behave));
  const client = await givenClient(server);

  const results = await client.batch(ITEMS);

  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(namesOf(server.received)).toEqual([
    ['ra', 'read', 'rc'],
    ['ra', 'read', 'rc'],
  ]);
});

test('given no answer at all, then the error names every requestId', async () => {
  const server = await givenServer(() => undefined);
  const client = await givenClient(server);

  const error = await refusalOf(client.batch(ITEMS, { timeoutMs: 30 }));

  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', outcome: 'unknown', requestIds: ['ra', 'rc'] });
});

test('given too many items, then they are refused here; given none, then nothing is sent', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const many = Array.from({ length: 1_001 }, () => ({ op: 'get', sku: 'a' }) as const);

  expect(await refusalOf(client.batch(many))).toMatchObject({ code: 'TOO_LARGE', outcome: 'not-sent' });
  expect(await client.batch([])).toEqual([]);
  expect(server.received).toHaveLength(0);
});
