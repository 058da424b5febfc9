// Inventory advice as senders write it: whose number a SKU is, which ship node is counted, when, and what the 997 says of what was taken.
import { describe, expect, test } from 'vitest';
import { type Item, readX12 } from '../items.ts';
import { AT, PARTNER, TERMS, US } from '../testing/orders.ts';
import { type SetToWrite, writeInterchange } from './envelope.ts';
import { readSegments } from './segments.ts';

type Segments = SetToWrite['segments'];

const BIA = ['BIA', '00', 'DD', 'count-1', '20261124', '1100'] as const;
const WH = (node: string) => ['N1', 'WH', '', '92', node] as const;
const LIN = (sku: string) => ['LIN', '', 'SK', sku] as const;
const QTY = (units: string) => ['QTY', '17', units, 'EA'] as const;

function file(...sets: Segments[]): string {
  const sent = sets.map((segments) => ({ id: '846', segments }));
  return writeInterchange({
    sender: PARTNER,
    receiver: US,
    control: 7,
    at: AT,
    test: false,
    functionalId: 'IB',
    sets: sent,
  });
}

async function itemsOf(text: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of readX12(text, TERMS).items()) items.push(item);
  return items;
}

/** `node sku units`, or the first thing that is wrong. */
async function counts(...sets: Segments[]): Promise<string[]> {
  return (await itemsOf(file(...sets))).map((item) => {
    if ('advice' in item) return `${item.advice.node} ${item.advice.sku} ${item.advice.onHand}`;
    return 'errors' in item ? `${item.errors[0]?.row} ${item.errors[0]?.field}: ${item.errors[0]?.reason}` : '';
  });
}

function answerTo(text: string): string[] {
  const [answer] = readX12(text, TERMS).acknowledgements();
  const segments = readSegments(answer?.(9, AT) ?? '').map(({ tag, elements }) => [tag, ...elements].join('*'));
  return segments.filter((segment) => segment.startsWith('AK'));
}

describe('whose number a SKU is', () => {
  test('given a bar code before the SKU, then the SKU is taken', async () => {
    expect(
      await counts([BIA, WH('n'), ['LIN', '1', 'UP', '012345678905', 'VP', 'V-1', 'SK', 'MUG'], QTY('5')]),
    ).toEqual(['n MUG 5']);
  });

  test('given numbers of the vendor and of the buyer, then that of the vendor is taken, as of a line of an 850', async () => {
    expect(await counts([BIA, WH('n'), ['LIN', '1', 'BP', 'B-1', 'VP', 'V-1'], QTY('5')])).toEqual(['n V-1 5']);
  });
});

describe('which ship node is counted', () => {
  test('given one before the lines, then it is that of all', async () => {
    expect(await counts([BIA, WH('n'), LIN('A'), QTY('5'), LIN('B'), QTY('6')])).toEqual(['n A 5', 'n B 6']);
  });

  test('given one in each line, before its count or after, then each is counted where it is', async () => {
    expect(await counts([BIA, LIN('A'), WH('n'), QTY('5'), LIN('B'), QTY('6'), WH('m')])).toEqual(['n A 5', 'm B 6']);
  });

  test('given several in one line, each with its count, then there are as many counts', async () => {
    expect(await counts([BIA, LIN('A'), WH('n'), QTY('5'), WH('m'), QTY('6')])).toEqual(['n A 5', 'm A 6']);
  });

  test('given a second one among lines of the first, then nothing is taken, since its lines cannot be told', async () => {
    expect(await counts([BIA, WH('n'), LIN('A'), QTY('5'), WH('m'), LIN('B'), QTY('6')])).toEqual([
      '8 N1: a second ship node, and which lines are counted there cannot be told',
    ]);
    expect(await counts([BIA, WH('n'), WH('m'), LIN('A'), QTY('5')])).toEqual([
      expect.stringMatching(/^6 N1: a second/),
    ]);
  });

  test('given a line without one, where the others have theirs, then it is refused alone', async () => {
    expect(await counts([BIA, LIN('A'), WH('n'), QTY('5'), LIN('B'), QTY('6')])).toEqual([
      'n A 5',
      expect.stringMatching(/^8 N1: there is no N1\*WH/),
    ]);
  });
});

