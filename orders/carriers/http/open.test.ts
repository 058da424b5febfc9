// Carriers from a configuration, against a simulated one that is served.
import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { createSimulatedCarrier } from '../simulated/carrier.ts';
import { wallClock } from '../simulated/clock.ts';
import { type CarrierServer, serveCarrier } from '../simulated/server.ts';
import { bookOf, calm } from '../testing/profiles.ts';
import { CarriersInvalid, type OpenCarriers, openCarriers } from './open.ts';

const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
const ENVIRONMENT = { ACME_TOKEN: 'secret', ACME_SECRETS: `${SECRET} ${SECRET}`, EMPTY: ' ', BAD: 'whsec_!' };

let opened: OpenCarriers | undefined;
let server: CarrierServer | undefined;
afterEach(async () => {
  await opened?.close();
  await server?.close();
  opened = undefined;
  server = undefined;
});

test('given a carrier with a token and webhooks, then it is booked with, and tells', async () => {
  const simulated = createSimulatedCarrier({ profile: calm(), clock: wallClock({ speed: 2_000_000 }), seed: 1 });
  server = await serveCarrier({ carrier: simulated, port: 0, token: 'secret' });
  const carriers = [{ carrier: 'acme', url: server.url, token: 'ACME_TOKEN', secrets: 'ACME_SECRETS', attempts: 2 }];
  opened = await openCarriers({ webhooks: { port: 0 }, carriers }, ENVIRONMENT);
  const webhook = { url: `${opened.webhooksUrl}/webhooks/acme`, secrets: [SECRET] };
  const told = await serveCarrier({ carrier: simulated, port: 0, webhook });
  const acme = opened.carriers.get('acme');
  const delivered = new Promise<string>((resolve) => {
    acme?.onTracking(({ kind, shipmentId }) => {
      if (kind === 'delivered') resolve(shipmentId);
    });
  });

  await acme?.book(bookOf('s-1', { readyAt: Date.now() }), { idempotencyKey: 'b' });

  expect(await delivered).toBe('s-1');
  expect(opened.receivers.get('acme')?.counts.accepted).toBeGreaterThan(0);
  expect((await fetch(`${opened.webhooksUrl}/webhooks/nobody`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${opened.webhooksUrl}/`)).status).toBe(404);
  await told.close();
});

const ACME = { carrier: 'acme', url: 'http://127.0.0.1:9' };

test('given a secret that another of its length and time replaces, then events that are signed with the new one are taken at the first try', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-secrets-'));
  const secretsFile = join(folder, 'acme');
  const [before, after] = ['b', 'a'].map((letter) => `whsec_${Buffer.from(letter.repeat(24)).toString('base64')}`);
  await writeFile(secretsFile, before ?? '');
  const { atime, mtime } = await stat(secretsFile);
  const document = { webhooks: { port: 0 }, carriers: [{ ...ACME, secretsFile }] };
  opened = await openCarriers(document, {});
  const told: string[] = [];
  opened.carriers.get('acme')?.onTracking(({ eventId }) => void told.push(eventId));
  await writeFile(secretsFile, after ?? '');
  await utimes(secretsFile, atime, mtime);

  const answers = [await post('new', after), await post('retired', before)];
  await rm(folder, { recursive: true });

  expect(answers).toEqual([204, 401]);
  expect(told).toEqual(['new']);
});

/** The answer to one event, signed with a secret. */
async function post(eventId: string, secret = SECRET): Promise<number> {
  const event = { eventId, trackingId: 't', shipmentId: 's', kind: 'delivered', at: 1 };
  const [body, at] = [JSON.stringify({ events: [event] }), new Date()];
  const headers = {
    'webhook-id': 'm',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign('m', at, body),
  };
  return (await fetch(`${opened?.webhooksUrl}/webhooks/acme`, { method: 'POST', body, headers })).status;
}

test('given secrets in a file that changes, then the new one counts at once, and what is none leaves those of before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-secrets-'));
  const secretsFile = join(folder, 'acme');
  const other = `whsec_${Buffer.from('another one of twenty-six!').toString('base64')}`;
  await writeFile(secretsFile, `${SECRET}\n`);
  const lines: string[] = [];
  const document = { webhooks: { port: 0 }, carriers: [{ ...ACME, secretsFile }] };
  opened = await openCarriers(document, {}, (line) => lines.push(line));
  opened.carriers.get('acme')?.onTracking(() => undefined);
  const answers = async (): Promise<number[]> => [await post('e'), await post('e', other)];

  expect(await answers()).toEqual([204, 401]);
  await writeFile(secretsFile, `${SECRET} ${other}`);
  expect(await answers()).toEqual([204, 204]);
  await writeFile(secretsFile, other);
  await opened.refresh();
  expect(await answers()).toEqual([401, 204]);
  for (const none of ['whsec_!!', '']) {
    await writeFile(secretsFile, none);
    await opened.refresh();
    expect(await answers()).toEqual([401, 204]);
  }
  await rm(folder, { recursive: true });
  await opened.refresh();
  expect(await answers()).toEqual([401, 204]);
  expect(lines.map((line) => line.slice(secretsFile.length + 2))).toEqual([
    '2 secrets are used from now on',
    'a secret is used from now on',
    'a secret is whsec_ and base64; the secrets of before stay',
    'a secret is whsec_ and base64; the secrets of before stay',
    expect.stringMatching(/^ENOENT.*; the secrets of before stay$/),
  ]);
});

test.each<[string, object, RegExp]>([
  ['no carriers', { carriers: [] }, /^carriers: /],
  ['a misspelt field', { carriers: [{ ...ACME, tokn: 'A' }] }, /tokn/],
  ['a URL that is none', { carriers: [{ ...ACME, url: 'ftp://x' }] }, /carriers\.0\.url/],
  ['two of one name', { carriers: [ACME, ACME] }, /two have the same name/],
  ['a token in the file', { carriers: [{ ...ACME, token: 'sk_live_1' }] }, /the name of an environment variable/],
  ['a variable that is not there', { carriers: [{ ...ACME, token: 'NOBODY' }] }, /no NOBODY/],
  ['a variable that is empty', { carriers: [{ ...ACME, token: 'EMPTY' }] }, /no EMPTY/],
  ['webhooks that come in nowhere', { carriers: [{ ...ACME, secrets: 'ACME_SECRETS' }] }, /say where they come in/],
  [
    'a file of secrets that is not there',
    { webhooks: { port: 0 }, carriers: [{ ...ACME, secretsFile: '/nowhere' }] },
    /nowhere/,
  ],
  [
    'secrets twice',
    { webhooks: { port: 0 }, carriers: [{ ...ACME, secrets: 'ACME_SECRETS', secretsFile: '/nowhere' }] },
    /not both/,
  ],
  ['a secret that is none', { webhooks: { port: 0 }, carriers: [{ ...ACME, secrets: 'BAD' }] }, /BAD: a secret is/],
])('given %s, then it is named', async (_, document, message) => {
  await expect(openCarriers(document, ENVIRONMENT)).rejects.toThrow(CarriersInvalid);
  await expect(openCarriers(document, ENVIRONMENT)).rejects.toThrow(message);
});

test('given a port that is taken, then it says so', async () => {
  opened = await openCarriers({ webhooks: { port: 0 }, carriers: [ACME] }, ENVIRONMENT);
  const port = Number(new URL(opened.webhooksUrl ?? '').port);
  await expect(openCarriers({ webhooks: { port }, carriers: [ACME] }, ENVIRONMENT)).rejects.toThrow(/cannot listen/);
});
