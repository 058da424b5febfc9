// `holdfast carrier-sim`: a process that is booked with over HTTP, and tells by signed webhooks until it is stopped.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpCarrier } from '../orders/carriers/http/carrier.ts';
import { WebhookReceiver } from '../orders/carriers/http/webhooks.ts';
import { bookOf } from '../orders/carriers/testing/profiles.ts';
import { holdfast } from './support/cli.ts';
import { CLI, freePort } from './support/grid.ts';

let child: ChildProcess | undefined;
let server: Server | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
  server?.closeAllConnections();
  server?.close();
});

test('given a booking, then its webhooks follow the parcel until it is delivered, and SIGTERM ends it', async () => {
  let receiver: WebhookReceiver | undefined;
  server = createServer((request, response) => void receiver?.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const port = String(await freePort());
  child = spawn(
    process.execPath,
    [CLI, 'carrier-sim', '--port', port, '--seed', '7', '--speed', '1000000', '--webhook', webhook, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, HOLDFAST_TOKEN: 'secret' } },
  );
  const exit = once(child, 'exit');
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const { url, secret, services } = JSON.parse(chunk.toString()) as { url: string; secret: string; services: string[] };
  expect(services).toEqual(['ground', 'express']);
  receiver = new WebhookReceiver([secret]);
  const carrier = createHttpCarrier({ carrier: 'simulated', url, token: 'secret', webhooks: receiver, attempts: 8 });
  const ended = new Promise<string>((resolve) => {
    carrier.onTracking(({ kind, shipmentId }) => {
      if (kind === 'delivered' || kind === 'returned') resolve(shipmentId);
    });
  });

  const { trackingId } = await carrier.book(bookOf('s-1', { readyAt: Date.now() }), { idempotencyKey: 'b-1' });

  expect(trackingId).toMatch(/^SIM/);
  expect(await ended).toBe('s-1');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
});

test.each<[string, string[], RegExp]>([
  ['a profile that is not there', ['--profile', 'none.json'], /none\.json cannot be read/],
  [
    'another file instead of a profile',
    ['--profile', 'examples/sourcing/rules.json'],
    /is a file of sourcing rules.*examples\/carriers\/overland\.json/s,
  ],
  ['a folder without calibration data', ['--calibration', '.'], /calibration_dist_bins_km\.json/],
  ['both', ['--profile', 'a', '--calibration', 'b'], /cannot be used with/],
  ['a speed of nothing', ['--speed', '0'], /a number above 0/],
])('given %s, then it says what is wrong and does not serve', async (_, args, message) => {
  const { code, stderr } = await holdfast('carrier-sim', '--port', '0', ...args);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
});

test('given policies that do not say which carriers they ask about what others have booked, then they are not started', async () => {
  const asked = (...more: string[]) =>
    holdfast(
      ...['orders', '--role', 'source', '--role', 'exceptions', '--rules', 'examples/sourcing/none.json'],
      ...['--policy', 'examples/policies/standard.yaml', ...more],
    );
  const { code, stderr } = await asked();
  expect(code).toBe(2);
  expect(stderr).toMatch(/does not say which carriers.*--carriers FILE.*--simulate 1/s);
  // Named, they are: it goes on to read its rules.
  for (const named of [
    ['--simulate', '1'],
    ['--carriers', 'carriers.json'],
    ['--role', 'fulfil'],
  ]) {
    expect((await asked(...named)).stderr).toMatch(/none\.json/);
  }
});
