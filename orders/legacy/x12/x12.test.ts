// X12 read and written: envelopes, orders, counts and acknowledgements; and that readers throw FileRefused or nothing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FileRefused } from '../errors.ts';
import { type Item, readX12 } from '../items.ts';
import { AT, interchange850, PARTNER, set850, TERMS, US } from '../testing/orders.ts';
import { readInterchanges, type SetToWrite, writeInterchange } from './envelope.ts';
import { read846, write846 } from './inventory-846.ts';
import { freeText, readSegments, Unwritable, writeSegment } from './segments.ts';
import { write856 } from './ship-notice-856.ts';

async function itemsOf(text: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of readX12(text, TERMS).items()) items.push(item);
  return items;
}

const COUNTED = { writtenAt: { date: '20261124', time: '1200' }, now: AT };

/** The segments of the answer, as texts. */
function answerTo(text: string): string[] {
  const [answer] = readX12(text, TERMS).acknowledgements();
  return readSegments(answer?.(9, AT) ?? '').map(({ tag, elements }) => [tag, ...elements].join('*'));
}

/** The first set changed as text. */
function changed(from: string | RegExp, to: string): string {
  return interchange850([set850('A')]).replace(from, to);
}

describe('an 850', () => {
  test('given a whole one, then it is an order', async () => {
    const items = await itemsOf(
      interchange850([
        set850('A', [
          ['MUG', '2'],
          ['TEAPOT', '1'],
        ]),
      ]),
    );
    expect(items).toEqual([
      {
        row: 3,
        orderId: 'A',
        order: {
          orderId: 'A',
          lines: [
            { lineId: '1', sku: 'MUG', qty: 2, value: 1_250 },
            { lineId: '2', sku: 'TEAPOT', qty: 1, value: 1_250 },
          ],
          destination: {
            latitude: 40.71,
            longitude: -74.01,
            postalCode: '10007',
            country: 'US',
            city: 'New York, NY',
            street: '1 Broadway, Floor 2',
            recipient: 'Ada Lovelace',
          },
          currency: 'USD',
          customer: 'C-17',
          promisedAt: Date.parse('2026-11-30T23:59:59Z'),
        },
      },
    ]);
  });

  test.each<[string, string | RegExp, string, string, RegExp, string]>([
    ['no units', '*2*EA', '*0*EA', 'PO102', /cannot be "0"/, 'AK4*2**7*0'],
    ['a unit that is no each', '*EA*', '*CA*', 'PO103', /cannot be "CA"/, 'AK4*3**7*CA'],
    ['a change', 'BEG*00', 'BEG*05', 'BEG01', /cannot be "05"/, 'AK4*1**7*05'],
    ['a code that nobody knows', '10007', '99999', 'N403', /nobody knows/, 'AK4*3**7*99999'],
    ['another number of lines', 'CTT*1', 'CTT*2', 'CTT01', /there are 1/, 'AK4*1**7*2'],
    ['a segment that may change the order', 'REF*DP*17', 'SDQ*EA*92*X*1', 'SDQ', /not understood/, 'AK3*SDQ*4**1'],
    ['no place to ship to', 'N1*ST', 'N1*SF', 'N1', /no N1\*ST/, 'AK3*N1*12**3'],
    ['no number of a product', 'SK*MUG', 'XX*MUG', 'PO106', /no number/, 'AK4*6**7*XX'],
  ])('given %s, then segment and element are named, and the 997 says so', async (_, from, to, field, reason, note) => {
    const text = changed(from, to);
    const [item] = await itemsOf(text);
    expect(item).toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ field, reason: expect.stringMatching(reason) })]),
    });
    const answer = answerTo(text);
    expect(answer).toContain(note);
    expect(answer).toContain('AK5*R*5');
    expect(answer).toContain('AK9*R*1*1*0');
  });

  test('given two, one of them broken, then the other is taken, and the 997 says which', async () => {
    const text = interchange850([set850('A'), set850('B')]).replace('SE*12*0002', 'SE*99*0002');
    const items = await itemsOf(text);
    expect(items.map((item) => 'order' in item)).toEqual([true, false]);
    expect(answerTo(text).slice(2, -2)).toEqual([
      'ST*997*0001',
      'AK1*PO*7',
      'AK2*850*0001',
      'AK5*A',
      'AK2*850*0002',
      'AK5*R*4',
      'AK9*P*2*2*1',
      'SE*8*0001',
    ]);
  });

  test('given a group that is closed wrongly, then all of it is refused', async () => {
    const text = interchange850([set850('A')]).replace('GE*1*7', 'GE*2*7');
    expect((await itemsOf(text)).map((item) => 'errors' in item)).toEqual([true]);
    expect(answerTo(text)).toContain('AK9*R*2*1*0*5');
  });

  test('given a set of another kind, or an acknowledgement, then the one is refused and the other not answered', async () => {
    const invoice = interchange850([{ id: '810', segments: [['BIG', '20261124', '1']] }]);
    expect(answerTo(invoice)).toContain('AK5*R*1');
    expect(await itemsOf(invoice)).toMatchObject([{ errors: [{ reason: 'a set 810 is not taken here' }] }]);
    const [answer] = readX12(interchange850([set850('A')]), TERMS).acknowledgements();
    expect(readX12(answer?.(1, AT) ?? '', TERMS).acknowledgements()).toEqual([]);
  });

  test.each<[string, (text: string) => string]>([
    ['blanks after its segments', (text) => text.replaceAll('~\n', '~  \r\n')],
    ['blank lines before it', (text) => `\n\n  ${text}`],
    ['what DOS ended files with', (text) => `${text}\x1a`],
    ['what fills its last record', (text) => `${text}\0\0\0`],
    [
      'control characters for separators',
      (text) => text.replaceAll('*', '\x1d').replaceAll('~\n', '\x1c').replaceAll('>', '\x1f'),
    ],
  ])('given %s, then it is read the same', async (_, change) => {
    const text = interchange850([set850('A')]);
    expect(await itemsOf(change(text))).toEqual(await itemsOf(text));
  });

  test('given other separators and line ends, then it is read the same', async () => {
    const text = interchange850([set850('A')]);
    const other = text.replaceAll('*', '|').replaceAll('~\n', '\r\n').replaceAll('>', ':');
    // The terminator is then the first character of the line's end.
    expect(await itemsOf(other)).toEqual(await itemsOf(text));
  });
});

