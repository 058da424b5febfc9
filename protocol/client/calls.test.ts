// The call table against any order of answers, refusals, losses and passing time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../errors.ts';
import type { Outcome } from '../types.ts';
import type { WireRequest } from '../wire.ts';
import { Call } from './call.ts';
import type { CallLimits } from './calls.ts';
import { CallTable } from './calls.ts';
import type { HoldfastError } from './errors.ts';

const LIMITS: CallLimits = { inFlightMax: 4, queuedMax: 20, retryBackoff: { baseMs: 10, capMs: 100 } };
const TOO_MANY = failure('OVERLOADED', 'too many', 20);
const OK: Outcome = { ok: true, subscriptions: 0 };

interface Tried {
  readonly name: string;
  readonly ends: (Outcome | HoldfastError)[];
}

const reserve = (requestId: string): WireRequest => ({ op: 'reserve', sku: 's', region: 'r', qty: 1, requestId });
const release = (requestId: string): WireRequest => ({ op: 'release', reservationId: 'r', requestId });
const takeTasks: WireRequest = { op: 'takeTasks', region: 'r', kinds: [], waitMs: 5_000 };

function submit(
  table: CallTable,
  name: string,
  nowMs = 0,
  timeoutMs = 1_000,
  weight = 1,
  request: WireRequest = reserve(name),
): Tried {
  const ends: Tried['ends'] = [];
  const submission = { request, requestIds: [name], weight, timeoutMs, deadlineMs: nowMs + timeoutMs };
  const end = (result: Outcome | HoldfastError): void => void ends.push(result);
  table.add(new Call(submission, end, end));
  return { name, ends };
}

const nameOf = ({ requestIds }: Call): string | undefined => requestIds[0];

