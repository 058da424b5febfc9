// Requests for another region: carried out once by its owner, answered through whichever worker was asked, or refused
// with what can be done about it.
import { describe, expect, it } from 'vitest';
import { MESH_KIND } from '../../cluster/mesh/port.ts';
import { failure, type ItemRequest } from '../../protocol/index.ts';
import { MsgpackWriter } from '../../protocol/msgpack-write.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { OPS } from '../../protocol/testing/field-table.ts';
import { decodeOutcome } from '../worker/mesh-codec.ts';
import { RegionsWorld, type TestWorker } from './testing/world.ts';

const SEEDS = [
  ['eu-west', 'eu-west/w1'],
  ['eu-west', 'eu-west/w2'],
  ['us-east', 'us-east/w1'],
  ['us-east', 'us-east/w2'],
] as const;

const SKU = { sku: 'sku-1', region: 'us-east' };
const STOCK = { op: 'adjust', ...SKU, node: 'n1', delta: 10, reason: 'test', requestId: 'stock' };
const reserve = (requestId: string, qty = 1) => ({ op: 'reserve', ...SKU, qty, requestId });

const ITEM_OPS = (Object.keys(OPS) as (keyof typeof OPS)[]).filter(
  (op) => !['subscribe', 'unsubscribe', 'hello', 'map', 'batch'].includes(op),
);
const RESERVATION = { reservationId: '1a.2.us-east/sku-1' };
/** What makes a request of each op one for us-east, and a lawful one. */
const THERE: Readonly<Record<string, object>> = {
  reserve: { region: 'us-east' },
  pool: { region: 'us-east' },
  transfer: { region: 'us-east', to: 'eu-west' },
  extend: RESERVATION,
  commit: RESERVATION,
  release: RESERVATION,
  ship: RESERVATION,
  adjust: { region: 'us-east', onHand: undefined, delta: -3 },
  configure: { region: 'us-east', safetyStock: 3 },
  get: { region: 'us-east' },
  getReservation: RESERVATION,
  query: { regions: ['us-east'] },
  list: { region: 'us-east' },
  captureOrder: { region: 'us-east' },
  advanceOrder: { region: 'us-east' },
  getOrder: { region: 'us-east' },
  reserveOrder: { region: 'us-east' },
  commitOrder: { region: 'us-east' },
  releaseOrder: { region: 'us-east' },
  // Waits no longer than an attempt takes.
  takeTasks: { region: 'us-east', waitMs: 900 },
};

async function given(limits = {}): Promise<{ world: RegionsWorld; eu: TestWorker; us: TestWorker }> {
  const world = new RegionsWorld(SEEDS, limits);
  const eu = await world.start('eu-west', 'w1');
  const us = await world.start('us-east', 'w1');
  return { world, eu, us };
}

