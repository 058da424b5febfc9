// Orders on real processes: followed from capture to delivery, dead letters seen and replayed, and processes killed at any moment while orders
// are captured from a queue, sourced and fulfilled by way of BullMQ.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runRetailDemo } from '../node/cli/demo/retail.ts';
import { startRedis, type TestRedis } from '../node/journal/testing/redis.ts';
import type { OrderDetail } from '../orders/order/view.ts';
import { connect, type HoldfastClient } from '../protocol/client/index.ts';
import type { GetOrderReply, OrderDocument } from '../protocol/index.ts';
import { holdfast, startBothRegions } from './support/cli.ts';
import { CLI, childrenOf, type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { expectWhole } from './support/journey.ts';

const REGION = 'us-east';
const SPEED = 30_000;
const LEASE_MS = 1_500;
const HOUR = { timeZone: 'UTC', cutoff: '23:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };
const DAYS = { p50: 2, p75: 2.5, p85: 3, p90: 3.5, p95: 4, p97: 5, p99: 7 };
const RULES = {
  version: 'e2e',
  nodes: [
    { node: 'chicago', region: REGION, latitude: 41.88, longitude: -87.63, packagesPerDay: 500, ...HOUR },
    { node: 'newark', region: REGION, latitude: 40.74, longitude: -74.17, ...HOUR },
  ],
  services: [
    { service: 'ground', carrier: 'simulated', base: 500, perKm: 0.2, transit: [{ untilKm: 500, days: DAYS }] },
  ],
  prices: { everyMinutes: 1 },
};
/** One that does what it says: what is tried here is processes. */
const CARRIER = {
  carrier: 'simulated',
  services: [
    {
      service: 'ground',
      base: 500,
      transit: [
        {
          untilKm: 10_000,
          quantiles: [
            [0.1, 1],
            [0.9, 2],
          ],
        },
      ],
    },
  ],
  scans: { lost: 0, duplicate: 0.1, late: 0.05, lateMeanMs: 3_600_000, delayMeanMs: 60_000 },
  parcels: { lost: 0, stuck: 0, damaged: 0, addressProblem: 0, deliveryFailed: 0 },
  calls: { failed: 0.02, unanswered: 0.02, perSecond: 1_000, burst: 10_000 },
  disruptions: { outagesPerWeek: 0, strikesPerWeek: 0, stormsPerWeek: 0 },
};

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let grid: RunningGrid;
let client: HoldfastClient;
let url: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  directory = await temporaryDirectory();
  await writeFile(join(directory.path, 'rules.json'), JSON.stringify(RULES));
  const shadow = { ...RULES, version: 'shadow', splitPenalty: 5_000 };
  await writeFile(join(directory.path, 'shadow.json'), JSON.stringify(shadow));
  await writeFile(join(directory.path, 'carrier.json'), JSON.stringify(CARRIER));
  grid = await startBothRegions(join(directory.path, 'data'));
  url = `http://127.0.0.1:${grid.port + 1}`;
  client = await connect({ url: `ws://127.0.0.1:${grid.port + 1}/v1`, timeoutMs: 30_000 });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await client?.close();
  await grid?.end('SIGTERM');
  await directory?.remove();
});

const EPOCH = Date.now();

/** What processes have said so far. */
const said = new WeakMap<ChildProcess, string>();
const STATE = (): string[] => ['--state', join(directory.path, 'state')];

