// Rules as feeds have them now, and as they were where feeds say nothing fresh.
import { expect, test } from 'vitest';
import { CHICAGO, NEWARK, rulesOf } from '../sourcing/testing/rules.ts';
import { readCapacity } from './capacity.ts';
import { readFuelPrices } from './fuel.ts';
import { rulesAsFed } from './rules.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const rules = rulesOf({ nodes: [{ ...CHICAGO, packagesPerDay: 70 }, NEWARK] });
const prices = readFuelPrices('Date,Price\n2026-11-20,71.2\n');
const plan = readCapacity(
  '{"asOf":"2026-11-24T06:00:00Z","nodes":[{"node":"newark","date":"2026-11-24","packages":900},{"node":"newark","date":"2026-11-25","packages":0}]}',
);

test('given fresh feeds, then they count, and the version says so', () => {
  const fed = rulesAsFed(rules, { fuel: { prices }, capacity: { plan } }, NOW);
  expect(fed.rules.version).toBe('test+fuel=0.065+capacity=2026-11-24T06:00Z');
  expect(fed.rules.services.map(({ fuelSurcharge }) => fuelSurcharge)).toEqual([0.065]);
  expect(fed.rules.nodes.map(({ packagesPerDay }) => packagesPerDay)).toEqual([70, 900]);
  expect(fed.defaults).toEqual([expect.stringMatching(/of chicago are those of the rules: nothing is said/)]);
});

test('given what is sourced after the cutoff, then the capacity of the next day counts', () => {
  const evening = Date.parse('2026-11-24T20:00:00Z');
  expect(rulesAsFed(rules, { capacity: { plan } }, evening).rules.nodes[1]?.packagesPerDay).toBe(0);
});

test('given stale feeds, or empty ones, then the rules count, and it says why', () => {
  const late = NOW + 30 * 86_400_000;
  const stale = rulesAsFed(rules, { fuel: { prices } }, late);
  expect(stale.rules).toEqual(rules);
  expect(stale.defaults).toEqual([expect.stringMatching(/fuel surcharges are those of the rules: stale/)]);
  const empty = rulesAsFed(rules, { fuel: { prices: undefined }, capacity: { plan: undefined } }, NOW);
  expect(empty.rules).toEqual(rules);
  expect(empty.defaults).toHaveLength(3);
  expect(rulesAsFed(rules, {}, NOW)).toEqual({ rules, defaults: [] });
});
