// One measurement: a system on an empty store, stock loaded, a load run against it, the stock counted afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import type { GeneratorLine, LoadResult, LoadSpec } from '../generator/load.ts';
import { together } from '../generator/together.ts';
import { type CpuSample, type CpuUse, cpuUse, descendantsOf, sampleCpu } from './cpu.ts';
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
  /** See LoadSpec; uniform by default. */
  readonly zipf?: number;
  /** Reserves in a frame, 1 by default. */
  readonly batch?: number;
  /** Processes that the connections are spread over, 1 by default. */
  readonly generators?: number;
  readonly shape: Shape;
  readonly ratePerSecond?: number;
  /** See LoadSpec; the same as ratePerSecond by default. */
  readonly warmUpRatePerSecond?: number;
  /** See LoadSpec. */
  readonly heeds?: boolean;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface Measurement {
  readonly result: LoadResult;
  readonly cpu: CpuUse | undefined;
  /** When its window ended, ms of performance.now. */
  readonly endedAtMs: number;
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
  use: (running: RunningSystem, dir: string) => Promise<T>,
): Promise<T> {
  const dir = freshDir(parentDir);
  let running: RunningSystem | undefined;
  try {
    running = await system.start(dir);
    return await use(running, dir);
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

/** Runs generators as processes of their own and accounts CPU over the window of the first. */
export async function runLoadOn(running: RunningSystem, load: Load): Promise<Measurement> {
  const names = new Map<number, string>(running.services.map((service) => [service.pid, service.name]));
  names.set(process.pid, 'harness');
  // A supervisor's workers and PostgreSQL's connections are part of what is measured.
  const sample = (): CpuSample | undefined => {
    for (const { pid, name } of running.services) for (const part of descendantsOf(pid)) names.set(part, name);
    return sampleCpu(names.keys());
  };
  let from: CpuSample | undefined;
  let to: CpuSample | undefined;
  let endedAtMs = 0;
  const generators = specsOf(running.port, load).map((spec, index) =>
    generate(spec, load, (line) => {
      if (index > 0) return;
      if (line.event === 'window-start') from = sample();
      if (line.event === 'window-end') {
        to = sample();
        endedAtMs = performance.now();
      }
    }),
  );
  for (const { service } of generators) names.set(service.pid, service.name);
  const results: LoadResult[] = [];
  for (const { service, last } of generators) {
    const line = await last;
    if (line?.event !== 'result') {
      const cause = line?.event === 'error' ? line.message : service.output;
      const servers = running.services.map(({ name, output }) => `${name}: ${output}`);
      throw new Error(`the generator failed: ${cause}\n${servers.join('\n')}`);
    }
    results.push(line.result);
  }
  const result = together(results);
  return { result, cpu: cpuUse(from, to, names), endedAtMs, faults: faultsOf(result, load) };
}

/** The load's connections and rate, shared out among its generators. */
function specsOf(port: number, load: Load): LoadSpec[] {
  const { skus, zipf = 0, batch = 1, generators = 1, shape, heeds = false, warmUpMs, windowMs } = load;
  const { connections, inFlight } = shape;
  const framesOfEach = (rate: number | undefined) => (rate === undefined ? undefined : rate / batch / generators);
  if (generators > connections)
    throw new Error(`${connections} connections cannot be spread over ${generators} generators`);
  return Array.from({ length: generators }, (_, n) => ({
    port,
    region: REGION,
    skus,
    zipf,
    batch,
    connections: Math.floor((connections + n) / generators),
    inFlight,
    ratePerSecond: framesOfEach(load.ratePerSecond),
    warmUpRatePerSecond: framesOfEach(load.warmUpRatePerSecond),
    heeds,
    warmUpMs,
    windowMs,
  }));
}

function generate(spec: LoadSpec, load: Load, onLine: (line: GeneratorLine) => void) {
  let line: GeneratorLine | undefined;
  const args = [script('generator/main'), JSON.stringify(spec)];
  const service = new Service('generator', process.execPath, args, (text) => {
    line = JSON.parse(text) as GeneratorLine;
    onLine(line);
  });
  const timer = setTimeout(() => void service.stop('SIGKILL'), load.warmUpMs + load.windowMs + OVERTIME_MS);
  const last = service.exited.then(() => {
    clearTimeout(timer);
    return line;
  });
  return { service, last };
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
