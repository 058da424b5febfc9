// How many digits the minor unit of a currency has, as ISO 4217 says. `Intl` says otherwise of some (what people write in Iraq or Serbia), and amounts
// of files are those of ISO.

const DIGITS: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
  ...'CLF UYW'.split(' ').map((code) => [code, 4] as const),
]);

/** Two for those that are not known, and where none is named. */
export function minorDigitsOf(currency: string | undefined): number {
  return DIGITS.get((currency ?? '').toUpperCase()) ?? 2;
}
