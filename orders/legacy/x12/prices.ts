// What one unit costs, by the price of an 850's line, how many units that price is of, and the minor unit of its currency.
import { MONEY_MAX } from '../../../protocol/limits.ts';

/** PO105: of how many units the price is. The others are of weights, lengths or times, or no price at all. */
const UNITS: ReadonlyMap<string, number> = new Map([
  // Where nothing is said, and where only the kind of the price is, it is of one unit as ordered.
  ...['', 'PE', 'UM', 'LE', 'QE', 'RE', 'TE', 'WE', 'CA', 'CP', 'CT', 'FX', 'NT', 'PR', 'QT', 'RS', 'ST'].map(
    (basis) => [basis, 1] as const,
  ),
  ['PN', 10],
  ...['PD', 'LD', 'RD', 'TD', 'WD'].map((basis) => [basis, 12] as const),
  ...['HP', 'LC', 'QH', 'RC', 'TC', 'WC'].map((basis) => [basis, 100] as const),
  ...['TP', 'LM', 'QS', 'RM', 'TM', 'WM'].map((basis) => [basis, 1_000] as const),
  ['TT', 10_000],
  ['HT', 100_000],
]);
const NO_CHARGE = 'NC';

export const BASES_EXPLAINED = 'Give it for each (PE), for ten (PN), a dozen (PD), a hundred (HP) or a thousand (TP).';

/** In minor units, or which element is wrong. */
export type UnitPrice = { readonly value: number; readonly isRounded: boolean } | { readonly wrong: 'price' | 'basis' };

/** @param digits of the minor unit */
export function unitPriceOf(price: string, basis: string, digits: number): UnitPrice {
  if (basis === NO_CHARGE) return { value: 0, isRounded: false };
  const units = UNITS.get(basis);
  if (units === undefined) return { wrong: 'basis' };
  const match = /^(\d{0,12})(?:\.(\d{0,8}))?$/.exec(price);
  const [, whole = '', fraction = ''] = match ?? [];
  if (whole + fraction === '') return { wrong: 'price' };
  const minor = BigInt(whole + fraction) * 10n ** BigInt(digits);
  const parts = BigInt(units) * 10n ** BigInt(fraction.length);
  const value = (2n * minor + parts) / (2n * parts);
  if (value > BigInt(MONEY_MAX)) return { wrong: 'price' };
  return { value: Number(value), isRounded: value * parts !== minor };
}
