// Recorded history: what happened about exceptions, one JSON object a line: an event, or an order with its whole journey.
import { z } from 'zod';
import type { Decision } from './decision.ts';
import { historyOf } from './journeys.ts';
import { ACTIONS, KINDS } from './kinds.ts';
import { HISTORY_LINE_CHARACTERS_MAX, NAME_CHARACTERS_MAX } from './limits.ts';
import { readSituation, SituationInvalid } from './situation.ts';
import type { ExceptionEvent } from './state.ts';

const name = z.string().min(1).max(NAME_CHARACTERS_MAX);
const time = z.number().int().min(0);

const outcome = z.strictObject({
  breached: z.boolean(),
  firstPromiseMissed: z.boolean(),
  reversed: z.boolean(),
  byPerson: z.boolean(),
  cost: z.number().min(0),
  underWay: z.strictObject({ promisedAt: time.optional() }).optional(),
});

/** What is asked of a recorded decision; the rest of it (candidates, params) is kept as it is. */
const decision = z.looseObject({
  orderId: name,
  exceptionId: name,
  kind: z.enum(KINDS),
  policyVersion: z.string(),
  decidedAt: time,
  rule: z.string().optional(),
  rulesPassed: z.array(z.string()).default([]),
  action: z.enum(ACTIONS),
  actionKey: name,
  repeats: z.boolean().default(false),
  why: z.string(),
  reviewAt: time,
  expectedCost: z.number().optional(),
  spent: z.number().default(0),
  params: z.looseObject({ promisedAt: time.optional(), queue: z.string().optional() }).default({}),
  candidates: z.array(z.unknown()).default([]),
});

const line = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('exceptionOpened'), at: time, situation: z.unknown() }),
  z.looseObject({ type: z.literal('exceptionDecided'), at: time, situation: z.unknown(), decision }),
  z.looseObject({ type: z.literal('exceptionSettled'), at: time, orderId: name, exceptionId: name, outcome }),
]);
const OURS: ReadonlySet<string> = new Set(['exceptionOpened', 'exceptionDecided', 'exceptionSettled']);

/** What is wrong with a history, each line with its number. */
export class HistoryInvalid extends Error {
  override readonly name = 'HistoryInvalid';
}

/** What getOrder replies with `journey: true`. */
const order = z.looseObject({ journey: z.array(z.looseObject({ type: z.string(), at: time })) });

/**
 * The events of one line: its own, or those of the order's journey. Events of other types are none.
 * @throws HistoryInvalid saying what is wrong with it
 */
export function readHistoryLine(text: string): readonly ExceptionEvent[] {
  if (text.length > HISTORY_LINE_CHARACTERS_MAX) {
    throw new HistoryInvalid(`has ${text.length} characters; a line has at most ${HISTORY_LINE_CHARACTERS_MAX}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new HistoryInvalid(`is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const whole = order.safeParse(json);
  if (whole.success) return historyOf(whole.data.journey);
  const type = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
  if (typeof type !== 'string') throw new HistoryInvalid('is no event: it has no type');
  if (!OURS.has(type)) return [];
  const read = line.safeParse(json);
  if (!read.success) {
    throw new HistoryInvalid(read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  }
  return [eventOf(read.data)];
}

function eventOf(event: z.output<typeof line>): ExceptionEvent {
  switch (event.type) {
    case 'exceptionSettled': {
      const { type, at, orderId, exceptionId } = event;
      return { type, at, orderId, exceptionId, outcome: event.outcome };
    }
    case 'exceptionOpened':
      return { type: event.type, at: event.at, situation: situationOf(event.situation) };
    case 'exceptionDecided': {
      const situation = situationOf(event.situation);
      if (event.decision.exceptionId !== situation.exceptionId || event.decision.kind !== situation.kind) {
        throw new HistoryInvalid('the decision is about another exception than its situation');
      }
      // What is not looked at is passed through as it was recorded, by whichever version that was.
      return { type: event.type, at: event.at, situation, decision: event.decision as unknown as Decision };
    }
  }
}

function situationOf(given: unknown) {
  try {
    return readSituation(given);
  } catch (error) {
    if (!(error instanceof SituationInvalid)) throw error;
    throw new HistoryInvalid(`situation: ${error.message.replaceAll('\n', '; ')}`);
  }
}
