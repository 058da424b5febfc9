// What a run of any scenario is given and comes to, and how it ends: all workers stop cleanly, and what was counted is put together.
import type { Violation } from '../oracle/history.ts';
import type { SubjectFactory } from '../subject.ts';
import type { World } from './world.ts';

export interface RunOptions {
  readonly factory?: SubjectFactory;
  readonly workers?: number;
  /** Keeps the trace's lines. */
  readonly keepTrace?: boolean;
}

export interface RunResult {
  readonly seed: string;
  readonly faults: string;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly operations: number;
  readonly faultsStruck: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly epochs: number;
  /** Losses that a worker reported and that did not happen: they cost a restart, and somebody's sleep. */
  readonly falseAlarms: readonly string[];
}

/** Once all faults have ended, whatever was asked is answered within this long, ms, and a session's life. */
export const LIVENESS_MS = 15_000;

/** Takes the run to where nothing is left to be seen, then stops its workers. What is thrown meanwhile is a violation. */
export async function runToEnd(world: World, steps: () => Promise<void>): Promise<void> {
  const { scheduler, violations } = world;
  try {
    await steps();
    let isStopped = false;
    void world.stopAll().then(() => {
      isStopped = true;
    });
    const stopBy = scheduler.now + LIVENESS_MS;
    scheduler.at(stopBy, () => {});
    await scheduler.run(() => isStopped || scheduler.now >= stopBy);
    if (!isStopped) violations.push({ invariant: 'liveness', text: `no clean stop within ${LIVENESS_MS} ms` });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    violations.push({ invariant: 'run', text });
  }
}

/** What was counted, beside what the scenario knows of itself. */
export function resultOf(world: World, own: Pick<RunResult, 'seed' | 'faults' | 'operations'>): RunResult {
  const { violations, trace, struck, medium, scheduler, falseAlarms } = world;
  return {
    ...own,
    violations,
    traceHash: trace.hash,
    trace: trace.lines,
    faultsStruck: struck + medium.struck,
    events: scheduler.events,
    simulatedMs: scheduler.now,
    epochs: medium.epochs,
    falseAlarms,
  };
}
