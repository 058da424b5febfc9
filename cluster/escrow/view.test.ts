// The pool as a person sees it: reports of several regions put together, with what does not fit said aloud.
import { describe, expect, it } from 'vitest';
import { type PoolReport, poolView } from './view.ts';

function report(fields: Partial<PoolReport> & { region: string }): PoolReport {
  return { minted: 0, rights: 0, consumed: 0, shortfall: 0, accounts: [], ...fields };
}

const eu = report({
  region: 'eu',
  minted: 100,
  rights: 50,
  consumed: 10,
  accounts: [{ region: 'us', given: 40, taken: 0 }],
});

describe('the view of a pool', () => {
  it('given a transfer that has half arrived, when reports are put together, then the rest is in flight', () => {
    const us = report({
      region: 'us',
      rights: 20,
      consumed: 5,
      accounts: [{ region: 'eu', given: 0, taken: 25 }],
    });
    expect(poolView([us, eu])).toEqual({
      regions: [eu, us],
      missing: [],
      minted: 100,
      rights: 70,
      consumed: 15,
      shortfall: 0,
      inFlight: [{ from: 'eu', to: 'us', qty: 15 }],
      torn: [],
      difference: 0,
    });
  });

  it('given a region that does not answer, when the others do, then it is named and what went to it counts as in flight', () => {
    expect(poolView([eu])).toMatchObject({
      missing: ['us'],
      inFlight: [{ from: 'eu', to: 'us', qty: 40 }],
      difference: 0,
    });
  });

  it('given reports of two moments, when an arrival is reported before its departure, then the pair is named', () => {
    const us = report({ region: 'us', rights: 60, accounts: [{ region: 'eu', given: 0, taken: 60 }] });
    expect(poolView([eu, us])).toMatchObject({ torn: [{ from: 'eu', to: 'us' }], inFlight: [], difference: -20 });
  });

  it('given a right out of nothing, when reports are put together, then the difference shows it', () => {
    expect(poolView([{ ...eu, rights: 51 }]).difference).toBe(-1);
  });
});
