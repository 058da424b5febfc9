// What answers of the grid mean to whoever sources: which positions refused, and what says nothing about positions.
import { expect, test } from 'vitest';
import { type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';
import { QUERY_SKUS_MAX } from '../../protocol/index.ts';
import { gridOverClient } from './grid-client.ts';

const LINE = { lineId: '0.0', sku: 'mug', region: 'us-east', node: 'newark', qty: 2 };
const NODE = {
  node: 'newark',
  onHand: 0,
  reserved: 0,
  allocated: 0,
  safetyStock: 0,
  backorderLimit: 0,
  availableToSell: 0,
};

const reserveAgainst = (answer: () => Promise<unknown>) =>
  gridOverClient({ region: 'us-east', reserveOrder: answer } as unknown as HoldfastClient).reserveOrder('o-1', [LINE], {
    taskId: 'o-1/source#1',
    policy: 'all',
    requestId: 'r',
  });

const failing = (...given: ConstructorParameters<typeof HoldfastError>) =>
  reserveAgainst(async () => {
    throw new HoldfastError(...given);
  });

test('lines that are had come with their position and reservation, and what is missing of them is left out', async () => {
  const line = { lineId: '0.0', ok: true, qty: 1, reservations: [{ reservationId: '7.1.us-east/mug' }] };
  const other = { lineId: '0.1', ok: false, code: 'INSUFFICIENT_STOCK' };
  expect(await reserveAgainst(async () => ({ lines: [line, other] }))).toEqual({
    ok: true,
    lines: [{ ...LINE, qty: 1, reservationId: '7.1.us-east/mug' }],
  });
});

test('lines that are refused are named', async () => {
  const lines = [{ lineId: '0.0', code: 'INSUFFICIENT_STOCK', message: '2 asked, 1 there' }] as const;
  expect(await failing('INSUFFICIENT_STOCK', 'line 0.0', { outcome: 'refused', lines })).toEqual({
    ok: false,
    refused: [{ lineId: '0.0', code: 'INSUFFICIENT_STOCK' }],
  });
});

test('an attempt that was given up before it was answered says nothing about stock', async () => {
  expect(await failing('RESERVATION_ENDED', 'given up', { outcome: 'refused' })).toEqual({ ok: false, refused: [] });
});

test.each([
  ['a request that is wrong', 'BAD_REQUEST', { outcome: 'refused' }],
  ['a grid that does not answer', 'UNAVAILABLE', { outcome: 'unknown', retriable: true }],
] as const)('%s is thrown: no position is left out for it', async (_, code, details) => {
  await expect(failing(code, 'no', details)).rejects.toMatchObject({ code });
});

test('what can be sent is what is on hand and free, through the channel of the order, and not what may be sold beyond it', async () => {
  // Ten on hand, of which two are held and one is kept; five may be sold that are not there. Four are set aside for web, three of them unused.
  const view = {
    sku: 'mug',
    availableToSell: 9,
    channelBuffers: { web: 4 },
    channelAvailable: { web: 12 },
    nodes: [
      { ...NODE, onHand: 10, reserved: 1, allocated: 1, safetyStock: 1, backorderLimit: 5, availableToSell: 12 },
      { ...NODE, node: 'chicago', onHand: 0, reserved: 2, backorderLimit: 5, availableToSell: 3 },
    ],
  };
  const asked = async (positions: unknown[], buyer?: { channel: string | undefined }) => {
    const client = { region: 'us-east', query: async () => ({ positions }) } as unknown as HoldfastClient;
    const stock = await gridOverClient(client).stockOf(['mug'], ['us-east'], buyer);
    return [stock('us-east', 'mug', 'newark'), stock('us-east', 'mug', 'chicago')];
  };
  const scarce = { ...view, availableToSell: 2, channelAvailable: { web: 5 } };
  expect(await asked([view], { channel: undefined })).toEqual([7, 0]);
  expect(await asked([scarce], { channel: undefined })).toEqual([2, 0]);
  expect(await asked([scarce], { channel: 'shop' })).toEqual([2, 0]);
  expect(await asked([scarce], { channel: 'web' })).toEqual([5, 0]);
  expect(await asked([scarce])).toEqual([7, 0]);
});

test('what an order reserves is sold through its channel', async () => {
  const asked: unknown[] = [];
  const reserveOrder = async (body: unknown) => {
    asked.push(body);
    return { lines: [] };
  };
  const client = { region: 'us-east', reserveOrder };
  const grid = gridOverClient(client as unknown as HoldfastClient);
  const call = { taskId: 'o-1/source#1', policy: 'all', requestId: 'r' } as const;
  await grid.reserveOrder('o-1', [LINE], { ...call, channel: 'web' });
  await grid.reserveOrder('o-1', [LINE], { ...call, channel: undefined });
  expect(asked).toMatchObject([{ channel: 'web' }, {}]);
  expect(asked[1]).not.toHaveProperty('channel');
});

test('the stock of more SKUs than one query takes is asked for in several', async () => {
  const skus = Array.from({ length: QUERY_SKUS_MAX + 2 }, (_, n) => `sku-${n}`);
  const asked: number[] = [];
  const query = async (request: { skus: readonly string[] }) => {
    asked.push(request.skus.length);
    return { positions: request.skus.map((sku) => ({ sku, availableToSell: 3, nodes: [{ ...NODE, onHand: 3 }] })) };
  };
  const stock = await gridOverClient({ region: 'us-east', query } as unknown as HoldfastClient).stockOf(skus, [
    'us-east',
  ]);
  expect(asked).toEqual([QUERY_SKUS_MAX, 2]);
  expect([stock('us-east', skus.at(-1) ?? '', 'newark'), stock('us-east', 'other', 'newark')]).toEqual([3, 0]);
});