describe('several counts of one position', () => {
  test('given two in one set, then neither is taken, and both rows say so', async () => {
    expect(await counts([BIA, WH('n'), LIN('A'), QTY('5'), LIN('A'), QTY('6'), LIN('B'), QTY('7')])).toEqual([
      '6 LIN: "A" at "n" is counted 2 times (rows 8 too)',
      '8 LIN: "A" at "n" is counted 2 times (rows 6 too)',
      'n B 7',
    ]);
  });

  test('given two sets, then the newer is taken, wherever it stands', async () => {
    const at = (time: string, units: string): Segments => [
      ['BIA', '00', 'DD', 'c', '20261124', time],
      WH('n'),
      LIN('A'),
      QTY(units),
    ];
    expect(await counts(at('1100', '5'), at('1000', '4'))).toEqual([
      'n A 5',
      '12 LIN: row 6 of this file has a newer count of the same',
    ]);
    expect(await counts(at('1000', '4'), at('1100', '5'))).toEqual([expect.stringMatching(/^6 LIN: row 12/), 'n A 5']);
    expect(await counts(at('1000', '4'), at('1000', '5'))).toEqual([expect.stringMatching(/^6 LIN: row 12/), 'n A 5']);
  });
});

describe('when it was counted', () => {
  const of = (...date: string[]): Segments => [['BIA', '00', 'DD', 'c', ...date], WH('n'), LIN('A'), QTY('5')];
  const countedAt = async (...date: string[]) => {
    const [item] = await itemsOf(file(of(...date)));
    return item !== undefined && 'countedAt' in item ? new Date(item.countedAt).toISOString() : item;
  };

  test('given a time, then it is that; given its day alone, then when the group was written, or that day ended', async () => {
    expect(await countedAt('20261124', '1100')).toBe('2026-11-24T11:00:00.000Z');
    expect(await countedAt('20261124')).toBe('2026-11-24T12:00:00.000Z');
    expect(await countedAt('20261123')).toBe('2026-11-23T23:59:59.000Z');
    expect(await countedAt('20271124')).toBe('2026-11-24T12:00:00.000Z');
  });

  test.each<[string, Segments, RegExp]>([
    ['no BIA', [WH('n'), LIN('A'), QTY('5')], /BIA: there is no BIA/],
    ['no day', of(), /BIA04: cannot be ""/],
    ['a day that there is not', of('20261131'), /BIA04: cannot be "20261131"/],
    ['a time to come', of('20271124', '1100'), /BIA04: 2027-11-24T11:00:00.000Z is still to come/],
    ['a cancellation', [['BIA', '01', 'DD', 'c', '20261124'], WH('n'), LIN('A'), QTY('5')], /BIA01: cannot be "01"/],
  ])('given %s, then nothing is taken', async (_, segments, reason) => {
    expect(await counts(segments)).toEqual([expect.stringMatching(reason)]);
  });
});

describe('what the 997 says', () => {
  const good: Segments = [BIA, WH('n'), LIN('A'), QTY('5')];

  test('given all lines good, then accepted', () => {
    expect(answerTo(file(good)).slice(-2)).toEqual(['AK5*A', 'AK9*A*1*1*1']);
  });

  test('given some lines good, then accepted with errors, and where they are', () => {
    expect(answerTo(file([...good, LIN('B'), QTY('-1')]))).toEqual([
      'AK1*IB*7',
      'AK2*846*0001',
      'AK3*QTY*7**8',
      'AK4*2**7*-1',
      'AK5*E*5',
      'AK9*E*1*1*1',
    ]);
  });

  test('given no line good, then rejected; beside a good set, accepted in part', () => {
    const bad: Segments = [BIA, WH('n'), LIN('B'), QTY('-1')];
    expect(answerTo(file(bad)).slice(-2)).toEqual(['AK5*R*5', 'AK9*R*1*1*0']);
    expect(answerTo(file(bad, good)).slice(-1)).toEqual(['AK9*P*2*2*1']);
    expect(answerTo(file([BIA, LIN('A'), QTY('5')]))).toContain('AK3*N1*5**3');
    expect(answerTo(file([...good, ['ZZZ', '1']]))).toContain('AK3*ZZZ*6**1');
  });
});
