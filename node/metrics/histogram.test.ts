// The cheap histogram against prom-client's own: the same observations must give the same samples.
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { LabelledHistogram } from './histogram.ts';

const BUCKETS = [0.001, 0.01, 0.1, 1];
const NAME = { name: 'x_seconds', help: 'A time.', labelNames: ['op', 'code'] as const };

function sorted(text: string): string[] {
  // Labels may stand in any order within a sample.
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\{(.*)\}/, (_all, labels: string) => `{${labels.split(',').sort().join(',')}}`))
    .sort();
}

describe('a labelled histogram', () => {
  test('given any observations, when it is scraped, then it says what the histogram of prom-client says', async () => {
    const observation = fc.record({
      op: fc.constantFrom('reserve', 'get'),
      code: fc.constantFrom('OK', 'NOT_FOUND'),
      seconds: fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 5, noNaN: true })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(observation), async (observations) => {
        const ours = new Registry();
        const theirs = new Registry();
        const cheap = new LabelledHistogram({ ...NAME, buckets: BUCKETS, registry: ours });
        const reference = new Histogram({
          ...NAME,
          labelNames: [...NAME.labelNames],
          buckets: BUCKETS,
          registers: [theirs],
        });
        for (const { op, code, seconds } of observations) {
          cheap.labels({ op, code }).observe(seconds);
          reference.labels({ op, code }).observe(seconds);
        }
        expect(sorted(await ours.metrics())).toEqual(sorted(await theirs.metrics()));
      }),
    );
  });

  test('given a series, when the registry is reset, then it counts on from zero', async () => {
    const registry = new Registry();
    const histogram = new LabelledHistogram({ ...NAME, buckets: BUCKETS, registry });
    const series = histogram.labels({ op: 'get', code: 'OK' });
    series.observe(1);
    registry.resetMetrics();
    series.observe(0.5);
    expect(await registry.metrics()).toContain('x_seconds_sum{op="get",code="OK"} 0.5');
    expect(histogram.labels({ op: 'get', code: 'OK' })).toBe(series);
  });
});
