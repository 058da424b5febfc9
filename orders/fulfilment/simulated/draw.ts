// Chance that depends on the seed and on what it is for, never on when it is drawn: processes that die and come back draw the same.
import { createHash } from 'node:crypto';

/** 0 to 1, evenly. */
export function drawOf(seed: number, ...about: readonly (string | number)[]): number {
  const digest = createHash('sha256')
    .update([seed, ...about].join('\n'))
    .digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** ms or whatever else, exponentially with this mean. */
export function drawExponentialOf(mean: number, seed: number, ...about: readonly (string | number)[]): number {
  return -mean * Math.log(1 - drawOf(seed, ...about));
}