describe('the call table', () => {
  test('given calls in flight and waiting, when the connection is lost, then all go again, those in flight first', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 2 });
    for (const name of ['a', 'b', 'c']) submit(table, name);
    const first = table.takeSendable(10, 0);

    table.requeueInFlight();
    const second = table.takeSendable(10, 0);

    expect([first.map(nameOf), second.map(nameOf)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(table.queued).toBe(1);
  });

  test('given an answer to an attempt before the last, then it is not taken for an answer', () => {
    const table = new CallTable(LIMITS);
    const call = submit(table, 'a');
    const first = table.takeSendable(1, 0)[0]?.wireId;
    table.requeueInFlight();
    table.takeSendable(1, 0);

    expect(table.answer(first, OK, 0, 0)).toBe(false);
    expect(call.ends).toEqual([]);
  });

  test('given an attempt that may have had its effect, when a later one is turned away for good, then the outcome is unknown', () => {
    const table = new CallTable(LIMITS);
    const call = submit(table, 'a');
    table.takeSendable(1, 0);
    table.requeueInFlight();
    const again = table.takeSendable(1, 0)[0]?.wireId;

    table.answer(again, failure('OVERLOADED', 'busy', 5_000), 0, 0);

    expect(call.ends).toMatchObject([{ code: 'OVERLOADED', outcome: 'unknown' }]);
  });

  test('given a call that was one too many for the grid, then fewer are sent at once', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 10, queuedMax: 100 });
    for (let n = 0; n < 40; n++) submit(table, `${n}`);
    const sent = table.takeSendable(100, 0);

    for (const { wireId } of sent) table.answer(wireId, failure('OVERLOADED', 'too many', 5_000), 0, 0);

    expect(sent.length).toBe(10);
    expect(table.takeSendable(100, 0).length).toBe(7);
  });

  test('given a batch heavier than the limit, then it goes alone rather than never', () => {
    const table = new CallTable(LIMITS);
    submit(table, 'small');
    submit(table, 'batch', 0, 1_000, 1_000);
    const [small] = table.takeSendable(10, 0);

    expect(table.takeSendable(10, 0)).toEqual([]);
    table.answer(small?.wireId, OK, 0, 0);
    expect(table.takeSendable(10, 0).map(nameOf)).toEqual(['batch']);
    expect(table.sendable).toBe(false);
  });

  test('given reserves that are refused and wait, when a reservation is released, then that goes at once and first', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 100, queuedMax: 1_000 });
    for (let n = 0; n < 500; n++) submit(table, `${n}`);
    for (let left = 20, sent = table.takeSendable(100, 0); left > 0; left--, sent = table.takeSendable(100, 0))
      for (const { wireId } of sent) table.answer(wireId, TOO_MANY, 0, 0);

    for (const name of ['a', 'b']) submit(table, name, 0, 1_000, 1, release(name));

    expect(table.takeSendable(100, 0).map(nameOf)).toEqual(['a', 'b']);
  });

  test('given more to settle than may be in flight, and reserves, then neither waits for the end of the other', () => {
    const table = new CallTable({ ...LIMITS, queuedMax: 1_000 });
    for (let n = 0; n < 100; n++) submit(table, `reserve-${n}`);
    for (let n = 0; n < 100; n++) submit(table, `release-${n}`, 0, 1_000, 1, release(`release-${n}`));
    let taken: (string | undefined)[] = [];
    for (let n = 0; n < 10; n++) {
      const sent = table.takeSendable(100, 0);
      taken = [...taken, ...sent.map(nameOf)];
      for (const { wireId } of sent) table.answer(wireId, OK, 0, 0);
    }

    const reserves = taken.filter((name) => name?.startsWith('reserve')).length;
    expect([reserves, taken.length]).toEqual([5, 40]);
  });

  test('given a request for tasks that waits in the grid, then others do not wait for it', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 1_024 });
    submit(table, 'tasks', 0, 10_000, 100, takeTasks);
    table.takeSendable(10, 0);
    submit(table, 'reserve');
    submit(table, 'batch', 0, 1_000, 500);

    expect(table.takeSendable(10, 0).map(nameOf)).toEqual(['reserve']);
    table.answer(2, OK, 0, 0);
    expect(table.takeSendable(10, 0).map(nameOf)).toEqual(['batch']);
  });

  test('given few calls at a time, then the window does not grow on them', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 1_024, queuedMax: 2_000 });
    for (let n = 0; n < 1_000; n++) {
      submit(table, `${n}`);
      for (const { wireId } of table.takeSendable(10, 0)) table.answer(wireId, OK, 0, 0);
    }
    for (let n = 0; n < 1_500; n++) submit(table, `more-${n}`);

    expect(table.takeSendable(2_000, 0).length).toBe(32);
  });

  test('given many calls, then as many more are sent with each round of answers, but not of those that nobody served', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 1_024, queuedMax: 2_000 });
    for (let n = 0; n < 1_500; n++) submit(table, `${n}`);
    const sizes: number[] = [];
    for (const outcome of [OK, failure('UNAVAILABLE', 'moving'), OK]) {
      const sent = table.takeSendable(2_000, 0);
      sizes.push(sent.length);
      for (const { wireId } of sent) table.answer(wireId, outcome, 0, 0);
    }

    expect([...sizes, table.takeSendable(2_000, 0).length]).toEqual([32, 64, 64, 128]);
  });

  test('given a window that a busy grid has cut, when the connection is lost, then the next begins as the first did', () => {
    const table = new CallTable({ ...LIMITS, inFlightMax: 1_024, queuedMax: 2_000 });
    for (let n = 0; n < 1_000; n++) submit(table, `${n}`);
    for (let round = 0; round < 5; round++)
      for (const { wireId } of table.takeSendable(100, round)) table.answer(wireId, TOO_MANY, round, 0);
    const cut = table.takeSendable(100, 5).length;
    table.requeueInFlight();

    expect([cut, table.takeSendable(100, 5).length]).toEqual([5, 32]);
  });

  test('given any history, then each call ends at most once, by its deadline at the latest, and the bounds hold', () => {
    const answer = fc.constantFrom<Outcome>(
      OK,
      failure('OVERLOADED', 'busy', 30),
      failure('UNAVAILABLE', 'moving'),
      failure('INSUFFICIENT_STOCK', 'none'),
    );
    const step = fc.oneof(
      fc.record({
        type: fc.constant('submit' as const),
        timeoutMs: fc.integer({ min: 1, max: 400 }),
        settles: fc.boolean(),
      }),
      fc.record({ type: fc.constant('take' as const), max: fc.integer({ min: 1, max: 5 }) }),
      fc.record({
        type: fc.constant('answer' as const),
        which: fc.nat(),
        outcome: answer,
        random: fc.double({ min: 0, max: 0.99, noNaN: true }),
      }),
      fc.record({ type: fc.constant('lose' as const) }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const table = new CallTable(LIMITS);
        const tried: Tried[] = [];
        let sent: Call[] = [];
        let nowMs = 0;
        for (const one of steps) {
          switch (one.type) {
            case 'submit':
              if (table.queued < LIMITS.queuedMax) {
                const [name, { timeoutMs, settles }] = [`r${tried.length}`, one];
                tried.push(submit(table, name, nowMs, timeoutMs, 1, (settles ? release : reserve)(name)));
              } else expect(() => submit(table, 'x', nowMs)).toThrow('queuedMax');
              break;
            case 'take':
              sent.push(...table.takeSendable(one.max, nowMs));
              break;
            case 'answer':
              // Any attempt ever sent, so that stale and repeated answers occur too.
              table.answer(sent[one.which % Math.max(1, sent.length)]?.wireId, one.outcome, nowMs, one.random);
              break;
            case 'lose':
              table.requeueInFlight();
              sent = [];
              break;
            case 'advance':
              nowMs += one.ms;
              table.tick(nowMs);
          }
          expect(table.inFlight).toBeLessThanOrEqual(LIMITS.inFlightMax);
          expect(table.queued).toBeLessThanOrEqual(LIMITS.queuedMax + LIMITS.inFlightMax);
          expect(tried.filter(({ ends }) => ends.length === 0)).toHaveLength(table.inFlight + table.queued);
        }
        table.tick(nowMs + 1_000);
        for (const { ends } of tried) expect(ends).toHaveLength(1);
        expect([table.inFlight, table.queued, table.nextWakeMs()]).toEqual([0, 0, Number.POSITIVE_INFINITY]);
      }),
    );
  });
});
