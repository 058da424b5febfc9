// Fuel, weather and capacity: what their documents say now, and that a stale one says so and the default counts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capacityOf, readCapacity } from './capacity.ts';
import { DEFAULT_SURCHARGES, fuelSurchargeAt, readFuelPrices, surchargeOf } from './fuel.ts';
import { FeedMalformed, readingAt } from './reading.ts';
import { readWeather, weatherAt, whyUnknown } from './weather.ts';

const DAY = 86_400_000;
const HOUR = DAY / 24;
const at = (time: string): number => Date.parse(time);

describe('a reading', () => {
  const terms = { staleAfterMs: 100, fallback: -1 };
  const series = [10, 20, 30].map((time) => ({ at: time, value: time }));

  test('given any series and time, then it is the latest up to now and fresh, or the default with a reason', () => {
    const times = fc.uniqueArray(fc.nat(1_000)).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, fc.nat(1_200), (list, now) => {
        const reading = readingAt(
          list.map((time) => ({ at: time, value: time })),
          terms,
          now,
        );
        const latest = list.filter((time) => time <= now).at(-1);
        if (latest !== undefined && now - latest <= 100)
          expect(reading).toEqual({ value: latest, source: 'feed', asOf: latest });
        else expect(reading).toMatchObject({ value: -1, source: 'default', reason: expect.any(String) });
      }),
    );
  });

  test('given a stale one, or none, then it says why', () => {
    expect(readingAt(series, terms, 131).reason).toMatch(/stale/);
    expect(readingAt(series, terms, 5).reason).toMatch(/nothing up to now/);
    expect(readingAt(undefined, terms, 5).reason).toMatch(/nothing was loaded/);
  });
});

describe('fuel', () => {
  const prices = readFuelPrices('Date,Price\n2026-11-20,71.2\n2026-11-13,60\n');
  const terms = { fallback: 0.12 };

  test('given weekly prices, then the surcharge follows the last that was published', () => {
    expect(fuelSurchargeAt(prices, terms, at('2026-11-20T12:00:00Z'))).toMatchObject({ value: 0.04, source: 'feed' });
    // ⌈(71.2 − 40) / 2.5⌉ = 13 steps of half a percent.
    expect(fuelSurchargeAt(prices, terms, at('2026-11-24T12:00:00Z'))).toMatchObject({ value: 0.065, source: 'feed' });
  });

  test('given none for more than two weeks, then the default counts, and it says so', () => {
    const reading = fuelSurchargeAt(prices, terms, at('2026-12-10T00:00:00Z'));
    expect(reading).toMatchObject({ value: 0.12, source: 'default', reason: expect.stringMatching(/stale/) });
    expect(fuelSurchargeAt(undefined, terms, 0)).toMatchObject({ value: 0.12, source: 'default' });
  });

  test('given any price, then the surcharge is within its bounds and does not fall with the price', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 500, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (price, more) => {
          const [one, other] = [surchargeOf(price, DEFAULT_SURCHARGES), surchargeOf(price + more, DEFAULT_SURCHARGES)];
          expect(one).toBeGreaterThanOrEqual(0);
          expect(other).toBeLessThanOrEqual(DEFAULT_SURCHARGES.shareMax);
          expect(other).toBeGreaterThanOrEqual(one);
        },
      ),
    );
  });
});

test.each<[string, () => unknown, RegExp]>([
  [
    'fuel with semicolons',
    () => readFuelPrices('Date;Price\n2026-11-20;71,2\n'),
    /separated by semicolons. Separate them by commas/,
  ],
  ['fuel with tabs', () => readFuelPrices('Date\tPrice\n2026-11-20\t71.2\n'), /separated by tabs/],
  ['a price with a comma', () => readFuelPrices('Date,Price\n2026-11-20,"71,2"\n'), /row 2, Price: 71,2 has a comma/],
  [
    'weather with semicolons',
    () => readWeather('origin;time_hour\nEWR;2026-01-10T12:00:00Z\n'),
    /separated by semicolons/,
  ],
  [
    'wind with a comma',
    () => readWeather('origin,wind_speed,time_hour\nEWR,"42,5",2026-01-10T12:00:00Z\n'),
    /row 2, wind_speed: 42,5 has a comma/,
  ],
])('given %s, then it says so', (_, read, message) => {
  expect(read).toThrow(FeedMalformed);
  expect(read).toThrow(message);
});

