// A client that follows the map, over real sockets: which worker a request goes to, and what becomes of it when that
// worker, the map or the first connection is lost. No caller may notice.
import { expect, test, vi } from 'vitest';
import { PARTITION_HASH, partitionOf } from '../partitions.ts';
import type { PartitionMap } from '../types.ts';
import { mayBeTold } from './owners.ts';
import { givenClient, givenServer, next, refusalOf, requestIdsOf } from './testing/fixture.ts';
import { behave, HELLO, replyTo, type Script, type ScriptedServer } from './testing/scripted-server.ts';

const REGION = 'eu-west';
const PARTITIONS = 4;
const WAIT = { timeout: 5_000, interval: 2 };
/** A sku of each partition. */
const SKUS = Array.from({ length: PARTITIONS }, (_, partition) => skuOf(partition));

function skuOf(partition: number): string {
  for (let n = 0; ; n++) if (partitionOf(`sku-${n}`, PARTITIONS) === partition) return `sku-${n}`;
}

/** What the client is given as its url is `home`, which serves partitions 0 and 1. */
function mapOf(servers: readonly ScriptedServer[], owners: readonly number[], view = 1): PartitionMap {
  const workers = servers.map(({ url }) => `${url}/v1`);
  return { region: REGION, view, hash: PARTITION_HASH, workers, owners, self: 0 };
}

/** Answers `map` with the map of the moment, and the rest as told. */
function mapped(map: () => PartitionMap, rest: Script = behave): Script {
  return (received) => {
    if (received.request.op === 'map') received.reply({ ok: true, ...map() });
    else rest(received);
  };
}

const isWork = ({ request }: { request: { op: string } }): boolean => request.op !== 'map';
const skusAt = (server: ScriptedServer): unknown[] =>
  server.received.filter(isWork).map(({ request }) => ('sku' in request ? request.sku : request.op));

async function given(homeScript: Script = behave, otherScript: Script = behave) {
  let owners = [0, 0, 1, 1];
  const home = await givenServer(behave);
  const other = await givenServer(otherScript);
  const map = (): PartitionMap => mapOf([home, other], owners);
  home.script = mapped(map, homeScript);
  const client = await givenClient(home, { followMap: true });
  const errors: string[] = [];
  client.on('error', ({ message }) => errors.push(message));
  /** The first request for a worker opens the connection to it. */
  const connected = async (): Promise<void> => {
    await vi.waitFor(async () => {
      await client.get({ sku: SKUS[2] as string });
      expect(client.owners).toEqual([`${other.url}/v1`]);
    }, WAIT);
    home.received.length = 0;
    other.received.length = 0;
  };
  const move = (to: number[]): void => {
    owners = to;
    for (const peer of home.peers) peer.moved(map());
  };
  return { home, other, client, errors, connected, move };
}

test('given a map, then each request goes to the worker of its SKU, and those about none or several to the first', async () => {
  const { home, other, client, connected } = await given();
  await connected();

  for (const sku of SKUS) await client.reserve({ sku, qty: 1 });
  for (const sku of SKUS) await client.release({ reservationId: `1.1.${REGION}/${sku}` });
  await client.get({ sku: SKUS[3] as string, region: 'elsewhere' });
  const releases = (server: ScriptedServer) => skusAt(server).filter((sku) => sku === 'release');
  expect(skusAt(other)).toEqual([SKUS[2], SKUS[3], 'release', 'release']);
  expect(releases(home)).toHaveLength(2);
  expect(skusAt(home)).toEqual([SKUS[0], SKUS[1], 'release', 'release', SKUS[3]]);
});

test('given a batch about SKUs of two workers, then each gets its part, and the results come in order', async () => {
  const { home, other, client, connected } = await given();
  await connected();
  const items = [SKUS[3], SKUS[0], SKUS[2], SKUS[1]].map((sku) => ({ op: 'get', sku: sku as string }) as const);

  const results = await client.batch(items);

  expect(results).toMatchObject(items.map(({ sku }) => ({ ok: true, sku })));
  const batches = (server: ScriptedServer) =>
    server.received.map(({ request }) => request.op === 'batch' && request.items);
  expect(batches(home)).toMatchObject([[{ request: { sku: SKUS[0] } }, { request: { sku: SKUS[1] } }]]);
  expect(batches(other)).toMatchObject([[{ request: { sku: SKUS[3] } }, { request: { sku: SKUS[2] } }]]);
});

