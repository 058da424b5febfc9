// Lines into claims: which positions a line may be had from, what all lines together want of each, and who gets what of the answers.
// Demand is summed for each sku × region × node before anything is asked, so that two lines never count the same units.
import { QTY_MAX } from '../../protocol/index.ts';
import type { Attempt, AttemptBody, Claim, LineOutcome, LineState, Share } from './types.ts';

/** One way to serve a line: units of these SKUs for each unit of the line, all in one region. */
interface Candidate {
  readonly sku: string;
  readonly region: string;
  readonly parts: readonly { readonly sku: string; readonly qty: number }[];
  /** A bundle: had whole or not at all. */
  readonly isBundle: boolean;
}

/** The ways to serve a line, best first: its own SKU in each region, then each substitute likewise. */
function candidatesOf({ line }: LineState, body: AttemptBody): readonly Candidate[] {
  const regions = line.region === undefined ? body.regions : [line.region];
  const own = { sku: line.sku, parts: line.components ?? [{ sku: line.sku, qty: 1 }] };
  const others = (line.substitutes ?? []).map((sku) => ({ sku, parts: [{ sku, qty: 1 }] }));
  const isBundle = line.components !== undefined;
  return [own, ...others].flatMap(({ sku, parts }, index) =>
    regions.map((region) => ({ sku, region, parts, isBundle: isBundle && index === 0 })),
  );
}

/** Has every line that has no outcome want what its candidate needs, in new claims of the attempt's round. */
export function claimRound(attempt: Attempt): void {
  const { body, claims, round } = attempt;
  const byPosition = new Map<string, { claim: number; qty: number; lines: number }>();
  const wanted = new Map<LineState, Map<number, number>>();
  const firstClaim = claims.length;
  const positions: Pick<Claim, 'sku' | 'region' | 'node'>[] = [];
  for (const state of attempt.lines) {
    const candidate = state.outcome === undefined ? candidatesOf(state, body)[state.candidate] : undefined;
    if (candidate === undefined) continue;
    const { node } = state.line;
    const wants = new Map<number, number>();
    for (const part of candidate.parts) {
      const key = `${candidate.region}/${node ?? ''}/${part.sku}`;
      let sum = byPosition.get(key);
      if (sum === undefined) {
        sum = { claim: firstClaim + positions.length, qty: 0, lines: 0 };
        byPosition.set(key, sum);
        positions.push({ sku: part.sku, region: candidate.region, node });
      }
      const qty = part.qty * state.line.qty;
      sum.qty += qty;
      if (!wants.has(sum.claim)) sum.lines += 1;
      wants.set(sum.claim, (wants.get(sum.claim) ?? 0) + qty);
    }
    wanted.set(state, wants);
  }
  const sums = [...byPosition.values()];
  for (const [i, position] of positions.entries()) {
    const { qty = 0, lines = 0 } = sums[i] ?? {};
    // Where several lines want it, or part of it is better than nothing, what can be had is shared out among them.
    const allowPartial = body.policy === 'partial' || lines > 1;
    claims.push({ round, ...position, qty, allowPartial, answer: undefined, end: undefined, used: 0 });
  }
  for (const [state, wants] of wanted) state.wants = [...wants].map(([claim, qty]) => ({ claim, qty }));
}

/** More than any actor can hold: no claim may ask for it. */
export function exceedsQty(attempt: Pick<Attempt, 'claims'>): Claim | undefined {
  return attempt.claims.find(({ qty }) => qty > QTY_MAX);
}

/**
 * Shares out what the claims of the round came to, line by line: a line that is served has its outcome then, and so has one that has no
 * other candidate; the others move on to their next.
 */
export function shareRound(attempt: Attempt): void {
  const { body, claims } = attempt;
  for (const state of attempt.lines) {
    if (state.outcome !== undefined) continue;
    const candidates = candidatesOf(state, body);
    const candidate = candidates[state.candidate];
    if (candidate === undefined) continue;
    const short = state.wants.find(({ claim, qty }) => leftOf(claims[claim]) < qty);
    if (short === undefined) {
      take(attempt, state, { isHeld: true, sku: candidate.sku, qty: state.line.qty, takes: state.wants });
    } else if (state.candidate + 1 < candidates.length) {
      state.candidate += 1;
      state.wants = [];
    } else {
      const left = leftOf(claims[short.claim]);
      if (body.policy === 'partial' && !candidate.isBundle && left > 0) {
        take(attempt, state, {
          isHeld: true,
          sku: candidate.sku,
          qty: left,
          takes: [{ claim: short.claim, qty: left }],
        });
      } else {
        state.outcome = refusedBy(claims[short.claim], short, left);
      }
    }
  }
}

function take(attempt: Attempt, state: LineState, outcome: LineOutcome & { readonly isHeld: true }): void {
  state.outcome = outcome;
  for (const { claim, qty } of outcome.takes) {
    const taken = attempt.claims[claim];
    if (taken !== undefined) taken.used += qty;
  }
}

function leftOf(claim: Claim | undefined): number {
  return claim?.answer?.isHeld === true ? claim.answer.qty - claim.used : 0;
}

function refusedBy(claim: Claim | undefined, { qty }: Share, left: number): LineOutcome {
  const answer = claim?.answer;
  if (answer?.isHeld === false) return { isHeld: false, code: answer.code, message: answer.message };
  const message = `${qty} of ${claim?.sku} asked in ${claim?.region}, ${left} left of what all lines of the order could have`;
  return { isHeld: false, code: 'INSUFFICIENT_STOCK', message };
}
