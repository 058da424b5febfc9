// One measurement: a system on an empty store, stock loaded, a load run against it, the stock counted afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import type { GeneratorLine, LoadResult, LoadSpec } from '../generator/load.ts';
import { type CpuSample, type CpuUse, cpuUse, sampleCpu } from './cpu.ts';
import { Service, script } from './processes.ts';
import { freshDir, REGION, type RunningSystem, removeDir, type System } from './systems.ts';
import { loadStock, unitsAvailable } from './wire.ts';

/** Connections × requests in flight on each. */
export interface Shape {
  readonly connections: number;
  readonly inFlight: number;
}

export interface Load {
  /** 1 is the hot SKU. */
  readonly skus: number;
  readonly shape: Shape;
  readonly ratePerSecond?: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface Measurement {
  readonly result: LoadResult;
  readonly cpu: CpuUse | undefined;
  /** Why the figure must not be used; empty when it may. */
  readonly faults: readonly string[];
}

/** Plenty: no load of a few seconds can sell this many, over one SKU or over each of many. */
const UNITS_HOT = 2_000_000_000;
const UNITS_UNIFORM = 1_000_000;

export function unitsPerSku(skus: number): number {
  return skus === 1 ? UNITS_HOT : UNITS_UNIFORM;
}

/** The loads of one system on one store, fresh or kept between them by the caller. */
export async function withSystem<T>(
  system: System,
  parentDir: string,
  use: (running: RunningSystem) => Promise<T>,
): Promise<T> {
  const dir = freshDir(parentDir);
  let running: RunningSystem | undefined;
  try {
    running = await system.start(dir);
    return await use(running);
  } finally {
    await running?.stop();
    removeDir(dir);
  }
}

/** A whole measurement on an empty store. */
export function measureFresh(system: System, parentDir: string, load: Load): Promise<Measurement> {
  return withSystem(system, parentDir, async (running) => {
    const units = unitsPerSku(load.skus);
    await loadStock(running.port, load.skus, units);
    // Loading leaves flushes, snapshots and garbage behind; they are not what is measured.
    await sleep(SETTLE_MS);
    const measured = await runLoadOn(running, load);
    if (system.name === 'echo') return measured;
    const sold = units * load.skus - (await unitsAvailable(running.port, load.skus));
    if (sold === measured.result.acknowledged) return measured;
    const fault = `${measured.result.acknowledged} reserves were acknowledged, but ${sold} units are gone`;
    return { ...measured, faults: [...measured.faults, fault] };
  });
}
const SETTLE_MS = 500;

/** Runs the generator as its own process and accounts CPU over its window. */
export async function runLoadOn(running: RunningSystem, load: Load): Promise<Measurement> {
  const spec: LoadSpec = {
    port: running.port,
    region: REGION,
    skus: load.skus,
    connections: load.shape.connections,
    inFlight: load.shape.inFlight,
    ratePerSecond: load.ratePerSecond,
    warmUpMs: load.warmUpMs,
    windowMs: load.windowMs,
  };
  const names = new Map<number, string>(running.services.map((service) => [service.pid, service.name]));
  let from: CpuSample | undefined;
  let to: CpuSample | undefined;
  let last: GeneratorLine | undefined;
  const generator = new Service(
    'generator',
    process.execPath,
    [script('generator/main'), JSON.stringify(spec)],
    (line) => {
      last = JSON.parse(line) as GeneratorLine;
      if (last.event === 'window-start') from = sampleCpu(names.keys());
      if (last.event === 'window-end') to = sampleCpu(names.keys());
    },
  );
  names.set(generator.pid, generator.name);
  names.set(process.pid, 'harness');
  const limitMs = load.warmUpMs + load.windowMs + OVERTIME_MS;
  const timer = setTimeout(() => void generator.stop('SIGKILL'), limitMs);
  await generator.exited;
  clearTimeout(timer);
  if (last?.event !== 'result') {
    const cause = last?.event === 'error' ? last.message : generator.output;
    throw new Error(
      `the generator failed: ${cause}\n${running.services.map((s) => `${s.name}: ${s.output}`).join('\n')}`,
    );
  }
  return { result: last.result, cpu: cpuUse(from, to, names), faults: faultsOf(last.result, load) };
}
const OVERTIME_MS = 40_000;

function faultsOf(result: LoadResult, load: Load): string[] {
  const faults = Object.entries(result.refusals).map(([code, count]) => `${count} replies were ${code}`);
  if (faults.length > 0) faults.push(...result.examples);
  if (result.unanswered > 0) faults.push(`${result.unanswered} requests were never answered`);
  if (result.perSecond === 0) faults.push('nothing was measured');
  const { ratePerSecond } = load;
  if (ratePerSecond !== undefined && result.offeredPerSecond < ratePerSecond * 0.98) {
    faults.push(
      `only ${Math.round(result.offeredPerSecond)} of ${Math.round(ratePerSecond)} requests a second were sent`,
    );
  }
  return faults;
}