test('given a batch of which one worker answers nothing, then its items are failures, and all ids are known if none answers', async () => {
  const silent: Script = (received) => {
    if (received.request.op === 'get') behave(received);
  };
  const { home, client, connected } = await given(behave, silent);
  await connected();
  const items = SKUS.map((sku, n) => ({ op: 'reserve', sku, qty: 1, requestId: `r-${n}` }) as const);

  expect(await client.batch(items, { timeoutMs: 100 })).toMatchObject([
    { ok: true, requestId: 'r-0' },
    { ok: true, requestId: 'r-1' },
    { ok: false, code: 'DEADLINE_EXCEEDED', requestId: 'r-2' },
    { ok: false, code: 'DEADLINE_EXCEEDED', requestId: 'r-3' },
  ]);
  home.script = silent;
  const error = await refusalOf(client.batch(items, { timeoutMs: 100 }));
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', outcome: 'unknown' });
  expect(error.requestIds).toEqual(['r-0', 'r-1', 'r-2', 'r-3']);
});

test('given a sku that is none, then the grid refuses it, as without a map', async () => {
  const { client, connected } = await given();
  await connected();
  for (const sku of [null, 7, ['a']]) {
    expect(await refusalOf(client.reserve({ sku: sku as unknown as string, qty: 1 }))).toMatchObject({
      code: 'BAD_REQUEST',
    });
  }
});

test('given a client that does not follow, then it asks for no map', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  await client.get({ sku: 'sku-1' });
  expect(server.received.map(({ request }) => request.op)).toEqual(['get']);
});

test('given a grid without maps, or one that hashes in another way, then all goes to it and nothing fails', async () => {
  for (const script of [behave, mapped(() => ({ ...mapOf([], [-1, -1]), hash: 'another', self: -1 }))]) {
    const server = await givenServer(script);
    const client = await givenClient(server, { followMap: true });
    for (const sku of SKUS) await client.get({ sku });
    expect(skusAt(server)).toEqual(SKUS);
    expect(client.owners).toEqual([]);
  }
});

test('given a partition that moves, when the client is told (MOVED), then the next request goes to its new worker', async () => {
  const { home, other, client, connected, move } = await given();
  await connected();

  move([0, 1, 0, 1]);
  await vi.waitFor(async () => {
    home.received.length = 0;
    other.received.length = 0;
    for (const sku of SKUS) await client.get({ sku });
    expect(skusAt(other)).toEqual([SKUS[1], SKUS[3]]);
    expect(skusAt(home)).toEqual([SKUS[0], SKUS[2]]);
  }, WAIT);
});

test('given a worker that leaves the map with calls under way, then it may answer them, and is then hung up on', async () => {
  let answer = (): void => {};
  const { home, other, client, connected } = await given(behave, (received) => {
    if (received.request.op !== 'reserve') return behave(received);
    answer = () => received.reply(replyTo(received.request, 7));
  });
  await connected();

  const reserved = client.reserve({ sku: SKUS[2] as string, qty: 1 });
  await vi.waitFor(() => expect(skusAt(other)).toEqual([SKUS[2]]), WAIT);
  home.script = mapped(() => mapOf([home], [0, 0, 0, 0]));
  for (const peer of home.peers) peer.moved(mapOf([home], [0, 0, 0, 0], 2));
  await vi.waitFor(() => expect(client.owners).toEqual([]), WAIT);
  answer();

  expect(await reserved).toMatchObject({ version: { seq: 7 } });
  expect(skusAt(home)).toEqual([]);
  expect(client.load).toMatchObject({ inFlight: 0, queued: 0 });
});

test('given a worker that dies with calls under way, then they go to the first one in order, under the same requestIds', async () => {
  const { home, other, client, connected, errors } = await given(behave, (received) => {
    if (received.request.op === 'get') behave(received);
  });
  await connected();

  const calls = ['r-1', 'r-2', 'r-3'].map((requestId) => client.reserve({ sku: SKUS[2] as string, qty: 1, requestId }));
  await vi.waitFor(() => expect(other.received).toHaveLength(3), WAIT);
  for (const peer of other.peers) peer.drop();

  expect(await Promise.all(calls)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
  expect(requestIdsOf(home.received.filter(isWork))).toEqual(['r-1', 'r-2', 'r-3']);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/no connection to the worker at .*; its requests go another way: .*closed/);
  // Its address is not used again before a map that came later names it.
  await client.get({ sku: SKUS[2] as string });
  expect(client.owners).toEqual([]);
  expect(other.connections).toBe(1);
});

