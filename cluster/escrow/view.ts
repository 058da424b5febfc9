// The pool as `holdfast status --pool SKU` shows it: what the regions that answered report, put together. Reports are
// not of one moment; where two disagree about what went between them the view says so instead of hiding it.
import { consumedOf, type PoolPosition, type PoolState, rightsOf } from './state.ts';

/** What a region says of itself. Quantities in units. */
export interface PoolReport {
  readonly region: string;
  readonly minted: number;
  readonly rights: number;
  readonly consumed: number;
  /** Promised twice after a journal lost its tail; 0 otherwise. */
  readonly shortfall: number;
  readonly accounts: readonly { readonly region: string; readonly given: number; readonly taken: number }[];
}

export interface PoolView {
  readonly regions: readonly PoolReport[];
  /** Regions that a report names and that sent none. */
  readonly missing: readonly string[];
  readonly minted: number;
  readonly rights: number;
  readonly consumed: number;
  readonly shortfall: number;
  /** Transfers that left and have not arrived, or that go to or came from a region that is missing. */
  readonly inFlight: readonly { readonly from: string; readonly to: string; readonly qty: number }[];
  /** Pairs whose transfer was reported as arrived before it was reported as sent: ask again. */
  readonly torn: readonly { readonly from: string; readonly to: string }[];
  /** minted + shortfall − rights − consumed − Σ in flight: 0 unless reports are torn or missing (I14). */
  readonly difference: number;
}

export function reportOf(pool: PoolState, position: PoolPosition): PoolReport {
  return {
    region: pool.region,
    minted: pool.minted,
    rights: rightsOf(position),
    consumed: consumedOf(position),
    shortfall: position.shortfall,
    accounts: pool.accounts.map(({ region, given, taken }) => ({ region, given, taken })),
  };
}

/** Puts the reports of several regions together, one of each. */
export function poolView(reports: readonly PoolReport[]): PoolView {
  const regions = [...reports].sort((a, b) => (a.region < b.region ? -1 : 1));
  const present = new Set(regions.map(({ region }) => region));
  const missing = new Set<string>();
  const inFlight: { from: string; to: string; qty: number }[] = [];
  const torn: { from: string; to: string }[] = [];
  const sum = (of: (report: PoolReport) => number): number => regions.reduce((total, report) => total + of(report), 0);
  let moving = 0;
  for (const { region: from, accounts } of regions) {
    for (const { region: to, given } of accounts) {
      if (!present.has(to)) missing.add(to);
      const taken = regions.find(({ region }) => region === to)?.accounts.find(({ region }) => region === from)?.taken;
      const qty = given - (taken ?? 0);
      if (qty > 0) inFlight.push({ from, to, qty });
      moving += Math.max(0, qty);
    }
    for (const { region: donor, taken } of accounts) {
      const given = regions
        .find(({ region }) => region === donor)
        ?.accounts.find(({ region }) => region === from)?.given;
      if (present.has(donor) && taken > (given ?? 0)) torn.push({ from: donor, to: from });
    }
  }
  const totals = {
    minted: sum((report) => report.minted),
    rights: sum((report) => report.rights),
    consumed: sum((report) => report.consumed),
    shortfall: sum((report) => report.shortfall),
  };
  const difference = totals.minted + totals.shortfall - totals.rights - totals.consumed - moving;
  return { regions, missing: [...missing].sort(), ...totals, inFlight, torn, difference };
}
