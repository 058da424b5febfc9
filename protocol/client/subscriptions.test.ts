// Subscriptions over a real socket: the latest, never backward, across reconnects and refusals (I13 as a listener sees it).
import { expect, test } from 'vitest';
import { failure } from '../errors.ts';
import type { AvailabilityPush } from '../types.ts';
import type { HoldfastClient } from './client.ts';
import { givenClient, givenServer, inTurn, next, refusalOf } from './testing/fixture.ts';
import type { Peer, Script, ScriptedServer } from './testing/scripted-server.ts';
import { behave } from './testing/scripted-server.ts';

function push(peer: Peer | undefined, sku: string, epoch: number, seq: number): void {
  peer?.push({ sku, region: 'eu-west', availableToSell: seq, version: { epoch, seq } });
}

/** Pushes sent before this have been delivered: the connection keeps its order. */
async function settle(client: HoldfastClient): Promise<void> {
  await client.get({ sku: 'any' });
}

function opsOf(server: ScriptedServer): string[] {
  return server.received.map(({ request }) =>
    request.op === 'subscribe' || request.op === 'unsubscribe' ? `${request.op} ${request.skus.join(' ')}` : request.op,
  );
}

const versions = (pushes: readonly AvailabilityPush[]): string[] =>
  pushes.map(({ version }) => `${version.epoch}.${version.seq}`);

test('given pushes out of order, then the listener only hears what is newer', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const heard: AvailabilityPush[] = [];
  const subscription = await client.subscribe({ sku: 'mug' }, (one) => heard.push(one));

  for (const [epoch, seq] of [
    [1, 5],
    [1, 4],
    [1, 5],
    [1, 7],
    [2, 1],
    [1, 99],
  ] as const)
    push(server.peers[0], 'mug', epoch, seq);
  await settle(client);

  expect(versions(heard)).toEqual(['1.5', '1.7', '2.1']);
  expect(subscription.latest('mug')?.availableToSell).toBe(1);
});

test('given a reconnect, then it subscribes again and nothing older than before is delivered', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const heard: AvailabilityPush[] = [];
  await client.subscribe({ skus: ['mug', 'cup'] }, (one) => heard.push(one));
  push(server.peers[0], 'mug', 1, 5);
  await settle(client);

  const connected = next(client, 'connected');
  server.peers[0]?.drop();
  expect(await connected).toMatchObject({ reconnect: true });
  await settle(client);
  push(server.peers[1], 'mug', 1, 3);
  push(server.peers[1], 'mug', 1, 6);
  await settle(client);

  expect(versions(heard)).toEqual(['1.5', '1.6']);
  expect(opsOf(server).filter((op) => op.startsWith('subscribe'))).toEqual(['subscribe mug cup', 'subscribe mug cup']);
});

test('given a drop before the answer to subscribe, then the caller sees one result', async () => {
  const server = await givenServer(inTurn(({ peer }) => peer.drop(), behave));
  const client = await givenClient(server);
  const heard: AvailabilityPush[] = [];

  await client.subscribe({ sku: 'mug' }, (one) => heard.push(one));
  push(server.peers[1], 'mug', 1, 1);
  await settle(client);

  expect(versions(heard)).toEqual(['1.1']);
});

test('given two listeners, then the grid is asked once, the second hears the latest at once, and it is told at the last end', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const first: AvailabilityPush[] = [];
  const second: AvailabilityPush[] = [];
  const one = await client.subscribe({ sku: 'mug' }, (heard) => first.push(heard));
  push(server.peers[0], 'mug', 1, 1);
  await settle(client);

  const two = await client.subscribe({ sku: 'mug' }, (heard) => second.push(heard));
  expect(versions(second)).toEqual(['1.1']);
  await one.unsubscribe();
  push(server.peers[0], 'mug', 1, 2);
  await settle(client);
  await two.unsubscribe();

  expect([versions(first), versions(second)]).toEqual([['1.1'], ['1.1', '1.2']]);
  expect(opsOf(server)).toEqual(['subscribe mug', 'get', 'get', 'unsubscribe mug']);
  expect(client.load.subscriptions).toBe(0);
});

test('given a refused subscription, then it is thrown and nothing stays behind', async () => {
  const server = await givenServer(({ reply }) => reply(failure('FORBIDDEN', 'not your region')));
  const client = await givenClient(server);

  expect(await refusalOf(client.subscribe({ sku: 'mug' }, () => undefined))).toMatchObject({ code: 'FORBIDDEN' });
  expect(client.load.subscriptions).toBe(0);
});

test('given a subscription that is ended while it is retried, then the grid hears subscribe before unsubscribe', async () => {
  let ending: Promise<void> | undefined;
  const endAndRefuse: Script = ({ reply }) => {
    ending = client.unsubscribe({ sku: 'mug' });
    reply(failure('OVERLOADED', 'busy', 5));
  };
  const server = await givenServer(inTurn(endAndRefuse, behave));
  const client = await givenClient(server);

  await client.subscribe({ sku: 'mug' }, () => undefined);
  await ending;

  expect(opsOf(server)).toEqual(['subscribe mug', 'subscribe mug', 'unsubscribe mug']);
});

test('given more SKUs than a frame may name, then several frames ask for them, on a reconnect too', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const skus = Array.from({ length: 2_500 }, (_, n) => `sku-${n}`);

  await client.subscribe({ skus }, () => undefined);
  const connected = next(client, 'connected');
  server.peers[0]?.drop();
  await connected;
  await client.unsubscribe({ skus: skus.slice(0, 1) });

  const counts = server.received.map(({ request }) => ('skus' in request ? request.skus.length : 0));
  expect(counts).toEqual([1_000, 1_000, 500, 1_000, 1_000, 500, 1]);
});

test('given a listener that throws, then the others still hear', async () => {
  const server = await givenServer(behave);
  const client = await givenClient(server);
  const heard: AvailabilityPush[] = [];
  const trouble = next(client, 'error');
  await client.subscribe({ sku: 'mug' }, () => {
    throw new Error('mine');
  });
  await client.subscribe({ sku: 'mug' }, (one) => heard.push(one));

  push(server.peers[0], 'mug', 1, 1);
  await settle(client);

  expect(heard).toHaveLength(1);
  expect((await trouble).cause).toMatchObject({ message: 'mine' });
});