describe('weather', () => {
  const HEADER = 'origin,temp,wind_speed,wind_gust,precip,visib,time_hour\n';
  const NEWARK = { latitude: 40.73, longitude: -74.17 };
  const noon = at('2026-01-10T12:00:00Z');
  const severity = (cells: string): number =>
    weatherAt(readWeather(`${HEADER}EWR,${cells},2026-01-10T12:00:00Z\n`), NEWARK, { fallback: 0 }, noon).value;

  test.each<[string, string, number]>([
    ['a calm day', '60,10,NA,0,10', 0],
    ['a storm', '60,30,60,0,10', 1],
    ['strong wind', '60,42.5,NA,0,10', 0.5],
    ['heavy rain', '60,10,NA,0.3,10', 0.5],
    ['light snow', '30,10,NA,0.1,10', 0.3],
    ['fog', '60,0,NA,0,0.25', 0.75],
    ['wind alone measured', 'NA,60,NA,NA,NA', 1],
  ])('given %s, then it is as bad as the formula says', (_, cells, value) => {
    expect(severity(cells)).toBeCloseTo(value);
  });

  test('given rows of which nothing was measured, then they say nothing: what was before counts until it is stale, and then nothing is known', () => {
    const stations = readWeather(
      `${HEADER}EWR,60,42.5,NA,0,10,2026-01-10T10:00:00Z\nEWR,NA,NA,NA,NA,NA,2026-01-10T11:00:00Z\nEWR,60,NA,NA,NA,NA,2026-01-10T12:00:00Z\n`,
    );
    const terms = { fallback: 0.1 };
    expect(weatherAt(stations, NEWARK, terms, noon)).toEqual({ value: 0.5, source: 'feed', asOf: noon - 2 * HOUR });
    expect(weatherAt(stations, NEWARK, terms, noon + 2 * HOUR)).toMatchObject({ value: 0.1, source: 'default' });
    const never = readWeather(`${HEADER}EWR,NA,NA,NA,NA,NA,2026-01-10T11:00:00Z\n`);
    expect(weatherAt(never, NEWARK, terms, noon)).toMatchObject({ value: 0.1, source: 'default' });
    expect(whyUnknown(never, noon)).toMatch(/measured/);
    expect(whyUnknown(stations, noon)).toBeUndefined();
    expect(whyUnknown(stations, noon + 2 * HOUR)).toMatch(/stale: .*2026-01-10T10:00/);
  });

  test.each([
    '2026-01-10T11:00:00Z',
    '2026-01-10T11:00:00',
    '2026-01-10 11:00:00',
    '2026-01-10 11:00',
    '2026-01-10T06:00:00-05:00',
  ])('given the time %s, then it is read as UTC where it names no offset, wherever this machine is', (time) => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Asia/Tokyo';
    try {
      const stations = readWeather(`${HEADER}EWR,60,42.5,NA,0,10,${time}\n`);
      expect(stations[0]?.severities[0]?.at).toBe(noon - HOUR);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  test('given a station that is silent, then the next one counts; far from all, the default', () => {
    const stations = readWeather(
      `${HEADER}EWR,60,60,NA,0,10,2026-01-10T06:00:00Z\nJFK,60,42.5,NA,0,10,2026-01-10T11:00:00Z\n`,
    );
    const terms = { fallback: 0.1 };
    expect(weatherAt(stations, NEWARK, terms, noon)).toEqual({ value: 0.5, source: 'feed', asOf: noon - HOUR });
    expect(weatherAt(stations, NEWARK, terms, noon + DAY)).toMatchObject({
      value: 0.1,
      source: 'default',
      reason: expect.stringMatching(/stale/),
    });
    expect(weatherAt(stations, { latitude: 34, longitude: -118 }, terms, noon)).toMatchObject({
      value: 0.1,
      source: 'default',
      reason: expect.stringMatching(/no station/),
    });
    expect(weatherAt(undefined, NEWARK, terms, noon)).toMatchObject({ value: 0.1, source: 'default' });
  });
});

describe('capacity', () => {
  const known = readCapacity(
    '{"asOf":"2026-11-24T06:00:00Z","nodes":[{"node":"newark","date":"2026-11-24","packages":900}],"by":"wms"}',
  );
  const now = at('2026-11-24T12:00:00Z');

  test('given a plan, then it says the packages of a day; of others, or too old, the default counts', () => {
    const terms = { fallback: 500 };
    expect(capacityOf(known, 'newark', '2026-11-24', terms, now)).toMatchObject({ value: 900, source: 'feed' });
    expect(capacityOf(known, 'newark', '2026-11-25', terms, now)).toMatchObject({ value: 500, source: 'default' });
    expect(capacityOf(known, 'newark', '2026-11-24', terms, now + 2 * DAY)).toMatchObject({
      value: 500,
      source: 'default',
      reason: expect.stringMatching(/stale/),
    });
    expect(capacityOf(undefined, 'newark', '2026-11-24', { fallback: undefined }, now).value).toBeUndefined();
  });
});

test.each<[string, (text: string) => unknown, string, RegExp]>([
  ['fuel without a column', readFuelPrices, 'Date,Cost\n2026-11-20,7\n', /column Price is missing/],
  ['fuel of no price', readFuelPrices, 'Date,Price\n2026-11-20,dear\n', /row 2, Price/],
  ['fuel of no date', readFuelPrices, 'Date,Price\nsoon,7\n', /row 2, Date/],
  ['nothing', readFuelPrices, '', /no rows/],
  ['broken CSV', readWeather, 'origin,time_hour\n"EWR,x\n', /[Qq]uote/],
  ['weather of no time', readWeather, 'origin,time_hour\nEWR,Jan 1 2013 06:00\n', /row 2, time_hour/],
  ['a station that nobody knows', readWeather, 'origin,time_hour\nXYZ,2026-01-01T00:00:00Z\n', /where is XYZ/],
  ['capacity that is no JSON', readCapacity, '{', /no JSON/],
  [
    'capacity below nothing',
    readCapacity,
    '{"asOf":"2026-11-24T06:00:00Z","nodes":[{"node":"n","date":"2026-11-24","packages":-1}]}',
    /nodes\.0\.packages/,
  ],
])('given %s, then it says what is wrong', (_, read, text, message) => {
  expect(() => read(text)).toThrow(FeedMalformed);
  expect(() => read(text)).toThrow(message);
});

test.each([readFuelPrices, readWeather, readCapacity])(
  'given anything at all, then a reader throws FeedMalformed or nothing (%o)',
  (read) => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `Date,Price,origin,time_hour\n${rest}`),
      fc.json(),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          read(given);
        } catch (error) {
          if (!(error instanceof FeedMalformed)) throw error;
        }
      }),
    );
  },
);

