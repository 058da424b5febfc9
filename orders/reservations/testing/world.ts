// A grid of a few positions for tests of an order's reservations: stock is a number, reservations are tentative, and every request may be
// sent again. Drives one order as the coordinator does, with each step in the hands of the test.
import {
  type AskAnswer,
  failure,
  formatReservationId,
  type Outcome,
  parseReservationId,
} from '../../../protocol/index.ts';
import {
  type AttemptBody,
  assertSaga,
  createSaga,
  decide,
  type Errand,
  errandsOf,
  evolve,
  resultsOf,
  type SagaCommand,
  type SagaDecision,
  type SagaEvent,
} from '../index.ts';

export const PLACE = { orderId: 'order-1', region: 'eu-west' };

interface Held {
  readonly position: string;
  qty: number;
  state: 'RESERVED' | 'COMMITTED' | 'RELEASED';
}

export class World {
  now = 1_700_000_000_000;
  saga = createSaga();
  readonly events: SagaEvent[] = [];
  readonly reservations = new Map<string, Held>();
  readonly sent: Errand['request'][] = [];
  readonly #onHand: Map<string, number>;
  readonly #answers = new Map<string, Outcome>();
  #requests = 0;

  /** @param onHand units by `region/sku` */
  constructor(onHand: Readonly<Record<string, number>>) {
    this.#onHand = new Map(Object.entries(onHand));
  }

  /** Has the order decide, and asserts what must hold after it. */
  tell(command: SagaCommand, requestId = `r-${++this.#requests}`): SagaDecision {
    const decision = decide(this.saga, command, { ...PLACE, now: this.now, requestId, cause: 'client' });
    for (const event of decision.events) {
      const text = JSON.stringify(event);
      this.events.push(JSON.parse(text) as SagaEvent);
      this.saga = evolve(this.saga, JSON.parse(text) as SagaEvent);
      assertSaga(this.saga);
    }
    return decision;
  }

  reserve(body: Partial<AttemptBody> & Pick<AttemptBody, 'lines'>, requestId?: string): SagaDecision {
    const { policy = 'all', ttlMs = 600_000, regions = ['eu-west'], ...rest } = body;
    return this.tell({ type: 'reserve', body: { policy, ttlMs, regions, ...rest } }, requestId);
  }

  errands(): readonly Errand[] {
    return errandsOf(this.saga, PLACE);
  }

  /** Sends errands, all of them as a rule, and brings back what came of them. */
  run(errands = this.errands()): void {
    const attempt = errands[0]?.attempt;
    if (attempt === undefined) return;
    const { answers, ends } = resultsOf(
      errands.map(({ claim, request }) => ({ claim, op: request.op, outcome: this.send(request) })),
    );
    if (answers.length > 0) this.tell({ type: 'answer', attempt, answers });
    if (ends.length > 0) this.tell({ type: 'end', attempt, ends });
  }

  /** Until nothing is left to be sent. */
  settle(): void {
    for (let rounds = 0; this.errands().length > 0; rounds++) {
      if (rounds > 100) throw new Error('errands without end');
      this.run();
    }
  }

  ask(reservationId: string): AskAnswer {
    const { asked } = this.tell({ type: 'ask', reservationId });
    if (asked === undefined) throw new Error('no answer');
    return asked;
  }

  /** What the grid does with a request; the same again for the same requestId. */
  send(request: Errand['request']): Outcome {
    this.sent.push(request);
    const actor = request.op === 'reserve' ? request : request.ref;
    const key = `${actor.region}/${actor.sku}/${request.requestId}`;
    const before = this.#answers.get(key);
    if (before !== undefined) return before;
    const outcome = request.op === 'reserve' ? this.#reserve(request) : this.#end(request);
    this.#answers.set(key, outcome);
    return outcome;
  }

  #reserve(request: Errand['request'] & { op: 'reserve' }): Outcome {
    const position = `${request.region}/${request.sku}`;
    const free = this.free(position);
    const qty = request.allowPartial ? Math.min(free, request.qty) : request.qty;
    if (qty === 0 || qty > free)
      return failure('INSUFFICIENT_STOCK', `${request.qty} asked, ${free} available to sell`);
    const reservationId = formatReservationId(request.region, request.sku, 1, this.reservations.size + 1);
    this.reservations.set(reservationId, { position, qty, state: 'RESERVED' });
    const version = { epoch: 1, seq: 1 };
    return {
      ok: true,
      reservationId,
      qty,
      node: 'n-1',
      expiresAt: this.now + request.ttlMs,
      availableToSell: 0,
      version,
    };
  }

  #end(request: Errand['request'] & { op: 'commit' | 'release' }): Outcome {
    const held = this.reservations.get(request.reservationId);
    if (held === undefined) return failure('NOT_FOUND', 'no such reservation');
    if (held.state !== 'RESERVED') return { ...failure('RESERVATION_ENDED', 'ended'), state: held.state };
    held.state = request.op === 'commit' ? 'COMMITTED' : 'RELEASED';
    const version = { epoch: 1, seq: 1 };
    if (request.op === 'release') return { ok: true, state: 'RELEASED', version };
    held.qty = request.qty ?? held.qty;
    return { ok: true, state: 'COMMITTED', qty: held.qty, version };
  }

  /** Units that nobody holds. */
  free(position: string): number {
    let free = this.#onHand.get(position) ?? 0;
    for (const held of this.reservations.values()) {
      if (held.position === position && held.state !== 'RELEASED') free -= held.qty;
    }
    return free;
  }

  /** A tentative reservation that is due asks the order, and does what it is told. */
  askAndEnd(reservationId: string): AskAnswer {
    const answer = this.ask(reservationId);
    const held = this.reservations.get(reservationId);
    if (held?.state !== 'RESERVED' || answer.answer === 'unknown-yet') return answer;
    held.state = answer.answer === 'commit' ? 'COMMITTED' : 'RELEASED';
    if (answer.answer === 'commit') held.qty = answer.qty;
    return answer;
  }

  states(): string[] {
    return [...this.reservations]
      .map(([id, { state, qty }]) => `${parseReservationId(id)?.sku} ${qty} ${state}`)
      .sort();
  }
}
