// Purchase orders as buyers send them: which of them are to be sent now, what they are called, when they are wanted, and what a unit costs.
import { describe, expect, test } from 'vitest';
import { type Item, readX12, type Terms } from '../items.ts';
import { interchange850, set850, TERMS } from '../testing/orders.ts';
import { readSegments } from './segments.ts';

async function itemsOf(text: string, terms: Partial<Terms> = {}): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of readX12(text, { ...TERMS, ...terms }).items()) items.push(item);
  return items;
}

function answerTo(text: string): string[] {
  const [answer] = readX12(text, TERMS).acknowledgements();
  return readSegments(answer?.(9, TERMS.now) ?? '').map(({ tag, elements }) => [tag, ...elements].join('*'));
}

/** One order changed as text. */
const changed = (from: string | RegExp, to: string): string => interchange850([set850('A')]).replace(from, to);

/** One order that segments were put in before its first N1: its count of segments grows. */
function withDates(...dates: string[]): string {
  const text = changed('DTM*002*20261130~', dates.map((date) => `DTM*${date}~`).join('\n'));
  return text.replace('SE*12', `SE*${11 + dates.length}`);
}

describe('an interchange that is marked as a test', () => {
  const tried = changed('*0*P*>', '*0*T*>');

  test('given an order in it, then it is told as a test and acknowledged as one, and not taken', async () => {
    expect(await itemsOf(tried)).toMatchObject([
      { row: 3, orderId: 'A', errors: [{ field: 'ISA15', reason: expect.stringMatching(/a test/) }] },
    ]);
    const answer = answerTo(tried);
    expect(answer[0]).toMatch(/\*T\*>$/);
    expect(answer).toContain('AK9*A*1*1*1');
  });

  test('given an order with an error, then that is told, too', async () => {
    const text = tried.replace('10007', '99999');
    expect(await itemsOf(text)).toMatchObject([{ errors: [{ field: 'N403' }] }]);
    expect(answerTo(text)).toContain('AK9*R*1*1*0');
  });

  test('given that tests are taken, then it is an order', async () => {
    expect(await itemsOf(tried, { takesTests: true })).toMatchObject([{ order: { orderId: 'A' } }]);
  });

  test('given neither production nor a test, then it is refused', () => {
    expect(() => readX12(changed('*0*P*>', '*0*X*>'), TERMS)).toThrow(/ISA15|production/);
  });
});

describe('what an 850 is for', () => {
  test.each(['SA', 'NE', 'DS', 'RO', 'KN'])('given a new order (%s), then it is taken', async (type) => {
    expect(await itemsOf(changed('BEG*00*SA', `BEG*00*${type}`))).toMatchObject([{ order: { orderId: 'A' } }]);
  });

  test.each<[string, string, string, RegExp]>([
    ['a blanket order', '00*BK', 'BEG02', /"BK": it is a blanket order/],
    ['a confirmation', '00*CF', 'BEG02', /"CF": it confirms/],
    ['a copy for information', '00*IN', 'BEG02', /"IN": it is a copy/],
    ['a type that nobody knows', '00*QQ', 'BEG02', /cannot be "QQ"/],
    ['no type', '00*', 'BEG02', /cannot be ""/],
    ['a cancellation', '01*SA', 'BEG01', /"01": it is a cancellation/],
    ['a change', '04*SA', 'BEG01', /"04": it is a change/],
    ['a replacement', '05*SA', 'BEG01', /"05": it replaces/],
    ['a confirmation by its purpose', '06*SA', 'BEG01', /"06": it confirms/],
    ['a duplicate', '07*SA', 'BEG01', /"07": it is a copy/],
    ['a release without its number', '00*RL', 'BEG04', /is missing/],
  ])('given %s, then it is refused for what it is, and others of the file are taken', async (_, beg, field, reason) => {
    const text = interchange850([set850('A'), set850('B')]).replace('BEG*00*SA*A', `BEG*${beg}*A`);
    expect(await itemsOf(text)).toMatchObject([
      { orderId: 'A', errors: [{ field, reason: expect.stringMatching(reason) }] },
      { order: { orderId: 'B' } },
    ]);
  });

  test('given releases of one blanket order, then each is an order, with its numbers kept for what is sent back', async () => {
    const text = interchange850([set850('B-1'), set850('B-1')])
      .replace('BEG*00*SA*B-1*', 'BEG*00*RL*B-1*1')
      .replace('BEG*00*SA*B-1*', 'BEG*00*RL*B-1*2');
    expect(await itemsOf(text)).toMatchObject([
      { order: { orderId: 'B-1:1', attributes: { purchaseOrder: 'B-1', release: '1' } } },
      { order: { orderId: 'B-1:2', attributes: { purchaseOrder: 'B-1', release: '2' } } },
    ]);
  });
});

describe('who sends it', () => {
  const theirs = changed(/PARTNER {8}/, 'OTHER          ').replace('GS*PO*PARTNER', 'GS*PO*OTHER');

  test('given two partners with the same number of a purchase order, then they are two orders', async () => {
    const partners = ['ZZ.PARTNER', 'ZZ.OTHER'];
    expect(await itemsOf(changed('', ''), { partners })).toMatchObject([
      { order: { orderId: 'ZZ.PARTNER:A', attributes: { purchaseOrder: 'A' } } },
    ]);
    expect(await itemsOf(theirs, { partners: [] })).toMatchObject([{ order: { orderId: 'ZZ.OTHER:A' } }]);
  });

  test('given a hub that passes on what others send, then they are told apart', async () => {
    const text = changed('GS*PO*PARTNER', 'GS*PO*STORE 1');
    expect(await itemsOf(text, { partners: [] })).toMatchObject([{ order: { orderId: 'ZZ.PARTNER.STORE%201:A' } }]);
  });

  test('given a sender who is no partner, then nothing of it is taken, and nothing answered', async () => {
    expect(await itemsOf(theirs)).toMatchObject([
      { row: 1, errors: [{ field: 'ISA06', reason: expect.stringMatching(/ZZ\.OTHER is no partner/) }] },
    ]);
    expect(readX12(theirs, TERMS).acknowledgements()).toEqual([]);
  });
});

