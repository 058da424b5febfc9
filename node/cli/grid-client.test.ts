// What a person reads when a grid does not do what a command asks.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HoldfastError } from '../../protocol/client/index.ts';
import { UserError } from './exit.ts';
import { gridFailure } from './grid-client.ts';
import { startPatience } from './patience.ts';

describe('gridFailure', () => {
  test('given a refusal of the grid, then it is one line and a next step', () => {
    const answer = gridFailure(new HoldfastError('UNAVAILABLE', 'the store does not answer'));

    expect(answer).toBeInstanceOf(UserError);
    expect(answer?.message).toBe('the grid says UNAVAILABLE: the store does not answer');
    expect(answer?.hint).toContain('holdfast status');
  });

  test.each([
    ['ENOTFOUND', 'the host is not known'],
    ['HPE_INVALID_CONSTANT', 'what listens there does not speak HTTP'],
    ['ECONNRESET', 'it closed the connection'],
  ])('given %s, then it says that %s', (code, meaning) => {
    expect(gridFailure(Object.assign(new Error('internals'), { code }))?.message).toBe(
      `the grid cannot be reached (${meaning})`,
    );
  });

  test('given any other error, then it stays what it is', () => {
    expect(gridFailure(new TypeError('x is not a function'))).toBeUndefined();
  });
});

describe('patience', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('given a silence of 2 s, then it says once until when it waits, and again after the next silence', () => {
    const said: string[] = [];
    const patience = startPatience((line) => said.push(line));

    vi.advanceTimersByTime(1_999);
    patience.heard();
    vi.advanceTimersByTime(1_999);
    expect(said).toEqual([]);

    vi.advanceTimersByTime(20_000);
    expect(said).toEqual([expect.stringMatching(/has not answered for 2 s; waiting until \d\d:\d\d:\d\d/)]);
    patience.heard();
    vi.advanceTimersByTime(2_000);
    expect(said).toHaveLength(2);
  });

  test('given that it was stopped, then a late answer does not begin it again', () => {
    const said: string[] = [];
    const patience = startPatience((line) => said.push(line));

    patience.stop();
    patience.heard();

    expect(vi.getTimerCount()).toBe(0);
  });
});