describe('an interchange', () => {
  test.each<[string, (text: string) => string, RegExp]>([
    ['nothing', () => '', /empty/],
    ['something else', () => 'orderId,sku,qty', /does not begin with an ISA/],
    ['one that was cut off in a segment', (text) => text.slice(0, -30), /missing|within a segment/],
    ['one that was cut off after a segment', (text) => text.slice(0, text.indexOf('GE*')), /GE is missing at the end/],
    [
      'another control number at its end',
      (text) => text.replace('IEA*1*000000007', 'IEA*1*000000008'),
      /ends interchange 000000008/,
    ],
    ['another number of groups', (text) => text.replace('IEA*1', 'IEA*2'), /says that there are 2 groups/],
    ['an ISA of another width', (text) => text.replace('PARTNER  ', 'PARTNER '), /ISA segment are/],
  ])('given %s, then the file is refused', (_, change, reason) => {
    const text = change(interchange850([set850('A')]));
    expect(() => readInterchanges(text)).toThrow(FileRefused);
    expect(() => readInterchanges(text)).toThrow(reason);
  });

  test('given a file with its end cut off anywhere, then nothing of it is taken', () => {
    const text = interchange850([set850('A'), set850('B')]);
    // The last two are the terminator and the line's end; without the line's end it is whole.
    for (let length = 0; length < text.length - 1; length += 1) {
      expect(() => readX12(text.slice(0, length), TERMS)).toThrow(FileRefused);
    }
    expect(() => readX12(text.slice(0, -1), TERMS)).not.toThrow();
  });

  test('given anything at all, then it throws FileRefused or nothing', () => {
    const whole = interchange850([set850('A'), set850('B')]);
    const mutated = fc
      .array(
        fc.record({
          at: fc.nat(whole.length - 1),
          drop: fc.nat(5),
          put: fc.oneof(fc.constantFrom('*', '~', '\n', '>', 'ST', 'ISA', '0'), fc.string({ maxLength: 4 })),
        }),
        { minLength: 1, maxLength: 4 },
      )
      .map((edits) =>
        edits.reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), whole),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.string(),
          fc.string().map((rest) => `${whole.slice(0, 106)}${rest}`),
        ),
        (text) => {
          try {
            const file = readX12(text, TERMS);
            for (const answer of file.acknowledgements()) readInterchanges(answer(1, AT));
          } catch (error) {
            if (!(error instanceof FileRefused)) throw error;
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

const ELEMENT = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0x7e })
    .filter((code) => !'*>^~'.includes(String.fromCharCode(code)))
    .map((code) => String.fromCharCode(code)),
  maxLength: 20,
});

