// Answers of the transit model as sourcing asks for them.
import { expect, test } from 'vitest';
import type { TransitTimes } from '../sourcing/transit.ts';
import { transitAnswers } from './for-sourcing.ts';
import { OnlineTransitModel } from './online-model.ts';
import { DAY_MS, daysAround, newsOf, START, steady, tell } from './testing/parcels.ts';

const AHEAD = {
  node: { node: 'chicago' },
  service: { service: 'ground' },
  km: 1_150,
  destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
  handedOverAt: START + 30 * DAY_MS,
} as unknown as Parameters<TransitTimes>[0];

test('given the model behind the port of sourcing, then its answers are those of the last refresh', () => {
  const model = new OnlineTransitModel();
  const answers = transitAnswers(model, START + 30 * DAY_MS);
  const port: TransitTimes = answers.transitTimes;
  const cold = port(AHEAD);
  tell(
    model,
    newsOf(
      steady(0, 30, 50, (share) => daysAround(1, share)),
      30,
    ),
  );

  expect(port(AHEAD)).toBe(cold);
  answers.refresh(START + 30 * DAY_MS);
  expect(port(AHEAD).p50).toBeLessThan(cold.p50);
});
