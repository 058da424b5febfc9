// The values that another implementation of the partition function must give, and that ours must give for ever.
import { expect, test } from 'vitest';
import { PARTITION_HASH, partitionOf } from './partitions.ts';

test('given skus of one to four bytes a character, then their partitions are these, and never change', () => {
  expect(PARTITION_HASH).toBe('fnv1a32-fmix32');
  const skus = ['a', 'sku-1', 'SKU-000001', 'MUG-STONEWARE-BLUE', 'é', '漢', '😀', 'x'.repeat(64)];
  expect(skus.map((sku) => [sku.slice(0, 20), partitionOf(sku, 128), partitionOf(sku, 2 ** 30)])).toEqual([
    ['a', 51, 444641715],
    ['sku-1', 15, 562258447],
    ['SKU-000001', 47, 801239727],
    ['MUG-STONEWARE-BLUE', 65, 572452801],
    ['é', 71, 239556295],
    ['漢', 73, 910494665],
    ['😀', 10, 855877642],
    ['xxxxxxxxxxxxxxxxxxxx', 51, 37010099],
  ]);
});