test('given the real data, then a year of weather and of surcharges can be read', async (context) => {
  const data = process.env['HOLDFAST_DATA'];
  if (data === undefined) context.skip('set HOLDFAST_DATA to the folder of the real data');
  const text = (path: string): Promise<string> => readFile(join(data ?? '', path), 'utf8');
  const stations = readWeather(await text('nyc-weather/weather.csv'));
  expect(stations.map(({ station }) => station).sort()).toEqual(['EWR', 'JFK', 'LGA']);
  // The snow storm of 8 February 2013, and a calm summer's day.
  const place = { latitude: 40.7, longitude: -74 };
  const worst = Array.from(
    { length: 24 },
    (_, hour) => weatherAt(stations, place, { fallback: 0 }, at('2013-02-08T12:00:00Z') + hour * HOUR).value,
  );
  expect(Math.max(...worst)).toBeGreaterThan(0.5);
  expect(weatherAt(stations, place, { fallback: 1 }, at('2013-08-05T16:00:00Z')).value).toBeLessThan(0.1);
  const prices = readFuelPrices(await text('oil-prices/wti-weekly.csv'));
  const then = (time: string) => fuelSurchargeAt(prices, { fallback: 0 }, at(time));
  expect(then('2013-07-01T00:00:00Z')).toMatchObject({ source: 'feed' });
  expect(then('2013-07-01T00:00:00Z').value).toBeGreaterThan(then('2016-02-01T00:00:00Z').value);
});