test('given a call given over to the first connection, when its caller aborts it, then it ends there', async () => {
  const silent: Script = (received) => {
    if (received.request.op === 'get') behave(received);
  };
  const { home, other, client, connected } = await given(silent, silent);
  await connected();
  const controller = new AbortController();
  const call = refusalOf(client.reserve({ sku: SKUS[2] as string, qty: 1 }, { signal: controller.signal }));
  await vi.waitFor(() => expect(other.received).toHaveLength(1), WAIT);
  for (const peer of other.peers) peer.drop();
  await vi.waitFor(() => expect(home.received.filter(isWork)).toHaveLength(1), WAIT);

  controller.abort('enough');

  expect(await call).toMatchObject({ code: 'ABORTED', outcome: 'unknown' });
  expect(client.load).toMatchObject({ inFlight: 0, queued: 0 });
});

test('given the first connection lost, then requests for other workers go on meanwhile, and the map is asked for again', async () => {
  const { home, other, client, connected } = await given();
  await connected();
  home.accepting = false;
  const lost = next(client, 'disconnected');
  for (const peer of home.peers) peer.drop();
  await lost;

  await client.reserve({ sku: SKUS[3] as string, qty: 1 });
  expect(skusAt(other)).toEqual([SKUS[3]]);
  home.accepting = true;
  await client.reserve({ sku: SKUS[0] as string, qty: 1 });
  await vi.waitFor(() => expect(home.received.map(({ request }) => request.op)).toContain('map'), WAIT);
});

test.each([
  ['nobody listens', undefined],
  ['another region answers', () => ({ ...HELLO, region: 'us-east' })],
])(
  'given a map with an address at which %s, then the first connection serves, and it is said once',
  async (_, greeting) => {
    const { home, other, client, errors } = await given();
    if (greeting === undefined) await other.close();
    else other.greeting = greeting;

    for (let n = 0; n < 3; n++) {
      for (const sku of SKUS) await client.reserve({ sku, qty: 1 });
      await vi.waitFor(() => expect(errors).toHaveLength(1), WAIT);
    }

    expect(skusAt(home)).toHaveLength(3 * SKUS.length);
    expect(skusAt(other)).toEqual([]);
    expect(errors[0]).toMatch(/no connection to the worker at/);
  },
);

test('given calls under way at two workers, when the client closes, then it waits for the answers and ends the rest', async () => {
  const late: Script = (received) => {
    if (received.request.op === 'get') behave(received);
    else if (received.request.op === 'reserve') setTimeout(() => received.reply(replyTo(received.request)), 20);
  };
  const { other, client, connected } = await given(late, late);
  await connected();
  const answered = [
    client.reserve({ sku: SKUS[0] as string, qty: 1 }),
    client.reserve({ sku: SKUS[2] as string, qty: 1 }),
  ];
  const unanswered = refusalOf(client.ship({ reservationId: `1.1.${REGION}/${SKUS[2]}` }));
  await vi.waitFor(() => expect(other.received).toHaveLength(2), WAIT);

  await client.close({ drainMs: 200 });

  expect(await Promise.all(answered)).toMatchObject([{ ok: true }, { ok: true }]);
  expect(await unanswered).toMatchObject({ code: 'CLOSED', outcome: 'unknown' });
  expect(client.owners).toEqual([]);
});

test('given a map that came over TLS, then the token goes to no address without', () => {
  expect(mayBeTold('ws://10.0.0.1:7400/v1', ['ws://grid/v1'])).toBe(true);
  expect(mayBeTold('wss://10.0.0.1:7400/v1', ['ws://grid/v1'])).toBe(true);
  expect(mayBeTold('ws://10.0.0.1:7400/v1', ['ws://grid/v1', 'wss://grid/v1'])).toBe(false);
  expect(mayBeTold('wss://10.0.0.1:7400/v1', ['wss://grid/v1'])).toBe(true);
  expect(mayBeTold('http://10.0.0.1', ['ws://grid/v1'])).toBe(false);
});
