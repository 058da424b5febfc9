// Clients that do not read, on every engine that loads here: subscriptions get the latest value only, replies are
// never dropped, and past a bound the connection ends. A client that behaves is served throughout.
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../protocol/index.ts';
import { Bystander } from './testing/client.ts';
import { FakeGrid } from './testing/fake-grid.ts';
import { frame, TEXT } from './testing/raw-socket.ts';
import { engines, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const MIB = 1_048_576;
const REFUSED = 'holdfast_sheds_total{reason="backpressure"}';
const SLOW = 'holdfast_connections_closed_total{reason="slow_consumer"}';

/** A grid whose answers about LARGE are that: 64 nodes, some 6 KiB. Counts them. */
class LargeGrid extends FakeGrid {
  served = 0;
}

function largeGrid(): LargeGrid {
  const grid = new LargeGrid();
  const node = { onHand: 1, reserved: 0, allocated: 0, safetyStock: 0, backorderLimit: 0, availableToSell: 1 };
  const nodes = Array.from({ length: 64 }, (_, i) => ({ node: `NODE-${i}`, ...node }));
  const small = grid.decide;
  grid.decide = (request): Outcome => {
    const outcome = small(request);
    if (request.op !== 'get' || request.sku !== 'LARGE') return outcome;
    grid.served += 1;
    return { ...outcome, nodes } as Outcome;
  };
  return grid;
}

const askLarge = (id: number): Buffer =>
  frame(TEXT, JSON.stringify({ id, op: 'get', sku: 'LARGE', region: 'eu-west' }));

describe.each(engines)('on $name', (engine) => {
  test('given a client that asks and never reads, when its replies pile up, then it is refused, then cut off', async () => {
    const limits = { refuseAboveBytes: MIB / 2, closeAboveBytes: MIB };
    const grid = largeGrid();
    const { connect, gateway, metric, raw } = await start({ engine, grid, limits });
    const bystander = new Bystander(await connect({ encoding: 'msgpack' }));
    const glutton = await raw();
    await glutton.upgrade('holdfast.v1.json');
    glutton.socket.pause();
    let asked = 0;
    let worstBuffered = 0;
    const isHandled = async (): Promise<boolean> =>
      (await metric(SLOW)) === 1 || grid.served + (await metric(REFUSED)) >= asked;
    while ((await metric(SLOW)) === 0) {
      // Some 300 KiB of replies at a time, so that it is refused before it is cut off.
      for (let i = 0; i < 50; i++) glutton.socket.write(askLarge(++asked));
      await expect.poll(isHandled, { interval: 1, timeout: 10_000 }).toBe(true);
      worstBuffered = Math.max(worstBuffered, await metric('holdfast_backpressure_bytes'));
    }
    expect(worstBuffered).toBeGreaterThan(MIB / 2);
    expect(worstBuffered).toBeLessThan(2 * MIB);
    expect(await metric(REFUSED)).toBeGreaterThan(0);
    expect(await bystander.stop()).toBeGreaterThan(10);
    expect(gateway.engine).toContain(engine.name);
  });

  test('given a client that stops reading and stops asking, when nothing leaves for long, then it is cut off', async () => {
    const limits = { stalledMs: 300, sweepMs: 50 };
    const { connect, metric, raw } = await start({ engine, grid: largeGrid(), limits });
    const bystander = new Bystander(await connect({ encoding: 'msgpack' }));
    const sleeper = await raw();
    await sleeper.upgrade('holdfast.v1.json');
    sleeper.socket.pause();
    // More than the kernel's buffers on loopback hold, less than the bound of bytes.
    for (let id = 0; id < 1_500; id++) sleeper.socket.write(askLarge(id));
    await expect.poll(() => metric(SLOW), { timeout: 20_000 }).toBe(1);
    expect(await metric('holdfast_backpressure_bytes')).toBe(0);
    await bystander.stop();
  });

  test('given a client that reads slowly but reads, when its replies pile up, then it gets every one', async () => {
    const limits = { refuseAboveBytes: 32 * MIB, closeAboveBytes: 32 * MIB, sweepMs: 50, stalledMs: 2_000 };
    const { raw } = await start({ engine, grid: largeGrid(), limits });
    const slow = await raw();
    await slow.upgrade('holdfast.v1.json');
    let answered = 0;
    let tail = '';
    slow.socket.removeAllListeners('data');
    slow.socket.pause();
    const asked = 1_500;
    for (let id = 0; id < asked; id++) slow.socket.write(askLarge(id));
    slow.socket.on('data', (chunk: Buffer) => {
      const text = tail + chunk.toString('latin1');
      answered += text.split('"nodes"').length - 1;
      // Short of a whole marker, so that one torn between two chunks counts, once.
      tail = text.slice(-6);
      slow.socket.pause();
      setTimeout(() => slow.socket.resume(), 1);
    });
    slow.socket.resume();
    await expect.poll(() => answered, { timeout: 20_000 }).toBe(asked);
  });

  test('given a subscriber that does not read, when values change often, then it gets the latest and never goes back', async () => {
    const { connect, grid, metric } = await start({ engine });
    const client = await connect();
    const bystander = new Bystander(await connect({ encoding: 'msgpack' }));
    await client.ask({ op: 'subscribe', skus: ['HOT', 'COLD'], region: 'eu-west' });
    client.socket.pause();
    const last = 200_000;
    for (let seq = 1; seq <= last; seq++) {
      grid.publish('HOT', seq);
      if (seq % 20_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    grid.publish('COLD', 1);
    const coalesced = await metric('holdfast_pushes_coalesced_total');
    expect(coalesced).toBeGreaterThan(0);
    expect(await metric('holdfast_backpressure_bytes')).toBeLessThan(MIB);
    client.socket.resume();
    await client.push((push) => push.sku === 'HOT' && push.version.seq === last);
    await client.push((push) => push.sku === 'COLD' && push.version.seq === 1);
    const seqs = client.pushes.filter((push) => push.sku === 'HOT').map((push) => push.version.seq);
    expect(seqs.every((seq, i) => i === 0 || seq > (seqs[i - 1] as number))).toBe(true);
    expect(seqs.length + coalesced).toBe(last + 1);
    await bystander.stop();
  });
});
