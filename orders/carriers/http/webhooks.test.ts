// Webhooks over a real socket: what is signed and in time is told once; everything else is refused and counted.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TrackEvent } from '../port.ts';
import { WebhookReceiver } from './webhooks.ts';

const secretOf = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`;
const OLD = secretOf('the old secret of the carrier');
const NEW = secretOf('the new secret of the carrier');

let receiver: WebhookReceiver;
let server: Server;
let url: string;
let told: TrackEvent[];

beforeEach(async () => {
  receiver = new WebhookReceiver([OLD]);
  told = [];
  receiver.onTracking((event) => {
    told.push(event);
  });
  server = createServer((request, response) => void receiver.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const event = (eventId: string, changes: object = {}) => ({
  eventId,
  trackingId: 't',
  shipmentId: 's',
  kind: 'delivered',
  at: 1,
  ...changes,
});

interface Sending {
  readonly secret?: string;
  readonly at?: Date;
  readonly headers?: Record<string, string>;
  readonly signed?: string;
}

async function post(
  body: string,
  { secret = OLD, at = new Date(), headers = {}, signed = body }: Sending = {},
): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign('msg_1', at, signed),
      ...headers,
    },
  });
  await response.text();
  return response.status;
}

const posted = (...events: readonly object[]): string => JSON.stringify({ events });

test('given one that is signed, then its events are told, with fields that nobody knows dropped', async () => {
  expect(await post(posted(event('e1', { colour: 'red' }), event('e2', { kind: 'teleported', detail: 'far' })))).toBe(
    204,
  );
  expect(told).toEqual([event('e1'), event('e2', { kind: 'note', detail: 'teleported: far' })]);
  expect(receiver.counts).toMatchObject({ accepted: 1, told: 2, duplicates: 0 });
});

test('given it twice, one after the other and at once, then it is told once and answered well', async () => {
  expect(await post(posted(event('e1')))).toBe(204);
  expect(await post(posted(event('e1')))).toBe(204);
  const both = await Promise.all([post(posted(event('e2'))), post(posted(event('e2')))]);
  expect(both).toEqual([204, 204]);
  expect(told.map(({ eventId }) => eventId)).toEqual(['e1', 'e2']);
  expect(receiver.counts.duplicates).toBe(2);
});

test.each<[string, Sending]>([
  ['another secret', { secret: NEW }],
  ['the signature of another body', { signed: posted(event('e9')) }],
  ['a signature of six minutes ago', { at: new Date(Date.now() - 6 * 60_000) }],
  ['one of in six minutes', { at: new Date(Date.now() + 6 * 60_000) }],
  ['no signature', { headers: { 'webhook-signature': '' } }],
  ['half a signature', { headers: { 'webhook-signature': 'v1' } }],
  ['another version of it', { headers: { 'webhook-signature': 'v9,AAAA' } }],
  ['the id of another', { headers: { 'webhook-id': 'msg_2' } }],
  ['a time that is none', { headers: { 'webhook-timestamp': `${Math.floor(Date.now() / 1_000)}x` } }],
])('given %s, then it is refused with 401, and nothing of it is told', async (_, sending) => {
  expect(await post(posted(event('e1')), sending)).toBe(401);
  expect(told).toEqual([]);
  expect(receiver.counts.unsigned).toBe(1);
});

test('given secrets that are changed, then both hold for a while, and then the new one', async () => {
  receiver.useSecrets([NEW, OLD]);
  expect(await post(posted(event('e1')), { secret: OLD })).toBe(204);
  expect(await post(posted(event('e2')), { secret: NEW })).toBe(204);
  receiver.useSecrets([NEW]);
  expect(await post(posted(event('e3')), { secret: OLD })).toBe(401);
  expect(() => receiver.useSecrets([])).toThrow(/a secret/);
});

test.each<[string, string]>([
  ['no JSON', '{'],
  ['nothing', ''],
  ['something else', '{"hello":1}'],
  ['no events', '{"events":[]}'],
  ['an event without its id', JSON.stringify({ events: [{ ...event('e1'), eventId: undefined }] })],
  ['a time that is none', JSON.stringify({ events: [event('e1', { at: 'yesterday' })] })],
])('given %s, signed, then it is refused with 400 and counted', async (_, body) => {
  expect(await post(body)).toBe(400);
  expect(receiver.counts.malformed).toBe(1);
  expect(told).toEqual([]);
});

test('given too much, or another method, then it is refused', async () => {
  expect(await post(' '.repeat(300_000))).toBe(413);
  expect((await fetch(url)).status).toBe(405);
  expect(receiver.counts.malformed).toBe(2);
});

test('given a listener that fails, or none, then the sender is told to come again, and then it is told', async () => {
  let failures = 1;
  const stop = receiver.onTracking(() => {
    failures -= 1;
    if (failures === 0) throw new Error('not now');
  });
  expect(await post(posted(event('e1')))).toBe(500);
  expect(await post(posted(event('e1')))).toBe(204);
  stop();
  expect(receiver.counts).toMatchObject({ failed: 1, accepted: 1 });

  const deaf = new WebhookReceiver([OLD]);
  receiver = deaf;
  expect(await post(posted(event('e2')))).toBe(500);
});

test('given a sender that goes away half-way, then the next is served', async () => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"ev');
  socket.resetAndDestroy();
  expect(await post(posted(event('e1')))).toBe(204);
});
