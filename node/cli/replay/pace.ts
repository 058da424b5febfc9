// Feeds the deeds of an order file to the driver, as fast as it takes them or at a multiple of history's pace, and
// shows how far it is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Output } from '../output.ts';
import { grouped } from '../output.ts';
import type { ReplayDriver } from './driver.ts';
import { deedOf, type RawLine } from './lines.ts';
import type { Plan } from './plan.ts';

/** `max`, or how many seconds of history pass in a second. */
export type Speed = 'max' | number;

/** Where no progress bar can be shown, a line says how far the run is, this often, ms. */
const NOTE_EVERY_MS = 10_000;

export interface DriveOptions {
  readonly lines: AsyncIterable<RawLine>;
  readonly plan: Plan;
  readonly driver: ReplayDriver;
  readonly speed: Speed;
  readonly output: Output;
  /** Aborted: nothing more is begun; what is under way is finished. */
  readonly signal: AbortSignal;
}

export async function driveFile({ lines, plan, driver, speed, output, signal }: DriveOptions): Promise<void> {
  const total = plan.counts.order + plan.counts.return + plan.counts.writeOff;
  const startedAt = performance.now();
  const progress = output.progress(total, 'lines');
  let notedAt = startedAt;
  const ticker = setInterval(() => {
    const now = performance.now();
    const { done, requests } = driver.totals;
    progress.update(done);
    if (process.stderr.isTTY || now - notedAt < NOTE_EVERY_MS) return;
    notedAt = now;
    const perSecond = requests / ((now - startedAt) / 1_000);
    output.note(`${grouped(done)} of ${grouped(total)} lines, ${grouped(perSecond)} requests/s`);
  }, 200);
  try {
    for await (const raw of lines) {
      if (signal.aborted) break;
      const deed = deedOf(raw);
      if (typeof deed === 'string') continue;
      if (speed !== 'max') {
        const dueMs = startedAt + (deed.at - plan.from) / speed - performance.now();
        if (dueMs > 1) await sleep(dueMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) break;
      }
      await driver.submit(deed);
    }
    await driver.drained();
  } finally {
    clearInterval(ticker);
    progress.stop();
  }
}
