// What the recorder counts, and how it corrects for coordinated omission.
import { describe, expect, it } from 'vitest';
import type { LoadSpec } from './load.ts';
import { Recorder } from './recorder.ts';

const SPEC: LoadSpec = {
  port: 0,
  region: 'eu-west',
  skus: 1,
  zipf: 0,
  batch: 1,
  connections: 1,
  inFlight: 1,
  heeds: false,
  ratePerSecond: 1000,
  warmUpRatePerSecond: undefined,
  warmUpMs: 0,
  windowMs: 1000,
};

/** A request is due each ms; the server answers at once, except that it stands still from 300 to 600 ms. */
function stalledServer(recorder: Recorder): void {
  recorder.openWindow(0);
  for (let dueMs = 0; dueMs < 1000; dueMs++) {
    const stalled = dueMs >= 300 && dueMs < 600;
    // With one request in flight, only the first of the stall left on time; the others waited in the client.
    const sentMs = stalled && dueMs > 300 ? 600 : dueMs;
    recorder.success(stalled ? 600 : dueMs, dueMs, sentMs);
  }
  recorder.closeWindow(1000);
}

describe('the recorder', () => {
  it('given a stall in an open loop, when summed up, then every request due meanwhile is charged for it', () => {
    const recorder = new Recorder(SPEC);
    stalledServer(recorder);
    const { latencyUs, serviceUs, latenessUs } = recorder.result(0);
    // 300 of 1,000 requests waited 1 to 300 ms: the 90th percentile waited 200.
    expect(latencyUs.p90 / 1000).toBeCloseTo(200, -1);
    expect(latencyUs.p50).toBe(0);
    // What a client that only times what it sent would have seen.
    expect(serviceUs?.p99).toBe(0);
    expect(latenessUs?.p90).toBeGreaterThan(190_000);
  });

  it('given replies outside the window, when summed up, then they count as acknowledged and not as measured', () => {
    const recorder = new Recorder({ ...SPEC, ratePerSecond: undefined });
    recorder.success(10, 5, 5);
    recorder.openWindow(100);
    recorder.success(150, 149, 149);
    recorder.closeWindow(1100);
    recorder.success(1200, 1, 1);
    const { acknowledged, perSecond, latencyUs } = recorder.result(0);
    expect({ acknowledged, perSecond, max: latencyUs.max }).toEqual({ acknowledged: 3, perSecond: 1, max: 1000 });
  });
});