describe('what is written', () => {
  test('given any sets, then they are read as they were written', () => {
    const tag = fc.constantFrom('REF', 'N1', 'PO1', 'LIN', 'HL');
    const segment = fc
      .tuple(tag, fc.array(ELEMENT, { maxLength: 8 }))
      .map(([name, elements]): [string, ...string[]] => [name, ...elements]);
    const sets = fc.array(
      fc.record({ id: fc.constantFrom('850', '856', '846'), segments: fc.array(segment, { maxLength: 8 }) }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 999_999_999 }), (written: SetToWrite[], control) => {
        const text = writeInterchange({
          sender: PARTNER,
          receiver: US,
          control,
          at: AT,
          test: false,
          functionalId: 'SH',
          sets: written,
        });
        const [interchange] = readInterchanges(text);
        expect(interchange).toMatchObject({ sender: PARTNER, receiver: US, test: false });
        expect(Number(interchange?.control)).toBe(control);
        const read = interchange?.groups[0]?.sets.map(({ id, segments, problems }) => {
          expect(problems).toEqual([]);
          return { id, segments: segments.map(({ tag: name, elements }) => [name, ...elements]) };
        });
        expect(read).toEqual(written.map(({ id, segments }) => ({ id, segments: segments.map(trimmed) })));
      }),
    );
  });

  test('given counts of any positions, then they are read as they were written', () => {
    const name = (max: number) =>
      ELEMENT.map((text) => text.replaceAll(' ', '_').slice(0, max)).filter((text) => text !== '');
    const position = fc.record({ node: name(32), sku: name(20), onHand: fc.nat(), availableToSell: fc.nat() });
    fc.assert(
      fc.property(fc.array(position, { minLength: 1, maxLength: 10 }), (positions) => {
        const text = write846(positions, { sender: US, receiver: PARTNER, control: 3, at: AT, test: false });
        const read = readInterchanges(text)[0]?.groups[0]?.sets.flatMap((set) => read846(set, COUNTED).entries) ?? [];
        const counts = (list: readonly { node: string; sku: string; onHand: number }[]) =>
          list.map(({ node, sku, onHand }) => `${node} ${sku} ${onHand}`).sort();
        expect(counts(read as { node: string; sku: string; onHand: number }[])).toEqual(counts(positions));
      }),
    );
  });

  test('given a parcel, then its ship notice names order, parcel and lines', () => {
    const shipment = {
      shipmentId: 's-1',
      orderId: 'A',
      carrier: 'Žluťoučký*kůň',
      service: 'ground',
      trackingId: 'T1',
      shippedAt: AT,
      grams: 1_200,
      node: 'newark-dc',
      destination: { postalCode: '10007', city: 'New York' },
      lines: [{ lineId: '1', sku: 'MUG', qty: 2 }],
    };
    const text = write856([shipment], { sender: US, receiver: PARTNER, control: 3, at: AT, test: false });
    const segments = readSegments(text).map(({ tag, elements }) => [tag, ...elements].join('*'));
    expect(segments).toEqual(
      expect.arrayContaining([
        'BSN*00*s-1*20261124*1200*0001',
        'TD5**2*Zlutoucky kun**ground',
        'REF*CN*T1',
        'PRF*A',
        'LIN*1*SK*MUG',
        'SN1**2*EA',
        'CTT*3',
      ]),
    );
    expect(() =>
      write856([{ ...shipment, orderId: 'A~B' }], { sender: US, receiver: PARTNER, control: 3, at: AT, test: false }),
    ).toThrow(Unwritable);
  });

  test('given text for people, then what cannot be said is replaced, and the rest kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => writeSegment('N1', [freeText(text, 60)]).length > 0),
    );
    expect(freeText('Ünï*cödé ☃', 60)).toBe('Uni code ?');
  });
});

test.each<[string, string, string, RegExp]>([
  ['no node', 'N1*WH', 'N1*SF', /no N1\*WH/],
  ['no count', 'QTY*17', 'QTY*20', /0 counts/],
  ['less than nothing', 'QTY*17*5', 'QTY*17*-5', /cannot be "-5"/],
  ['other units', 'QTY*17*5*EA', 'QTY*17*5*CA', /cannot be "CA"/],
])('given an 846 with %s, then it is named', (_, from, to, reason) => {
  const text = write846([{ node: 'n', sku: 'MUG', onHand: 5, availableToSell: 4 }], {
    sender: US,
    receiver: PARTNER,
    control: 3,
    at: AT,
    test: false,
  });
  const entries =
    readInterchanges(text.replace(from, to))[0]?.groups[0]?.sets.flatMap((set) => read846(set, COUNTED).entries) ?? [];
  expect(entries).toMatchObject([{ errors: [{ reason: expect.stringMatching(reason) }] }]);
});

function trimmed([tag, ...elements]: readonly string[]): string[] {
  let last = elements.length;
  while (last > 0 && elements[last - 1] === '') last -= 1;
  return [tag ?? '', ...elements.slice(0, last)];
}
