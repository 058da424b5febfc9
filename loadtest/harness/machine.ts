// What a figure was measured on, for the report: without it a figure says nothing.
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { coresLost, cpuUse, sampleCpu } from './cpu.ts';

export interface MachineInfo {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
  readonly commit: string;
  /** Averages over 1, 5 and 15 minutes, before anything of ours ran. */
  readonly loadAverage: readonly number[];
  readonly at: string;
}

export function describeMachine(): MachineInfo {
  const redis = /v=(\S+)/.exec(outputOf('redis-server', ['--version']));
  const dirty = outputOf('git', ['status', '--porcelain']) === '' ? '' : ' with changes';
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    redis: redis?.[1] ?? 'absent',
    commit: outputOf('git', ['rev-parse', '--short', 'HEAD']) + dirty,
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
    at: new Date().toISOString(),
  };
}

export function machineLine(machine: MachineInfo): string {
  const { cpu, cores, memoryGiB, kernel, node, redis, commit, loadAverage } = machine;
  return `${cores} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, Redis ${redis}, commit ${commit}, load average ${loadAverage.join(' ')}`;
}

/** Cores that others may use, or the hypervisor take, in a window that counts as undisturbed. Our own fsyncs make the
 * kernel's threads work, which are counted with the others; that is below a tenth of a core. */
export const LOST_CORES_MAX = 0.25;
const QUIET_SAMPLE_MS = 500;

/** Waits until others leave the processors alone; false when they did not within the time. */
export async function quietMachine(waitMs: number): Promise<boolean> {
  const until = performance.now() + waitMs;
  const names = new Map([[process.pid, 'harness']]);
  for (;;) {
    const from = sampleCpu(names.keys());
    await sleep(QUIET_SAMPLE_MS);
    const use = cpuUse(from, sampleCpu(names.keys()), names);
    if (use === undefined || coresLost(use) < LOST_CORES_MAX) return true;
    if (performance.now() > until) return false;
  }
}

function outputOf(command: string, args: readonly string[]): string {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout?.trim() ?? '';
}
