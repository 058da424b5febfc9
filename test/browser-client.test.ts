// The SDK's browser entry in a real browser, as compiled and without a bundler, against a real grid: reserve, reply,
// pushes, and a grid that is killed and comes back (I5, I11, I13 as a page sees them).
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { connect } from '../protocol/client/browser.ts';
import type { HoldfastClient } from '../protocol/client/client.ts';
import type { AvailabilityPush } from '../protocol/index.ts';
import { toolPath } from './setup/tools.ts';
import { freePort, type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SERVED = ['/dist/', '/examples/'];
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.html': 'text/html' };
const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const PAGE = `<!doctype html>
<script type="module">
  import * as holdfast from '/dist/protocol/client/browser.js';
  globalThis.holdfast = holdfast;
</script>`;

/** What the page keeps between calls of the test. */
interface PageState {
  client: HoldfastClient;
  pushes: AvailabilityPush[];
  events: string[];
}

/** The globals of the page, as the functions that run in it see them. */
type PageGlobal = typeof globalThis & { holdfast: { connect: typeof connect }; state: PageState };

/** Serves the compiled files and the examples, and a page that loads the browser entry. */
async function servePage(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
    const type = TYPES[extname(path)] ?? 'text/plain';
    if (path === '/page.html') return void response.writeHead(200, { 'content-type': type }).end(PAGE);
    if (!SERVED.some((folder) => path.startsWith(folder))) return void response.writeHead(404).end();
    readFile(join(ROOT, path)).then(
      (body) => response.writeHead(200, { 'content-type': type }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe('the SDK in a browser', () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  let pages: Server;
  let browser: BrowserContext;
  let page: Page;
  let grid: RunningGrid;
  let store: string;

  beforeAll(async () => {
    pages = await servePage();
    cleanUp.push(async () => pages.close());
    const profile = await temporaryDirectory();
    cleanUp.push(profile.remove);
    browser = await chromium.launchPersistentContext(profile.path, {
      executablePath: toolPath('chromium'),
      args: CHROMIUM_ARGS,
    });
    cleanUp.push(() => browser.close());
    const data = await temporaryDirectory();
    cleanUp.push(data.remove);
    store = `lmdb:${data.path}`;
    grid = await startWorkerProcess(store, await freePort());
    cleanUp.push(() => grid.end('SIGTERM'));
  });

  afterAll(async () => {
    for (const end of cleanUp.reverse()) await end();
  });

  afterEach(async () => {
    await page.evaluate(() => (globalThis as PageGlobal).state?.client.close());
    await page.close();
  });

  /** A page with a client that is connected to the grid. */
  async function givenPage(options: { encoding?: 'json' | 'msgpack' } = {}): Promise<void> {
    const { port } = pages.address() as AddressInfo;
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/page.html`);
    await page.waitForFunction(() => (globalThis as PageGlobal).holdfast !== undefined);
    await page.evaluate(
      async ([url, encoding]) => {
        const page = globalThis as PageGlobal;
        const reconnectBackoff = { baseMs: 20, capMs: 200 };
        const client = await page.holdfast.connect({
          url: url as string,
          encoding: encoding as 'json',
          reconnectBackoff,
          timeoutMs: 60_000,
        });
        const state: PageState = { client, pushes: [], events: [] };
        client.on('connected', ({ reconnect }) => state.events.push(reconnect ? 'reconnected' : 'connected'));
        client.on('disconnected', () => state.events.push('disconnected'));
        page.state = state;
      },
      [grid.url, options.encoding] as const,
    );
  }

  const stock = (sku: string, onHand: number): Promise<number> =>
    page.evaluate(
      async ([sku, onHand]) => {
        const { client } = (globalThis as PageGlobal).state;
        const { availableToSell } = await client.adjust({ sku, node: 'ams-1', onHand, reason: 'count' });
        return availableToSell;
      },
      [sku, onHand] as const,
    );

  const reserve = (sku: string, qty: number, requestId?: string) =>
    page.evaluate(
      async ([sku, qty, requestId]) => {
        const { client } = (globalThis as PageGlobal).state;
        const reply = await client.reserve({ sku, qty, requestId });
        return { ...reply };
      },
      [sku, qty, requestId] as const,
    );

  /** Waits in the page until a push says that so many are available. */
  const untilPushed = (availableToSell: number): Promise<unknown> =>
    page.waitForFunction(
      (wanted) => (globalThis as PageGlobal).state.pushes.some((push) => push.availableToSell === wanted),
      availableToSell,
    );

  test.each(['json', 'msgpack'] as const)(
    'given %s, when a page reserves, then it gets the reply and its refusals typed',
    async (encoding) => {
      await givenPage({ encoding });
      const sku = `browser-${encoding}`;
      expect(await stock(sku, 5)).toBe(5);

      const reply = await reserve(sku, 2);
      const refusal = await page.evaluate(async (sku) => {
        const { client } = (globalThis as PageGlobal).state;
        return client
          .reserve({ sku, qty: 4 })
          .catch(({ name, code, retriable, outcome }) => ({ name, code, retriable, outcome }));
      }, sku);

      expect(reply).toMatchObject({ ok: true, qty: 2, node: 'ams-1', availableToSell: 3 });
      expect(refusal).toEqual({
        name: 'HoldfastError',
        code: 'INSUFFICIENT_STOCK',
        retriable: false,
        outcome: 'refused',
      });
    },
  );

  test('given a subscription and a grid killed and restarted, then the page reconnects by itself and hears on, never backward', async () => {
    await givenPage();
    await stock('browser-push', 10);
    await page.evaluate(async () => {
      const { client, pushes } = (globalThis as PageGlobal).state;
      await client.subscribe({ sku: 'browser-push' }, (push) => pushes.push(push));
    });
    const first = await reserve('browser-push', 1, 'before-the-kill');
    await untilPushed(9);

    const { port } = grid;
    await grid.end('SIGKILL');
    // Made while nobody is there: it waits for the grid's return.
    const waiting = reserve('browser-push', 2);
    grid = await startWorkerProcess(store, port);
    const second = await waiting;
    await untilPushed(7);
    const again = await reserve('browser-push', 1, 'before-the-kill');

    expect(second).toMatchObject({ ok: true, availableToSell: 7 });
    expect(again).toMatchObject({ reservationId: first.reservationId, replayed: true });
    const { pushes, events } = await page.evaluate(() => {
      const { pushes, events } = (globalThis as PageGlobal).state;
      return { pushes, events };
    });
    expect(events).toEqual(['disconnected', 'reconnected']);
    const order = pushes.map(({ version }) => version.epoch * 1e9 + version.seq);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test('given the example page, when its button is pressed, then a unit is reserved and the figure falls by itself', async () => {
    await givenPage();
    await stock('MUG-STONEWARE-BLUE', 3);
    await page.evaluate(() => (globalThis as PageGlobal).state.client.close());

    const { port } = pages.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/examples/browser.html?grid=${grid.url}`);
    await page.getByText('live from eu-west').waitFor();
    await page.getByRole('button').click();

    await page.getByText('One is yours at ams-1').waitFor();
    await page.getByText(/^2$/).waitFor();
  });
});
