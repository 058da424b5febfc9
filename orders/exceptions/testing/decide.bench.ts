// How long a decision takes, by the example policy, over situations of all kinds:
//   npx vitest bench --run --project unit orders/exceptions
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { bench, describe } from 'vitest';
import { decideException } from '../decide.ts';
import { KINDS } from '../kinds.ts';
import { parsePolicy } from '../policy.ts';
import { evolveExceptions, NO_EXCEPTIONS } from '../state.ts';
import { anySituationOf, HOUR_MS, T0 } from './situations.ts';

const policy = parsePolicy(readFileSync(new URL('../../../examples/policies/standard.yaml', import.meta.url), 'utf8'));
const situations = KINDS.flatMap((kind) => fc.sample(anySituationOf(kind), { numRuns: 64, seed: 1 }));
const decided = situations.map((situation) => {
  const decision = decideException(NO_EXCEPTIONS, situation, policy, T0);
  return {
    situation,
    state: evolveExceptions(NO_EXCEPTIONS, { type: 'exceptionDecided', at: T0, situation, decision }),
  };
});

describe('a decision', () => {
  let n = 0;
  bench('the first on an exception', () => {
    decideException(NO_EXCEPTIONS, situations[n++ % situations.length] as (typeof situations)[number], policy, T0);
  });
  bench('the same situation again', () => {
    const { state, situation } = decided[n++ % decided.length] as (typeof decided)[number];
    decideException(state, situation, policy, T0 + HOUR_MS);
  });
});