describe('requests for another region', () => {
  it('given stock there, when it is reserved, extended, committed and shipped through here, then the owner has done each once', async () => {
    const { eu, us } = await given();
    expect(await eu.call(STOCK)).toMatchObject({ ok: true, onHand: 10 });

    const reserved = await eu.call(reserve('r-1', 2));
    expect(reserved).toMatchObject({ ok: true, qty: 2, availableToSell: 8 });
    expect(await eu.call(reserve('r-1', 2))).toMatchObject({ ok: true, replayed: true });
    const { reservationId } = reserved as { reservationId: string };
    expect(await eu.call({ op: 'extend', reservationId, ttlMs: 60_000, requestId: 'e-1' })).toMatchObject({ ok: true });
    expect(await eu.call({ op: 'commit', reservationId, requestId: 'c-1' })).toMatchObject({ state: 'COMMITTED' });
    expect(await eu.call({ op: 'getReservation', reservationId })).toMatchObject({ region: 'us-east', qty: 2 });
    expect(await eu.call({ op: 'ship', reservationId, requestId: 's-1' })).toMatchObject({ onHand: 8 });

    expect(await us.call({ op: 'get', ...SKU })).toMatchObject({ onHand: 8, reserved: 0, allocated: 0 });
    expect(await eu.call(reserve('r-2', 100))).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK' });
    expect(await eu.call({ op: 'list', region: 'us-east' })).toMatchObject({ positions: [{ sku: 'sku-1' }] });
  });

  it('given two workers there, when the one that is asked does not serve the sku, then the answer is the same', async () => {
    const { world, eu } = await given();
    await world.start('us-east', 'w2');
    const skus = Array.from({ length: 32 }, (_, n) => `sku-${n}`);
    for (const sku of skus) {
      expect(await eu.call({ ...STOCK, sku, requestId: `stock-${sku}` })).toMatchObject({ ok: true, onHand: 10 });
    }
    const all = await eu.call({ op: 'query', skus: [...skus, 'nope'], regions: ['eu-west', 'us-east'] });
    expect((all as unknown as { positions: { sku: string }[] }).positions.map(({ sku }) => sku)).toEqual(skus);
    expect(all).toMatchObject({
      unknown: [{ region: 'eu-west' }, ...Array(32).fill({}), { sku: 'nope', region: 'us-east' }],
    });
  });

  it('given an answer that is lost, then the request is sent again, counts once, and its answer arrives', async () => {
    const { world, eu, us } = await given();
    await eu.call(STOCK);
    world.cut('us-east/w1', 'eu-west/w1');
    const asked = eu.ask(reserve('r-1'));
    await world.runtime.advance(200);
    expect(asked.outcome).toBeUndefined();
    expect(await us.call({ op: 'get', ...SKU })).toMatchObject({ reserved: 1 });

    world.heal();
    await world.until(() => asked.outcome !== undefined, 5_000);

    expect(asked.outcome).toMatchObject({ ok: true, replayed: true });
    expect(await us.call({ op: 'get', ...SKU })).toMatchObject({ reserved: 1 });
  });

  it('given nobody there answers, then it is UNAVAILABLE by the deadline, names the region, and may be sent again', async () => {
    const { world, eu, us } = await given();
    await eu.call(STOCK);
    world.kill(us);
    const startedAt = world.runtime.ms;

    const outcome = await eu.call(reserve('r-1'));

    expect(outcome).toMatchObject({ ok: false, code: 'UNAVAILABLE', retriable: true });
    expect((outcome as { message: string }).message).toContain('us-east');
    expect(world.runtime.ms - startedAt).toBeLessThanOrEqual(5_000);
    const us2 = await world.start('us-east', 'w2');
    const open = (): number => us2.worker.report().lanes.reduce((sum, lane) => sum + lane.open, 0);
    await world.until(() => open() === 8, 20_000);
    expect(await eu.call(reserve('r-1'))).toMatchObject({ ok: true, availableToSell: 9 });
    expect(await us2.call({ op: 'get', ...SKU })).toMatchObject({ reserved: 1 });
  });

  it('given a region that nobody knows, then NOT_FOUND lists those that are known', async () => {
    const { eu } = await given();
    const outcome = await eu.call({ ...STOCK, region: 'moon' });
    expect(outcome).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    expect((outcome as { message: string }).message).toMatch(/moon.*eu-west, us-east/);
    expect(eu.regions.grid.info().otherRegions).toEqual(['us-east']);
  });

  it('given a request of another region for a third one, or one that makes no sense, then it is not carried out', async () => {
    const { world, us } = await given();
    const stranger = world.between.join('stranger');
    for (const request of [
      { ...STOCK, region: 'ap-south' },
      { op: 'query', skus: ['a'], regions: ['us-east', 'eu-west'] },
      { op: 'explode' },
      {},
    ]) {
      let answer: unknown = 'none';
      const writer = new MsgpackWriter();
      writer.value(request);
      stranger.call('us-east/w1', MESH_KIND.request, writer.finish(), 1_000, (bytes) => {
        answer = decodeOutcome(bytes as Uint8Array);
      });
      await world.runtime.advance(50);
      expect(answer === undefined || (answer as { code: string }).code === 'BAD_REQUEST').toBe(true);
    }
    expect(await us.call({ op: 'get', ...SKU })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('given more requests than may wait for one region, then the rest are OVERLOADED at once, and it recovers', async () => {
    const { world, eu } = await given({ forwardsMax: 3 });
    await eu.call(STOCK);
    world.cut('eu-west/w1', 'us-east/w1');
    const waiting = [1, 2, 3].map((n) => eu.ask(reserve(`r-${n}`)));
    expect(await eu.call(reserve('r-4'))).toMatchObject({ ok: false, code: 'OVERLOADED', retriable: true });
    world.heal();
    await world.until(() => waiting.every(({ outcome }) => outcome !== undefined), 6_000);
    expect(await eu.call(reserve('r-4'))).toMatchObject({ ok: true });
  });

  it('given a region that has stopped answering, then one request tries and the others are refused at once', async () => {
    const { world, eu, us } = await given();
    await eu.call(STOCK);
    world.cut('eu-west/w1', 'us-east/w1');
    await eu.call(reserve('r-1'));

    const trying = eu.ask(reserve('r-2'));
    const startedAt = world.runtime.ms;
    expect(await eu.call(reserve('r-3'))).toMatchObject({ ok: false, code: 'UNAVAILABLE', retriable: true });
    expect(world.runtime.ms).toBe(startedAt);
    expect(trying.outcome).toBeUndefined();

    world.heal();
    await world.until(() => trying.outcome !== undefined, 6_000);
    await eu.call(reserve('r-2'));
    expect(await eu.call(reserve('r-3'))).toMatchObject({ ok: true });
    expect(await us.call({ op: 'get', ...SKU })).toMatchObject({ reserved: 2 });
  });

  it('given an answer from another region, then it is let out to the sockets', async () => {
    const { world, eu } = await given();
    await eu.call(STOCK);
    const before = eu.releases();
    await eu.call(reserve('r-1'));
    await world.runtime.settle();
    expect(eu.releases()).toBeGreaterThan(before);
  });

  it.each(ITEM_OPS)('given any good %s, then the other region gets the request as it was parsed here', async (op) => {
    const { eu, us } = await given();
    const got: ItemRequest[] = [];
    us.worker.grid.submit = (request, respond) => {
      got.push(request);
      respond(failure('TOO_LARGE', 'seen'));
    };
    const fields = Object.entries(OPS[op]).map(([name, { good }]) => [name, good]);
    const wire = { ...Object.fromEntries(fields), ...(op === 'query' ? { regions: ['us-east'] } : {}), ...THERE[op] };
    const optional = Object.entries(OPS[op]).filter(([, { required }]) => required !== true);
    const bare = Object.fromEntries(
      Object.entries(wire).filter(([name]) => !optional.some(([other]) => other === name)),
    );
    for (const request of [wire, { ...bare, ...THERE[op] }]) {
      const { request: parsed } = parseRequest({ id: 1, op, ...request });
      expect(await eu.call({ op, ...request })).toMatchObject({ message: 'seen' });
      expect(got.at(-1)).toEqual(op === 'query' ? { ...parsed, regions: ['us-east'] } : parsed);
    }
    expect(got.length).toBe(2);
  });
});
