// Simulated ship nodes: they pick and pack after some hours, miss a unit at times, and reject a package now and then. It depends on the
// seed and the package alone, so that nothing has to be remembered and a process that comes back sees the same.
import type { BusinessClock, NodeProgress, NodeRequest, ShipNodes } from '../ports.ts';
import { drawExponentialOf, drawOf } from './draw.ts';

const HOUR_MS = 3_600_000;

export interface ShipNodeOptions {
  readonly seed: number;
  readonly clock: Pick<BusinessClock, 'now'>;
  /** Mean time from release to picked, and from picked to packed, ms. */
  readonly pickMeanMs?: number;
  readonly packMeanMs?: number;
  /** Of packages: that a unit is missing, that one is damaged, that the node rejects it. */
  readonly short?: number;
  readonly damaged?: number;
  readonly rejected?: number;
}

export function simulatedShipNodes({
  seed,
  clock,
  pickMeanMs = 3 * HOUR_MS,
  packMeanMs = HOUR_MS,
  short = 0.01,
  damaged = 0.003,
  rejected = 0.01,
}: ShipNodeOptions): ShipNodes {
  const progress = ({ orderId, packageId, lines, grams }: NodeRequest, since: number): NodeProgress => {
    const about = [orderId, packageId];
    const pickedAt = since + drawExponentialOf(pickMeanMs, seed, 'pick', ...about);
    const now = clock.now();
    if (now < pickedAt) return { state: 'waiting' };
    const luck = drawOf(seed, 'luck', ...about);
    const line = lines[Math.floor(drawOf(seed, 'line', ...about) * lines.length)];
    if (luck < rejected) return { state: 'rejected', reasonCode: luck < rejected / 2 ? 'tooBusy' : 'outOfStock' };
    if (luck < rejected + short + damaged && line !== undefined) {
      const reasonCode = luck < rejected + short ? 'notFound' : 'damaged';
      return { state: 'short', missing: [{ lineId: line.lineId, qty: 1 }], reasonCode };
    }
    if (now < pickedAt + drawExponentialOf(packMeanMs, seed, 'pack', ...about)) return { state: 'picked' };
    return { state: 'packed', grams };
  };
  return {
    release: async () => undefined,
    // It is not asked about a package again that was cancelled.
    cancel: async () => undefined,
    progress: async (request, since) => progress(request, since),
  };
}
