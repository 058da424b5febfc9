// Which SKU a reserve is for: drawn uniformly, or by Zipf's law, which is how demand is spread over a catalogue.
import { randomBytes } from 'node:crypto';

/**
 * The index of the next SKU, 0 the most popular one; undefined where there is one alone.
 * @param zipf the n-th is drawn in proportion to n^−zipf; 0 is uniform
 */
export function skuPicker(
  skus: number,
  zipf: number,
  seed = randomBytes(4).readUInt32LE(),
): (() => number) | undefined {
  if (skus === 1) return undefined;
  const random = xorshift32(seed);
  if (zipf === 0) return () => random() % skus;
  const upTo = cumulative(skus, zipf);
  const all = upTo[skus - 1] as number;
  return () => firstAbove(upTo, (random() / 2 ** 32) * all);
}

/** Uniform enough to pick SKUs, and free of allocation (G. Marsaglia, "Xorshift RNGs", 2003). */
function xorshift32(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function cumulative(skus: number, zipf: number): Float64Array {
  const upTo = new Float64Array(skus);
  let sum = 0;
  for (let n = 0; n < skus; n++) {
    sum += (n + 1) ** -zipf;
    upTo[n] = sum;
  }
  return upTo;
}

function firstAbove(sorted: Float64Array, value: number): number {
  let from = 0;
  let to = sorted.length - 1;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as number) > value) to = middle;
    else from = middle + 1;
  }
  return from;
}