/** What a process tells Prometheus, by name and labels. */
async function metricsOf(child: ChildProcess): Promise<ReadonlyMap<string, number>> {
  const [at] = /http:\S+\/metrics/.exec(said.get(child) ?? '') ?? [];
  const text = await (await fetch(at ?? 'http://127.0.0.1:1/none')).text();
  const samples = text.split('\n').filter((line) => /^holdfast_/.test(line));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** A process of `holdfast orders`, once it is ready. */
async function orders(...args: string[]): Promise<ChildProcess> {
  const file = (name: string): string => join(directory.path, name);
  const common = [
    '--url',
    url,
    '--rules',
    file('rules.json'),
    '--carrier',
    file('carrier.json'),
    '--speed',
    `${SPEED}`,
  ];
  const all = [CLI, 'orders', ...common, '--epoch', `${EPOCH}`, '--lease-ms', `${LEASE_MS}`, ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`holdfast orders ended with ${code}:\n${text}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        said.set(child, text);
        if (/^holdfast orders ready/m.test(text)) resolve();
      });
    }
  });
  return child;
}

/** Resolves with its exit code once it has ended. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

function documentOf(orderId: string, qty = 2): OrderDocument {
  return {
    orderId,
    lines: [
      { lineId: '1', sku: 'mug', qty, grams: 400, value: 1_900 },
      { lineId: '2', sku: 'pot', qty: 1, grams: 1_600, value: 6_900 },
    ],
    destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
    policy: 'partial',
  };
}

async function stock(sku: string, node: string, onHand: number): Promise<void> {
  await client.adjust({ sku, region: REGION, node, onHand, reason: 'count' });
}

const get = (orderId: string): Promise<GetOrderReply> => client.getOrder({ region: REGION, orderId, journey: true });
const detailOf = (order: GetOrderReply): OrderDetail => order.detail as unknown as OrderDetail;

describe('holdfast orders', () => {
  test('an order that is captured over HTTP is sourced, sent and delivered, its journey can be read, and what it teaches outlives the process', async () => {
    await stock('mug', 'chicago', 5);
    await stock('pot', 'newark', 5);
    const body = { id: 1, op: 'captureOrder', region: REGION, order: documentOf('e2e-1'), requestId: 'capture-1' };
    const answer = await fetch(`${url}/v1/requests`, { method: 'POST', body: JSON.stringify(body) });
    expect(await answer.json()).toMatchObject({ ok: true, status: 'CAPTURED' });
    const process = await orders(...STATE(), '--shadow', join(directory.path, 'shadow.json'), '--metrics-port', '0');
    await vi.waitFor(async () => expect((await get('e2e-1')).status).toBe('DELIVERED'), {
      timeout: 60_000,
      interval: 100,
    });
    const order = await get('e2e-1');
    expectWhole(order.journey ?? []);
    expect(
      detailOf(order)
        .packages.map(({ node, state }) => [node, state])
        .sort(),
    ).toEqual([
      ['chicago', 'DELIVERED'],
      ['newark', 'DELIVERED'],
    ]);
    const shown = await holdfast('order', 'e2e-1', '--url', url);
    expect(shown.stdout).toMatch(/e2e-1 in us-east: DELIVERED/);
    expect(shown.stdout).toMatch(/captured .* capture/);
    expect(shown.stdout).toMatch(/delivered .* carrier:simulated/);
    expect(shown.stdout).not.toContain('reservationsStarted');
    const all = await holdfast('order', 'e2e-1', '--all', '--url', url);
    expect(all.stdout).toMatch(/reservationsStarted +task:source#1/);
    await vi.waitFor(
      async () =>
        expect(Object.fromEntries(await metricsOf(process))).toMatchObject({
          'holdfast_transit_observations{kind="handedOver"}': 2,
          'holdfast_transit_observations{kind="delivered"}': 2,
          'holdfast_shadow_rules_orders{outcome="same"}': 1,
          'holdfast_shadow_prices_made{result="failed"}': 0,
          'holdfast_node_packages_max{node="chicago"}': 500,
        }),
      { timeout: 10_000, interval: 100 },
    );
    await vi.waitFor(
      async () =>
        expect((await metricsOf(process)).get('holdfast_shadow_prices_made{result="made"}')).toBeGreaterThan(0),
      { timeout: 10_000, interval: 100 },
    );
    await end(process, 'SIGTERM');
    expect(said.get(process)).toMatch(/^carriers served here: simulated$/m);
    expect(said.get(process)).toMatch(/1 order: 1 sent in the same way by rules e2e and shadow/);
    const next = await orders(...STATE(), '--metrics-port', '0');
    // It was in what the first saved, and is not told again.
    expect((await metricsOf(next)).get('holdfast_transit_observations{kind="delivered"}')).toBe(0);
    expect((await metricsOf(next)).get('holdfast_transit_parcels_followed')).toBeGreaterThan(0);
    await end(next, 'SIGTERM');
  });

  test('orders that rest exchange their units where both are sent for less by that, in the books of the grid as well', async () => {
    const rules = join(directory.path, 'resting.json');
    const cutoff = `${String((new Date().getUTCHours() + 12) % 24).padStart(2, '0')}:00`;
    const nodes = RULES.nodes.map((node) => ({ ...node, cutoff }));
    const reoptimise = { everyMinutes: 1, releaseAfterMinutes: 120 };
    await writeFile(rules, JSON.stringify({ ...RULES, version: 'resting', nodes, reoptimise }));
    const process = await orders('--rules', rules, '--speed', '60', '--role', 'source');
    const order = (orderId: string, skus: readonly string[], to: object): OrderDocument => ({
      ...documentOf(orderId),
      lines: skus.map((sku, n) => ({ lineId: `${n + 1}`, sku, qty: 1, grams: 400, value: 1_900 })),
      ...to,
    });
    const placesOf = async (orderId: string): Promise<string[]> =>
      detailOf(await get(orderId))
        .packages.filter(({ state }) => state === 'RESERVED')
        .map(({ node, lines }) => `${lines.map(({ sku }) => sku)} from ${node}`)
        .sort();
    const patience = { timeout: 20_000, interval: 50 };
    await stock('bowl', 'chicago', 1);
    await client.captureOrder({ region: REGION, order: order('easy', ['bowl'], {}), requestId: 'capture-easy' });
    await vi.waitFor(async () => expect(await placesOf('easy')).toEqual(['bowl from chicago']), patience);
    await stock('bowl', 'newark', 1);
    await stock('jar', 'chicago', 1);
    const chicago = { destination: { latitude: 41.88, longitude: -87.63, postalCode: '60601' } };
    await client.captureOrder({
      region: REGION,
      order: order('hard', ['bowl', 'jar'], chicago),
      requestId: 'capture-hard',
    });
    await vi.waitFor(async () => expect(await placesOf('hard')).toEqual(['bowl,jar from chicago']), patience);
    await vi.waitFor(async () => expect(await placesOf('easy')).toEqual(['bowl from newark']), patience);
    expect(said.get(process)).toMatch(/reoptimised: 2 orders weighed, 2 of 2 changed, \d+ saved, proved/);
    expect((await holdfast('order', 'easy', '--url', url)).stdout).toMatch(
      /packagesWithdrawn .* 2 orders changed together save/,
    );
    expectWhole((await get('hard')).journey ?? []);
    const { onHand, allocated, availableToSell } = await client.get({ sku: 'bowl', region: REGION });
    expect([onHand, allocated, availableToSell]).toEqual([2, 2, 0]);
    await end(process, 'SIGTERM');
  });

  test('lines of an order are reserved, committed and given back over HTTP, and each refusal says what to do', async () => {
    await stock('jug', 'chicago', 3);
    let asked = 0;
    const post = async (op: string, orderId: string, more: object = {}): Promise<[number, Record<string, unknown>]> => {
      const body = { op, orderId, requestId: `http-${++asked}`, ...more };
      const answer = await fetch(`${url}/v1/requests`, { method: 'POST', body: JSON.stringify(body) });
      return [answer.status, (await answer.json()) as Record<string, unknown>];
    };
    const wanted = {
      lines: [
        { lineId: '1', sku: 'jug', qty: 1 },
        { lineId: '2', sku: 'jug', qty: 1, region: REGION },
      ],
      policy: 'all',
      requestId: 'http-reserve',
    };
    const [, reserved] = await post('reserveOrder', 'http-1', wanted);
    expect(reserved).toMatchObject({ ok: true, attempt: 1, state: 'RESERVED', lines: [{ qty: 1 }, { qty: 1 }] });
    expect(await post('reserveOrder', 'http-1', wanted)).toEqual([200, { ...reserved, replayed: true }]);
    const refusals = [
      [await post('reserveOrder', 'http-2', wanted), 409, 'INSUFFICIENT_STOCK', /line 2: .*nothing is reserved/],
      [await post('commitOrder', 'http-3'), 404, 'NOT_FOUND', /use reserveOrder first/],
      [await post('reserveOrder', 'http-1', { ...wanted, policy: 'some' }), 400, 'BAD_REQUEST', /policy/],
      [await post('commitOrder', 'http-1', { ttlMs: 1 }), 400, 'BAD_REQUEST', /ttlMs/],
      [await post('releaseOrder', 'http-1', { region: 'eu-west' }), 404, 'NOT_FOUND', /use reserveOrder first/],
    ] as const;
    for (const [[status, answer], expected, code, message] of refusals) {
      expect([status, answer]).toEqual([expected, expect.objectContaining({ ok: false, code })]);
      expect(answer['message']).toMatch(message);
    }
    expect(await post('commitOrder', 'http-1')).toMatchObject([200, { state: 'COMMITTED', lines: [{}, {}] }]);
    expect(await post('releaseOrder', 'http-1')).toMatchObject([
      409,
      { code: 'RESERVATION_ENDED', state: 'COMMITTED', message: expect.stringContaining('it can only be shipped') },
    ]);
    // What a refused order had is given back right after it is answered.
    await vi.waitFor(async () =>
      expect(await client.get({ sku: 'jug', region: REGION })).toMatchObject({ reserved: 0 }),
    );
    await post('reserveOrder', 'http-4', { ...wanted, lines: [{ lineId: '1', sku: 'jug', qty: 1 }] });
    expect(await post('releaseOrder', 'http-4')).toMatchObject([200, { state: 'RELEASED' }]);
    expect(await client.get({ sku: 'jug', region: REGION })).toMatchObject({ reserved: 0, allocated: 2 });

    const capture = { orderId: undefined, region: REGION, order: documentOf('http-5') };
    const refusedCaptures = [
      [{ order: documentOf('http-5', 3) }, 409, /send those, or use a new orderId/],
      [{ order: { ...documentOf('http-6'), lines: [] } }, 400, /order\.lines/],
      [{ order: { ...documentOf('http-6'), colour: 'red' } }, 400, /colour/],
    ] as const;
    expect(await post('captureOrder', '', capture)).toMatchObject([200, { status: 'CAPTURED' }]);
    for (const [more, status, message] of refusedCaptures) {
      const [found, answer] = await post('captureOrder', '', { ...capture, ...more });
      expect([found, answer['message']]).toEqual([status, expect.stringMatching(message)]);
    }
    const look = { requestId: undefined, region: REGION };
    const shown = await post('getOrder', 'http-5', { ...look, journey: true });
    expect(shown).toMatchObject([200, { orderId: 'http-5', journey: [{ type: 'captured' }] }]);
    expect(await post('getOrder', 'http-7', look)).toMatchObject([
      404,
      { code: 'NOT_FOUND', message: expect.stringContaining('capture it first') },
    ]);
    // What it asks for is nobody's: no process of the tests that follow is to send it.
    const command = { type: 'hold', holdType: 'test', reason: 'never to be sent' };
    await client.advanceOrder({ region: REGION, orderId: 'http-5', command });
  });

  test('a task that failed for good is listed with its reason, and done again when it is replayed', async () => {
    await client.captureOrder({ region: REGION, order: documentOf('e2e-2'), requestId: 'capture-2' });
    const command = { type: 'fail', error: 'no route to the node', attempts: 8, taskId: 'e2e-2/source#1' };
    await client.advanceOrder({ region: REGION, orderId: 'e2e-2', command, requestId: 'fail-2' });
    const listed = await holdfast('orders', 'dead-letters', '--url', url);
    expect(listed.stdout).toMatch(/e2e-2\/source#1 .* no route to the node/);
    const replayed = await holdfast('orders', 'replay', 'e2e-2/source#1', '--url', url);
    expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('is open again') });
    expect((await get('e2e-2')).tasks).toMatchObject([{ taskId: 'e2e-2/source#1', kind: 'source' }]);
    const unknown = await holdfast('orders', 'replay', 'e2e-2/source#9', '--url', url);
    expect(unknown.code).toBe(2);
    const named = await holdfast('orders', 'replay', 'e2e-2', '--url', url);
    expect(named).toMatchObject({ code: 2, stderr: expect.stringContaining('a task is ORDER/KIND#N') });
  });

  test('what a policy has settled on a running grid is told by kind, and another policy is tried on it', async () => {
    await client.captureOrder({ region: REGION, order: documentOf('e2e-3'), requestId: 'capture-3' });
    const raised = { type: 'raise', kind: 'cancelRequest', evidence: { reason: 'changedMind' } };
    await client.advanceOrder({ region: REGION, orderId: 'e2e-3', command: raised, requestId: 'raise-3' });
    const policy = 'examples/policies/standard.yaml';
    const process = await orders('--role', 'exceptions', '--policy', policy);
    await vi.waitFor(async () => expect(detailOf(await get('e2e-3')).exceptions[0]?.state).toBe('SETTLED'), {
      timeout: 30_000,
      interval: 100,
    });
    await end(process, 'SIGTERM');
    const store = ['--data-dir', join(directory.path, 'data'), '--region', REGION];
    const report = await holdfast('policy', 'report', ...store, '--json');
    expect(JSON.parse(report.stdout).kinds).toMatchObject([
      { kind: 'all', exceptions: 1, zeroTouch: 1 },
      { kind: 'cancelRequest', rate: 1 },
    ]);
    const replayed = await holdfast('policy', 'replay', '--policy', policy, ...store);
    expect(replayed.stdout).toMatch(/0 of 1 decision on 1 order otherwise/);
    const nowhere = await holdfast('policy', 'report', '--data-dir', directory.path);
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringMatching(/--data-dir or --store/) });
  });

  test('processes and workers killed at any moment lose no order and do nothing twice (I15, I16, I17)', async () => {
    const redis: TestRedis = await startRedis();
    const count = 20;
    await stock('mug', 'chicago', 100);
    await stock('pot', 'newark', 100);
    const roles = [['relay', 'capture'], ['source', 'exceptions'], ['fulfil'], ['source', 'fulfil', 'exceptions']];
    const argsOf = (n: number): string[] => [
      ...(roles[n] ?? []).flatMap((role) => ['--role', role]),
      '--redis',
      redis.url,
    ];
    const running = await Promise.all(roles.map((_, n) => orders(...argsOf(n))));
    const queue = new Queue('holdfast-orders', { connection: { url: redis.url } });
    try {
      const ids = Array.from({ length: count }, (_, n) => `kill-${n}`);
      for (const id of ids) await queue.add('order', documentOf(id), { jobId: id, attempts: 20, backoff: 200 });
      /** What is wrong with it still; undefined: nothing. */
      const missing = async (id: string): Promise<string | undefined> => {
        const order = await get(id).catch((error: Error) => error.message);
        if (typeof order === 'string') return `${id}: ${order}`;
        // Nothing waits: it is delivered, or, as there is no policy, what went wrong is left to a person.
        const isOver = order.tasks.length === 0;
        return isOver
          ? undefined
          : `${id}: ${order.status}, waits for ${order.tasks.map(({ taskId }) => taskId).join(', ')}`;
      };
      let witness: ChildProcess | undefined;
      for (let round = 0; round < 9; round++) {
        await sleep(700);
        const n = round % (roles.length + 1);
        if (n === roles.length) {
          // A worker of the grid: its supervisor starts another.
          witness = running.at(-1);
          process.kill(childrenOf(grid).at(-1) as number, 'SIGKILL');
        } else {
          await end(running[n] as ChildProcess, 'SIGKILL');
          running[n] = await orders(...argsOf(n));
        }
      }
      await vi.waitFor(
        async () => {
          const left = await Promise.all(ids.map(missing));
          expect(left.filter((one) => one !== undefined)).toEqual([]);
        },
        { timeout: 100_000, interval: 500 },
      );
      let units = 0;
      for (const id of ids) {
        const order = await get(id);
        expectWhole(order.journey ?? []);
        const { lines, exceptions } = detailOf(order);
        for (const { delivered, parked } of lines) units += delivered + parked;
        expect(order.status === 'DELIVERED' || exceptions.some(({ state }) => state === 'ESCALATED')).toBe(true);
      }
      expect(units).toBe(3 * count);
      for (const [sku, node] of [
        ['mug', 'chicago'],
        ['pot', 'newark'],
      ] as const) {
        const { nodes } = await client.get({ sku, region: REGION });
        expect(nodes.find((one) => one.node === node)).toMatchObject({ reserved: 0, allocated: 0 });
      }
      const away = /^us-east at \S+ does not answer: .*\n(.*\n)*us-east at \S+ answers again$/m;
      expect(said.get(witness as ChildProcess)).toMatch(away);
      // Nothing of Redis keeps a process that is to end.
      expect(await Promise.all(running.map((child) => end(child, 'SIGINT')))).toEqual(running.map(() => 0));
    } finally {
      await queue.close();
      await Promise.all(running.map((child) => end(child, 'SIGKILL')));
      await redis.stop();
    }
  });

  test('given a Redis that is not there yet, and gone later, then it is waited for, told once, and the process ends on a signal', async () => {
    const redis: TestRedis = await startRedis();
    try {
      await redis.kill();
      const roles = ['relay', 'capture', 'source'].flatMap((role) => ['--role', role]);
      const starting = orders('--redis', redis.url, ...roles);
      const child = [...children].at(-1) as ChildProcess;
      const textOf = (): string => said.get(child) ?? '';
      const wait = { timeout: 20_000, interval: 20 };
      starting.catch(() => undefined);
      await vi.waitFor(
        () => expect(textOf()).toMatch(/^no Redis answers at redis:.* \(connection refused\); trying/m),
        wait,
      );
      expect(textOf()).not.toMatch(/ready/);
      await redis.restart();
      await starting;
      await redis.kill();
      await vi.waitFor(() => expect(textOf()).toMatch(/^Redis at redis:.* does not answer/m), wait);
      const asked = performance.now();
      expect(await end(child, 'SIGINT')).toBe(0);
      expect(performance.now() - asked).toBeLessThan(5_000);
      expect(textOf()).toMatch(
        /SIGINT: draining; press again to stop at once\n(.* Redis does not answer\n)*Redis at redis:.* is away: .*\n(.* Redis does not answer\n)*holdfast orders stopped\n$/,
      );
      expect(textOf().match(/(no )?Redis (answers|at)/g)).toEqual(['no Redis answers', 'Redis at', 'Redis at']);
      expect(textOf()).not.toMatch(/\n\s+at /);
    } finally {
      await redis.stop();
    }
  });
});

describe('the demonstration', () => {
  test('feeds orders until each has come to an end, and tells how far they are and what became of them', async () => {
    const told: { event: string; text: string; detail: unknown }[] = [];
    const demo = { data: join(directory.path, 'no-data'), orders: 4, speed: 300_000, seed: 3 };
    await runRetailDemo(
      demo,
      [`http://127.0.0.1:${grid.port}`, url],
      (event, text, detail) => void told.push({ event, text, detail }),
      new AbortController().signal,
    );
    const summary = told.find(({ event }) => event === 'summary') ?? { text: '', detail: { orders: [] } };
    expect(summary.text).toMatch(/^\n4 orders captured, 4 sourced and reserved, in .* \(simulation\)/);
    const { orders: ended } = summary.detail as { orders: readonly { orderId: string; isEnded: boolean }[] };
    expect(ended.map(({ isEnded }) => isEnded)).toEqual(Array.from({ length: 4 }, () => true));
    expect(told.map(({ event }) => event).filter((event) => event !== 'log' && event !== 'progress')).toEqual([
      'demo',
      'demo',
      'demo',
      'demo',
      'follow',
      'summary',
      'try',
      'demo finished',
    ]);
    expect(told.find(({ event }) => event === 'follow')?.text).toContain(
      `npx holdfast order ${ended[0]?.orderId} --url`,
    );
    for (const { orderId } of ended) expectWhole((await get(orderId)).journey ?? []);
  });
});
