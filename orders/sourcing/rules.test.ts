// Rules are read whole or refused with every place that is wrong.
import { describe, expect, test } from 'vitest';
import { OrderInvalid, readOrder } from './order.ts';
import { RulesInvalid, readRules } from './rules.ts';
import { CHICAGO, GROUND, orderOf } from './testing/rules.ts';

const GOOD = { version: '1', nodes: [CHICAGO], services: [GROUND] };
const SLOW = { untilKm: 100, days: { p50: 5, p75: 4, p85: 6, p90: 7, p95: 8, p97: 9, p99: 10 } };

describe('readRules', () => {
  test('given rules with what they must have, then the rest has its defaults', () => {
    expect(readRules(GOOD)).toMatchObject({
      packagesMax: 4,
      splitPenalty: 0,
      nodes: [{ handlingPerPackage: 0, holidays: [] }],
      services: [{ perKg: 0, fuelSurcharge: 0 }],
    });
  });

  test.each<[string, object, RegExp]>([
    ['no rules at all', [], /^rules: /],
    ['a misspelt field', { ...GOOD, spiltPenalty: 1 }, /spiltPenalty/],
    ['a cost below 0', { ...GOOD, splitPenalty: -1 }, /^splitPenalty: /],
    [
      'a tariff whose prices fall with weight',
      {
        ...GOOD,
        services: [
          {
            ...GROUND,
            zones: [
              {
                prices: [
                  { untilKg: 1, price: 9 },
                  { untilKg: 2, price: 8 },
                ],
              },
            ],
          },
        ],
      },
      /^services\.0\.zones\.0\.prices: /,
    ],
    ['no nodes', { ...GOOD, nodes: [] }, /^nodes: /],
    ['two nodes of one name', { ...GOOD, nodes: [CHICAGO, CHICAGO] }, /^nodes: two have the same name/],
    ['two services of one name', { ...GOOD, services: [GROUND, GROUND] }, /^services: two have the same name/],
    [
      'a service at a node that is not there',
      { ...GOOD, services: [{ ...GROUND, nodes: ['mars'] }] },
      /^services\.0\.nodes: there is no node mars/,
    ],
    [
      'an unknown time zone',
      { ...GOOD, nodes: [{ ...CHICAGO, timeZone: 'Mars/Base' }] },
      /^nodes\.0\.timeZone: a time zone/,
    ],
    [
      'a cutoff that is no time',
      { ...GOOD, nodes: [{ ...CHICAGO, cutoff: '25:00' }] },
      /^nodes\.0\.cutoff: a time of day/,
    ],
    [
      'quantiles that fall',
      { ...GOOD, services: [{ ...GROUND, transit: [SLOW] }] },
      /^services\.0\.transit\.0\.days: days above 0/,
    ],
    [
      'bands that do not rise',
      { ...GOOD, services: [{ ...GROUND, transit: [...GROUND.transit, ...GROUND.transit] }] },
      /^services\.0\.transit: bands/,
    ],
  ])('given %s, then it names the place', (_, document, message) => {
    expect(() => readRules(document)).toThrow(RulesInvalid);
    expect(() => readRules(document)).toThrow(message);
  });

  test('given several mistakes, then it names them all', () => {
    expect(() => readRules({ ...GOOD, splitPenalty: -1, packagesMax: 0 })).toThrow(
      /splitPenalty[\s\S]+packagesMax|packagesMax[\s\S]+splitPenalty/,
    );
  });
});

describe('readOrder', () => {
  const line = { lineId: '1', sku: 'A', qty: 1 };
  const good = { orderId: 'o', lines: [line], destination: { latitude: 0, longitude: 0, postalCode: '1' } };

  test('given an order, then what it leaves out is nothing', () => {
    expect(readOrder(good).lines).toEqual([{ ...line, grams: 0, value: 0 }]);
    expect(orderOf({ A: 1 }).promisedAt).toBeUndefined();
  });

  test.each<[string, object, RegExp]>([
    ['no lines', { ...good, lines: [] }, /^lines: /],
    ['no units', { ...good, lines: [{ ...line, qty: 0 }] }, /^lines\.0\.qty: /],
    ['a part of a unit', { ...good, lines: [{ ...line, qty: 1.5 }] }, /^lines\.0\.qty: /],
    ['two lines of one id', { ...good, lines: [line, { ...line, sku: 'B' }] }, /^lines: two have the same lineId/],
    ['a SKU of two weights', { ...good, lines: [line, { ...line, lineId: '2', grams: 5 }] }, /^lines\.1: weighs/],
    ['a promise that is no time', { ...good, promisedAt: 'tomorrow' }, /^promisedAt: /],
    [
      'a place that is not on earth',
      { ...good, destination: { ...good.destination, latitude: 91 } },
      /^destination\.latitude: /,
    ],
    ['a misspelt field', { ...good, promiseAt: '2026-11-27T12:00:00Z' }, /promiseAt/],
  ])('given %s, then it names the place', (_, document, message) => {
    expect(() => readOrder(document)).toThrow(OrderInvalid);
    expect(() => readOrder(document)).toThrow(message);
  });
});
