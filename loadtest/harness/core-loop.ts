// Measures the actor core alone, in a process of its own. There is nothing to wait for, so there are no latencies.
import type { LoadResult } from '../generator/load.ts';
import type { Load, Measurement } from './measure.ts';
import { unitsPerSku } from './measure.ts';
import { Service, script } from './processes.ts';
import { REGION } from './systems.ts';

const NONE = { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 };

export async function measureCore({ skus, zipf = 0, warmUpMs, windowMs }: Load): Promise<Measurement> {
  const options = { skus, zipf, units: unitsPerSku(skus), region: REGION, 'warm-up': warmUpMs, window: windowMs };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let last = '';
  const service = new Service('core', process.execPath, [script('baseline/core-loop'), ...args], (line) => {
    last = line;
  });
  if ((await service.exited) !== 0) throw new Error(`the core failed: ${service.output}`);
  const said = JSON.parse(last) as Pick<LoadResult, 'perSecond' | 'windowMs' | 'acknowledged'>;
  const result: LoadResult = {
    ...said,
    offeredPerSecond: said.perSecond,
    refusals: {},
    turnedAway: 0,
    examples: [],
    unanswered: 0,
    latencyUs: NONE,
    serviceUs: undefined,
    latenessUs: undefined,
    histogram: '',
  };
  return { result, cpu: undefined, endedAtMs: performance.now(), faults: [] };
}
