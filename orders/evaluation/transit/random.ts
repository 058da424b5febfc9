// Random numbers that are the same in each run of a seed (Lehmer's generator, multiplier 48,271, modulus 2^31 − 1).

export class Random {
  #state: number;

  /** @param seed a whole number */
  constructor(seed: number) {
    this.#state = ((seed * 7_919) % 2_147_483_646) + 1;
    for (let n = 0; n < 8; n++) this.next();
  }

  /** 0 to 1, neither included. */
  next(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state / 2_147_483_647;
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** Of a normal distribution around 0 (Box and Muller). */
  normal(deviation: number): number {
    return deviation * Math.sqrt(-2 * Math.log(this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** Until the next of events that come at random, of which there is one in `mean` on the average. */
  exponential(mean: number): number {
    return -mean * Math.log(this.next());
  }

  /** An index, by cumulative weights that end with their sum. */
  pick(cumulative: readonly number[]): number {
    const drawn = this.next() * (cumulative.at(-1) as number);
    let [low, high] = [0, cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function cumulated(weights: readonly number[]): number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}
