// The life of the connection with a clock of the test's own.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../errors.ts';
import type { LinkEffect, LinkEvent, LinkSettings, LinkState } from './link.ts';
import { heard, initialLink, nextLinkWakeMs, setBusy, stepLink } from './link.ts';

const SETTINGS: LinkSettings = {
  connectTimeoutMs: 5_000,
  keepAliveMs: 15_000,
  probeMs: 1_500,
  pongTimeoutMs: 3_000,
  reconnectBackoff: { baseMs: 100, capMs: 5_000 },
};

/** A link, its clock, and chance always at `random`. */
function given(random = 0.5) {
  const link: LinkState = initialLink();
  let nowMs = 1_000;
  return {
    link,
    at: () => nowMs,
    advance(ms: number) {
      nowMs += ms;
    },
    on(event: LinkEvent): LinkEffect['type'][] {
      return stepLink(link, SETTINGS, event, { nowMs, random }).map(({ type }) => type);
    },
    dueInMs: () => nextLinkWakeMs(link, SETTINGS) - nowMs,
  };
}

function givenReady(random = 0.5) {
  const it = given(random);
  it.on({ type: 'start' });
  it.on({ type: 'opened' });
  it.on({ type: 'greeted' });
  return it;
}

describe('the link', () => {
  test('given the start, then it dials, greets and is ready', () => {
    const it = given();

    expect(it.on({ type: 'start' })).toEqual(['dial']);
    expect(it.on({ type: 'opened' })).toEqual(['greet']);
    expect(it.on({ type: 'greeted' })).toEqual(['ready']);
    expect(it.link.phase).toBe('ready');
  });

  test.each(['dialing', 'greeting'] as const)(
    'given no progress in %s, when the time is up, then it hangs up and waits',
    (phase) => {
      const it = given();
      it.on({ type: 'start' });
      if (phase === 'greeting') it.on({ type: 'opened' });

      it.advance(4_999);
      expect(it.on({ type: 'tick' })).toEqual([]);
      it.advance(1);
      expect(it.on({ type: 'tick' })).toEqual(['hangUp', 'down']);
      expect(it.link.phase).toBe('waiting');
    },
  );

  test('given failure after failure, then the longest wait doubles up to the cap', () => {
    const it = given(0.999_999);
    it.on({ type: 'start' });
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      it.on({ type: 'lost', reason: 'refused' });
      waits.push(it.dueInMs());
      it.advance(it.dueInMs());
      expect(it.on({ type: 'tick' })).toEqual(['dial']);
    }

    expect(waits).toEqual([99, 199, 399, 799, 1_599, 3_199, 4_999, 4_999]);
  });

  test('given a connection that dies young again and again, then the back-off still grows; one that lived resets it', () => {
    const it = given(0.999_999);
    it.on({ type: 'start' });
    const dieAfter = (ms: number): number => {
      it.on({ type: 'opened' });
      it.on({ type: 'greeted' });
      it.advance(ms);
      it.on({ type: 'lost', reason: 'gone' });
      const wait = it.dueInMs();
      it.advance(wait);
      it.on({ type: 'tick' });
      return wait;
    };

    expect([dieAfter(0), dieAfter(0), dieAfter(0), dieAfter(5_000)]).toEqual([99, 199, 399, 99]);
  });

  test('given hello refused with a wait, then it waits at least that long', () => {
    const it = given(0);
    it.on({ type: 'start' });
    it.on({ type: 'opened' });

    const effects = it.on({ type: 'refused', failure: failure('OVERLOADED', 'busy', 700) });

    expect(effects).toEqual(['hangUp', 'down']);
    expect(it.dueInMs()).toBe(700);
  });

  test('given hello refused for its token, then the waiting calls are refused', () => {
    const it = given();
    it.on({ type: 'start' });
    it.on({ type: 'opened' });

    expect(it.on({ type: 'refused', failure: failure('UNAUTHENTICATED', 'no') })).toEqual(['hangUp', 'down', 'refuse']);
  });

  test('given silence without calls, then it asks after keepAliveMs and gives up after pongTimeoutMs', () => {
    const it = givenReady();

    expect(it.dueInMs()).toBe(15_000);
    it.advance(15_000);
    expect(it.on({ type: 'tick' })).toEqual(['probe']);
    expect(it.dueInMs()).toBe(3_000);
    it.advance(3_000);
    expect(it.on({ type: 'tick' })).toEqual(['hangUp', 'down']);
  });

  test('given calls that wait, then silence is judged from when they began to wait', () => {
    const it = givenReady();
    it.advance(10_000);

    setBusy(it.link, true, it.at());

    expect(it.dueInMs()).toBe(1_500);
  });

  test('given anything heard after the question, then the connection is kept', () => {
    const it = givenReady();
    it.advance(15_000);
    it.on({ type: 'tick' });
    it.advance(2_999);

    heard(it.link, it.at());
    it.advance(1);

    expect(it.on({ type: 'tick' })).toEqual([]);
    expect(it.link.phase).toBe('ready');
  });

  test('given our own process stalled past the deadline, then the answer gets another chance to be read', () => {
    const it = givenReady();
    it.advance(15_000);
    it.on({ type: 'tick' });

    it.advance(20_000);

    expect(it.on({ type: 'tick' })).toEqual([]);
    expect(it.dueInMs()).toBe(3_000);
  });

  test('given any history, when closed, then nothing moves it again', () => {
    const event = fc.constantFrom<LinkEvent>(
      { type: 'start' },
      { type: 'opened' },
      { type: 'greeted' },
      { type: 'lost', reason: 'x' },
      { type: 'refused', failure: failure('FORBIDDEN', 'no') },
      { type: 'tick' },
    );
    const step = fc.tuple(event, fc.nat(20_000));
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, after) => {
        const it = given();
        for (const [what, ms] of before) {
          it.advance(ms);
          it.on(what);
        }
        expect(it.on({ type: 'close' })).toEqual(['down']);
        for (const [what] of after) expect(it.on(what)).toEqual([]);
        expect(it.dueInMs()).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });

  test('given any history, then it is never stuck: unless idle or closed, something is due', () => {
    const event = fc.constantFrom<LinkEvent>(
      { type: 'start' },
      { type: 'opened' },
      { type: 'greeted' },
      { type: 'lost', reason: 'x' },
      { type: 'refused', failure: failure('OVERLOADED', 'busy', 50) },
      { type: 'tick' },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(20_000))), (history) => {
        const it = given();
        for (const [what, ms] of history) {
          it.advance(ms);
          it.on(what);
          if (it.link.phase !== 'idle') expect(it.dueInMs()).toBeLessThan(30_000);
        }
      }),
    );
  });
});
