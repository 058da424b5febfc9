// How many requests may wait: few, but more while most are refused.
import { describe, expect, test } from 'vitest';
import { Admission } from './admission.ts';

const LIMITS = { mailboxForNewWork: 400, mailboxMaxForNewWork: 1_000, admissionIntervalMs: 50 };

/** A grid at work: each 10 ms some requests are answered and some refused. */
class Work {
  readonly #admission = new Admission(LIMITS, 0);
  #nowMs = 0;
  #answered = 0;

  run(forMs: number, { answered, refused }: { answered: number; refused: number }): this {
    for (const until = this.#nowMs + forMs; this.#nowMs < until; ) {
      this.#admission.refused(refused);
      this.#nowMs += 10;
      this.#answered += answered;
      this.#admission.released(this.#answered, this.#nowMs);
    }
    return this;
  }

  rest(forMs: number): this {
    this.#nowMs += forMs;
    return this;
  }

  /** How many may wait, found from outside. */
  get max(): number {
    let depth = 0;
    while (!this.#admission.refuses(depth)) depth++;
    return depth;
  }
}

describe('admission', () => {
  test('given little is refused, then as many may wait as at first', () => {
    expect(new Work().max).toBe(400);
    expect(new Work().run(1_000, { answered: 100, refused: 90 }).max).toBe(400);
  });

  test('given more is refused than answered, then more may wait, up to the most', () => {
    expect(new Work().run(50, { answered: 100, refused: 101 }).max).toBe(600);
    expect(new Work().run(1_000, { answered: 100, refused: 5_000 }).max).toBe(1_000);
  });

  test('given that is over, then as few as before', () => {
    const flood = new Work().run(1_000, { answered: 100, refused: 5_000 });

    expect(flood.run(500, { answered: 100, refused: 0 }).max).toBe(400);
  });

  test('given that is over and nobody asks any more, then as few as before with the first answer', () => {
    const flood = new Work().run(1_000, { answered: 100, refused: 5_000 });

    expect(flood.rest(60_000).run(10, { answered: 1, refused: 0 }).max).toBe(400);
  });

  test('given less room in a flood than otherwise, then that is the bound', () => {
    const admission = new Admission({ ...LIMITS, mailboxMaxForNewWork: 2 }, 0);

    expect([admission.refuses(1), admission.refuses(2)]).toEqual([false, true]);
  });
});
