// What a line of the order file means, by example, and that the plan, the driver's rules and the independent
// recomputation agree on random files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REGION_OF_COUNTRY } from './countries.ts';
import { deedOf, type RawLine } from './lines.ts';
import { planReplay, positionKey } from './plan.ts';
import { readOrderLines } from './read-orders.ts';
import { recompute } from './recompute.ts';
import { describeUndated } from './report.ts';

const LINE: RawLine = {
  line: 2,
  InvoiceNo: '536365',
  StockCode: '85123A',
  Quantity: '6',
  InvoiceDate: '2010-12-01T08:26',
  CustomerID: '17850',
  Country: 'United Kingdom',
};

describe('deedOf', () => {
  test('given an order line, then it is an order at the region of its country', () => {
    expect(deedOf(LINE)).toEqual({
      line: 2,
      kind: 'order',
      sku: '85123A',
      region: 'eu-west',
      qty: 6,
      invoice: '536365',
      customer: '17850',
      at: Date.UTC(2010, 11, 1, 8, 26),
    });
  });

  test('given a line of a C invoice, then its units come back', () => {
    expect(deedOf({ ...LINE, InvoiceNo: 'C536379', Quantity: '-3' })).toMatchObject({ kind: 'return', qty: 3 });
  });

  test('given a negative line of another invoice, then its units are written off', () => {
    expect(deedOf({ ...LINE, Quantity: '-19', CustomerID: '' })).toMatchObject({
      kind: 'writeOff',
      qty: 19,
      customer: undefined,
    });
  });

  test.each(['POST', 'DOT', 'M', 'm', 'D', 'S', 'C2', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'gift_0001_20'])(
    'given the code %s, then it is no stock',
    (StockCode) => {
      expect(deedOf({ ...LINE, StockCode })).toBe('nonStock');
    },
  );

  test.each([
    ['85123a', '85123A'],
    [' 22086 ', '22086'],
    ['DCGS 0003', 'DCGS_0003'],
    ['PADS', 'PADS'],
    ['ä1', 'Ä1'],
  ])('given the code %s, then the SKU is %s', (StockCode, sku) => {
    expect(deedOf({ ...LINE, StockCode })).toMatchObject({ sku });
  });

  test.each([
    ['no quantity', { Quantity: '' }],
    ['quantity 0', { Quantity: '0' }],
    ['words', { Quantity: 'six' }],
    ['too many', { Quantity: String(2 ** 31) }],
    ['no code', { StockCode: '' }],
    ['a code too long', { StockCode: 'X'.repeat(65) }],
    ['a code with an invisible character', { StockCode: 'A\u200b1' }],
  ])('given %s, then the line is unreadable', (_, change) => {
    expect(deedOf({ ...LINE, ...change })).toBe('unreadable');
  });

  test.each([
    ['2010-12-01T08:26', 8, 26, 0],
    ['2010-12-01 08:26:07', 8, 26, 7],
    ['12/1/2010 8:26', 8, 26, 0],
    ['12/01/2010 23:59:59', 23, 59, 59],
  ])('given the date %s, then it is read as UTC', (InvoiceDate, hour, minute, second) => {
    expect(deedOf({ ...LINE, InvoiceDate })).toMatchObject({ at: Date.UTC(2010, 11, 1, hour, minute, second) });
  });

  test.each([
    '',
    '2010-12-01',
    '2010-12-01T08:26Z',
    '13/1/2010 8:26',
    '2/30/2010 8:26',
    '12/1/2010 24:00',
    'Dec 1 2010',
  ])('given the date "%s", then the line is undated, and the plan names it', async (InvoiceDate) => {
    const plan = await planReplay(
      (async function* () {
        yield { ...LINE, InvoiceDate };
      })(),
    );

    expect(plan.counts).toMatchObject({ order: 0, undated: 1 });
    expect(describeUndated(plan)).toEqual([expect.stringMatching(/^line 2: .*YYYY-MM-DD.*M\/D\/YYYY/)]);
  });

  test.each([
    ['EIRE', 'eu-west'],
    ['Unspecified', 'eu-west'],
    ['RSA', 'eu-west'],
    ['USA', 'us-east'],
    ['Australia', 'us-east'],
    ['Atlantis', 'us-east'],
  ])('given %s, then %s serves it', (Country, region) => {
    expect(deedOf({ ...LINE, Country })).toMatchObject({ region });
  });
});

describe('the recomputation', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-replay-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const lines = fc.array(
    fc.record({
      invoice: fc.constantFrom('536365', 'C536366', 'A563185'),
      code: fc.constantFrom('85123A', '85123a', '22086', 'POST', 'BANK CHARGES', '"quoted, code"', ''),
      quantity: fc.integer({ min: -20, max: 40 }),
      date: fc.constantFrom('2010-12-01T08:26', '2010-12-01 08:26', '12/1/2010 8:26', '1 Dec 2010 8:26', '2010-12-01'),
      country: fc.constantFrom(...Object.keys(REGION_OF_COUNTRY), 'Atlantis'),
    }),
    { maxLength: 60 },
  );

  test('agrees with a step-by-step execution of the deeds, whatever the file and the stock', async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.option(fc.nat(30), { nil: undefined }), async (rows, limit) => {
        const file = join(directory, 'orders.csv');
        const body = rows.map((r) => `${r.invoice},${r.code},${r.quantity},${r.date},2.55,17850,${r.country}`);
        await writeFile(
          file,
          ['InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country', ...body, ''].join('\r\n'),
        );
        const plan = await planReplay(readOrderLines(file));
        const stock = new Map([...plan.outgoing].map(([key, units]) => [key, limit ?? units]));

        const onHand = new Map(stock);
        let stockOuts = 0;
        for await (const raw of readOrderLines(file)) {
          const deed = deedOf(raw);
          if (typeof deed === 'string') continue;
          const key = positionKey(deed.sku, deed.region);
          const here = onHand.get(key) ?? 0;
          if (deed.kind === 'return') onHand.set(key, here + deed.qty);
          else if (deed.qty <= here) onHand.set(key, here - deed.qty);
          else if (deed.kind === 'order') stockOuts += 1;
        }
        const expected = await recompute(file, stock);

        expect(new Map([...expected].map(([key, position]) => [key, position.onHand]))).toEqual(onHand);
        expect([...expected.values()].reduce((sum, position) => sum + position.stockOuts, 0)).toBe(stockOuts);
        if (limit === undefined) expect(stockOuts).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
