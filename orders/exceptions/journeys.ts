// The history of an order's exceptions, from its journey: those that a policy decided on, with what it decided on, what it decided, and how they ended.
import { z } from 'zod';
import type { Decision } from './decision.ts';
import { ACTIONS, KINDS } from './kinds.ts';
import { type JourneyEvent, Outcomes } from './outcomes.ts';
import { readUnjudged, type Situation, SituationInvalid } from './situation.ts';
import type { ExceptionEvent } from './state.ts';

export type { JourneyEvent };

const decided = z.looseObject({
  exceptionId: z.string(),
  outcome: z.enum(['SETTLED', 'OPEN', 'ESCALATED']),
  detail: z.looseObject({
    situation: z.unknown(),
    decision: z.looseObject({ action: z.enum(ACTIONS), kind: z.enum(KINDS), decidedAt: z.number() }),
  }),
});

/**
 * An exception is settled when the order says so, and once more with how it ended at the end of the journey. Times of decisions are those at which policies
 * decided. An exception that ended by itself before any policy was asked is none of them.
 * @param journey all events of the order, from the first
 */
export function historyOf(journey: readonly JourneyEvent[]): readonly ExceptionEvent[] {
  const history: ExceptionEvent[] = [];
  const seen = new Map<string, Situation>();
  const outcomes = new Outcomes();
  let at = 0;
  for (const event of journey) {
    const read = event.type === 'exceptionDecided' ? decided.safeParse(event).data : undefined;
    const situation = read === undefined ? undefined : recordedSituation(read.detail.situation);
    at = read?.detail.decision.decidedAt ?? Math.max(at, timeOf(event) ?? 0);
    outcomes.tell(event, at);
    if (read === undefined || situation === undefined) continue;
    seen.set(situation.exceptionId, situation);
    history.push({ type: 'exceptionDecided', at, situation, decision: read.detail.decision as unknown as Decision });
    if (read.outcome === 'SETTLED') history.push(...settled(situation, outcomes, at));
  }
  for (const situation of seen.values()) history.push(...settled(situation, outcomes, at));
  return history;
}

function settled({ orderId, exceptionId }: Situation, outcomes: Outcomes, at: number): ExceptionEvent[] {
  const outcome = outcomes.outcomeOf(exceptionId);
  return outcome === undefined ? [] : [{ type: 'exceptionSettled', at, orderId, exceptionId, outcome }];
}

/** When carriers say that it happened: on the clock of promises, as that of the grid may not be. */
function timeOf(event: JourneyEvent): number | undefined {
  const { deliveredAt, scannedAt } = event as { readonly deliveredAt?: unknown; readonly scannedAt?: unknown };
  return [deliveredAt, scannedAt].find((time) => typeof time === 'number') as number | undefined;
}

function recordedSituation(given: unknown): Situation | undefined {
  try {
    return readUnjudged(given);
  } catch (error) {
    if (error instanceof SituationInvalid) return undefined;
    throw error;
  }
}
