// What answers of the grid mean to whoever sources: which positions refused, and what says nothing about positions.
import { expect, test } from 'vitest';
import { type HoldfastClient, HoldfastError } from '../../protocol/client/index.ts';
import { QUERY_SKUS_MAX } from '../../protocol/index.ts';
import { gridOverClient } from './grid-client.ts';

const LINE = { lineId: '0.0', sku: 'mug', region: 'us-east', node: 'newark', qty: 2 };

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

test('the stock of more SKUs than one query takes is asked for in several', async () => {
  const skus = Array.from({ length: QUERY_SKUS_MAX + 2 }, (_, n) => `sku-${n}`);
  const asked: number[] = [];
  const query = async (request: { skus: readonly string[] }) => {
    asked.push(request.skus.length);
    return { positions: request.skus.map((sku) => ({ sku, nodes: [{ node: 'newark', availableToSell: 3 }] })) };
  };
  const stock = await gridOverClient({ region: 'us-east', query } as unknown as HoldfastClient).stockOf(skus, [
    'us-east',
  ]);
  expect(asked).toEqual([QUERY_SKUS_MAX, 2]);
  expect([stock('us-east', skus.at(-1) ?? '', 'newark'), stock('us-east', 'other', 'newark')]).toEqual([3, 0]);
});
