// Repeats into one figure with its spread, and figures into aligned text.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError without values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('no values to summarise');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  return { median, min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Student's t for a two-sided interval of 95 %, by degrees of freedom from 1 on; beyond, the normal distribution is close. */
const T_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];
const NORMAL_95 = 1.96;
/** With fewer, an interval says more about the method than about what was measured. */
const INTERVAL_VALUES_MIN = 3;

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** The mean with its 95 % confidence interval, of independent repeats; undefined of fewer than three. */
export function meanInterval(values: readonly number[]): Interval | undefined {
  const n = values.length;
  if (n < INTERVAL_VALUES_MIN) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = (T_95[n - 2] ?? NORMAL_95) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}

/** `2.95 [2.80, 3.10]`; empty without one. */
export function showInterval(interval: Interval | undefined, format: (value: number) => string): string {
  if (interval === undefined) return '';
  return `${format(interval.mean)} [${format(interval.low)}, ${format(interval.high)}]`;
}

/** The least value that so large a share of all does not exceed. @throws RangeError without values */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('no values to summarise');
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] as number;
}

/** `12.3 (11.0–14.1)`, each value through `format`; of one value, that alone. */
export function showSpread({ median, min, max }: Spread, format: (value: number) => string): string {
  if (min === max) return format(median);
  return `${format(median)} (${format(min)}–${format(max)})`;
}

/** Rows of cells as lines: the first column to the left, the others to the right. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

export const fixed = (digits: number) => (value: number) => value.toFixed(digits);
