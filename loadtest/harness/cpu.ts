// Who used the processors during a window: our own processes, and everybody else. On a shared machine the second
// figure tells whether a run can be believed. Linux only (/proc); elsewhere there are no figures.
import { readFileSync } from 'node:fs';

/** Of /proc: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface CpuSample {
  readonly atMs: number;
  /** Seconds the machine's processors were busy, all of them together. */
  readonly busy: number;
  /** Seconds that a hypervisor took. */
  readonly stolen: number;
  readonly byPid: ReadonlyMap<number, number>;
}

export interface CpuUse {
  /** Processors used by each named process, 1 = one core. */
  readonly byName: Readonly<Record<string, number>>;
  /** Processors used by processes that are not ours. */
  readonly others: number;
  readonly stolen: number;
}

/** Cores that were not ours in the window: of other processes, and those the hypervisor gave to other machines. */
export function coresLost(use: CpuUse | undefined): number {
  return use === undefined ? 0 : use.others + use.stolen;
}

export function sampleCpu(pids: Iterable<number>): CpuSample | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    const seconds = (field: number) => Number(line.trim().split(/\s+/)[field]) / TICKS_PER_SECOND;
    const byPid = new Map<number, number>();
    for (const pid of pids) {
      const used = processCpu(pid);
      if (used !== undefined) byPid.set(pid, used);
    }
    // Fields 1 to 3 and 6 to 7 are user, nice, system, irq, softirq; 4 and 5 are idle; 8 is steal.
    const busy = [1, 2, 3, 6, 7].reduce((sum, field) => sum + seconds(field), 0);
    return { atMs: performance.now(), busy, stolen: seconds(8), byPid };
  } catch {
    return undefined;
  }
}

/** The processes that it has started, and those that they have; none where the system does not tell. */
export function descendantsOf(pid: number): number[] {
  let children: number[];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Undefined of one that has ended. */
function processCpu(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may contain spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function cpuUse(
  from: CpuSample | undefined,
  to: CpuSample | undefined,
  names: ReadonlyMap<number, string>,
): CpuUse | undefined {
  if (from === undefined || to === undefined) return undefined;
  const seconds = (to.atMs - from.atMs) / 1000;
  const byName: Record<string, number> = {};
  let ours = 0;
  for (const [pid, used] of to.byPid) {
    const cores = (used - (from.byPid.get(pid) ?? 0)) / seconds;
    const name = names.get(pid) ?? String(pid);
    byName[name] = (byName[name] ?? 0) + cores;
    ours += cores;
  }
  const others = Math.max(0, (to.busy - from.busy) / seconds - ours);
  return { byName, others, stolen: (to.stolen - from.stolen) / seconds };
}
