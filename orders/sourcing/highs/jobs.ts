// What the solver's thread is asked and what it answers. All of it passes between threads as it is.
import { type JointProblem, jointChoices, jointProgram } from '../joint.ts';
import { PRICING_TIME_MS } from '../limits.ts';
import { type PricingInput, pricesOf, pricingProgram } from '../pricing.ts';
import type { ProgramLimits } from '../program.ts';
import type { ShadowPrices } from '../situation.ts';
import type { Choice } from '../solve.ts';
import type { SolveNow } from './solver.ts';

export type Job =
  | { readonly kind: 'prices'; readonly input: PricingInput }
  | { readonly kind: 'joint'; readonly problem: JointProblem; readonly limits: ProgramLimits };

export interface JointAnswer {
  /** Of each order. */
  readonly choices: readonly Choice[];
  /** Of all, with what is unfilled, and what no other choices cost less than. */
  readonly cost: number;
  readonly bound: number;
  readonly isProved: boolean;
}

export type Answer =
  | { readonly kind: 'prices'; readonly prices: ShadowPrices }
  | { readonly kind: 'joint'; readonly joint: JointAnswer }
  /** Nothing was found in time. */
  | { readonly kind: 'nothing' };

/** How long a job may take in HiGHS, ms. */
export function timeOf(job: Job): number {
  return job.kind === 'prices' ? PRICING_TIME_MS : job.limits.timeMs;
}

export function answer(job: Job, solveNow: SolveNow): Answer {
  switch (job.kind) {
    case 'prices': {
      const program = pricingProgram(job.input);
      const solution = solveNow(program.program, { timeMs: PRICING_TIME_MS, gap: 0 });
      return solution === undefined
        ? { kind: 'nothing' }
        : { kind: 'prices', prices: pricesOf(job.input, program, solution) };
    }
    case 'joint': {
      const program = jointProgram(job.problem);
      const solution = solveNow(program.program, job.limits);
      if (solution === undefined) return { kind: 'nothing' };
      const { cost, bound, status } = solution;
      const choices = jointChoices(job.problem, program, solution);
      return { kind: 'joint', joint: { choices, cost, bound, isProved: status === 'optimal' } };
    }
    default:
      return job satisfies never;
  }
}
