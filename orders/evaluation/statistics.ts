// The mean of repeats with its 95 % confidence interval. Of differences on the same seeds it is a paired comparison.

/** Student's t for a two-sided interval of 95 %, by degrees of freedom from 1 on; beyond, the normal distribution is close. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const NORMAL_95 = 1.96;

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @throws RangeError of fewer than two */
export function meanInterval(values: readonly number[]): Interval {
  const n = values.length;
  if (n < 2) throw new RangeError('an interval is of two values or more');
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = (T_95[n - 2] ?? NORMAL_95) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}