describe('when it is wanted', () => {
  const end = (day: string): number => Date.parse(`${day}T23:59:59Z`);

  test.each([
    ['the day asked for', ['002*20261130'], '2026-11-30'],
    ['the last day', ['063*20261130'], '2026-11-30'],
    ['the day asked for before the last', ['063*20261202', '002*20261130'], '2026-11-30'],
    ['and in the other order', ['002*20261130', '063*20261202'], '2026-11-30'],
    ['the last day where the day asked for is later', ['002*20261205', '063*20261202'], '2026-12-02'],
  ])('given %s, then it is the promise', async (_, dates, day) => {
    expect(await itemsOf(withDates(...dates))).toMatchObject([{ order: { promisedAt: end(day) } }]);
  });

  test('given dates that nothing here waits for, then they are kept with the order, and told as not kept to', async () => {
    const [item] = await itemsOf(
      withDates('001*20261220', '010*20261205', '037*20261201', '064*20261203', '118*20261202'),
    );
    expect(item).toMatchObject({
      order: {
        attributes: {
          cancelAfter: '2026-12-20T23:59:59.000Z',
          shipRequested: '2026-12-05T00:00:00.000Z',
          shipNotBefore: '2026-12-01T00:00:00.000Z',
          deliverNotBefore: '2026-12-03T00:00:00.000Z',
        },
      },
      remarks: [
        { row: 7, field: 'DTM02', reason: expect.stringMatching(/^to be cancelled after 2026-12-20/) },
        { row: 8, reason: expect.stringMatching(/^asked to be shipped on 2026-12-05/) },
        { row: 9, reason: expect.stringMatching(/^not to be shipped before 2026-12-01/) },
        { row: 10, reason: expect.stringMatching(/^not to be delivered before 2026-12-03/) },
        { row: 11, reason: expect.stringMatching(/kind 118/) },
      ],
    });
    expect((item as { order: object }).order).not.toHaveProperty('promisedAt');
  });

  test('given a day from which on it may be shipped that is past, then nothing is left to be told', async () => {
    const [item] = await itemsOf(withDates('037*20261120', '004*20261101'));
    expect(item).not.toHaveProperty('remarks');
  });

  test.each(['001', '063'])(
    'given that it was to be given up after a day that is past (%s), then it is refused',
    async (kind) => {
      expect(await itemsOf(withDates(`${kind}*20261120`))).toMatchObject([
        { errors: [{ row: 7, field: 'DTM02', reason: expect.stringMatching(/is over/) }] },
      ]);
    },
  );

  test('given a date that there is not, then it is refused', async () => {
    expect(await itemsOf(withDates('002*20260230'))).toMatchObject([{ errors: [{ field: 'DTM02' }] }]);
  });
});

describe('what a unit costs', () => {
  const ofPrice = (price: string, currency = 'USD') =>
    changed('*12.5**SK', `*${price}*SK`).replace('CUR*BY*USD', `CUR*BY*${currency}`);

  test.each([
    ['12.5*', 'USD', 1_250],
    ['12.5*PE', 'USD', 1_250],
    ['12.5000*', 'USD', 1_250],
    ['1250*HP', 'USD', 1_250],
    ['12500*TP', 'USD', 1_250],
    ['120*PD', 'USD', 1_000],
    ['5*NC', 'USD', 0],
    ['1250*', 'JPY', 1_250],
    ['1250.00*', 'JPY', 1_250],
    ['1.25*', 'KWD', 1_250],
  ])('given %s in %s, then it is %i minor units', async (price, currency, value) => {
    const [item] = await itemsOf(ofPrice(price, currency));
    expect(item).toMatchObject({ order: { currency, lines: [{ value }] } });
    expect(item).not.toHaveProperty('remarks');
  });

  test.each([
    ['12.50*HP', 'USD', 13],
    ['0.125*PE', 'USD', 13],
    ['12.5*', 'JPY', 13],
  ])(
    'given %s in %s, of which a unit is no whole number of minor units, then it is rounded, and told',
    async (price, currency, value) => {
      expect(await itemsOf(ofPrice(price, currency))).toMatchObject([
        {
          order: { lines: [{ value }] },
          remarks: [{ field: 'PO104', reason: expect.stringMatching(/is rounded to 13/) }],
        },
      ]);
    },
  );

  test.each([
    ['12.5*PP', 'PO105', /cannot be "PP"/],
    ['12,5*', 'PO104', /cannot be "12,5"/],
    ['.*', 'PO104', /cannot be "\."/],
  ])('given a price of %s, then it is refused', async (price, field, reason) => {
    expect(await itemsOf(ofPrice(price))).toMatchObject([
      { errors: [{ field, reason: expect.stringMatching(reason) }] },
    ]);
  });

  test('given units with a point and noughts, as a system of fixed decimals writes them, then they are whole', async () => {
    expect(await itemsOf(changed('*2*EA', '*2.000*EA'))).toMatchObject([{ order: { lines: [{ qty: 2 }] } }]);
    expect(await itemsOf(changed('*2*EA', '*2.500*EA'))).toMatchObject([{ errors: [{ field: 'PO102' }] }]);
  });
});
