// Which process owns a lane, and whether that process still runs: what a successor on the same machine can find out
// without waiting for a session to expire. A pid alone is no identity (it is reused), hence start time and boot id.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** The process that forked it and starts it again when it ends; undefined where there is none. */
  readonly supervisorPid?: number;
  /** Clock ticks between boot and the start of the process; empty where the system does not tell. */
  readonly startTime: string;
  /** Of the running kernel; empty where the system does not tell. */
  readonly bootId: string;
  /** Of the installed system; empty where the system does not tell. */
  readonly machineId: string;
  /** Pids mean something within their namespace only (containers); empty where there are none. */
  readonly pidNamespace: string;
}

/** `unknown`: it ran where its pids cannot be seen, on another machine or in another container. */
export type Liveness = 'alive' | 'dead' | 'unknown';

export function thisProcess(): ProcessIdentity {
  return {
    host: hostname(),
    pid: process.pid,
    // Only what was forked has a channel to its parent.
    ...(process.send === undefined ? {} : { supervisorPid: process.ppid }),
    startTime: startTimeOf(process.pid),
    bootId: bootId(),
    machineId: machineId(),
    pidNamespace: pidNamespace(),
  };
}

/** What somebody on its host does to stop a process for good. */
export function howToStop({ pid, supervisorPid }: ProcessIdentity): string {
  if (supervisorPid === undefined) return `stop it (kill ${pid})`;
  return `stop process ${supervisorPid}, which would start it again (kill ${supervisorPid})`;
}

/** Whether the process described still runs, as far as this process can see. */
export function livenessOf(other: ProcessIdentity): Liveness {
  if (other.host !== hostname()) return 'unknown';
  if (other.bootId !== bootId()) return rebooted(other) ? 'dead' : 'unknown';
  if (other.pidNamespace !== pidNamespace()) return 'unknown';
  if (!pidExists(other.pid)) return 'dead';
  return startTimeOf(other.pid) === other.startTime ? 'alive' : 'dead';
}

/**
 * Another boot of this very machine: then nothing of before runs. Machines and containers may share a name, and containers
 * of one image a machine id, so only what ran outside containers is recognised.
 */
function rebooted(other: ProcessIdentity): boolean {
  const outside = 'pid:[4026531836]';
  const machine = machineId();
  return machine !== '' && other.machineId === machine && other.pidNamespace === outside && pidNamespace() === outside;
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'latin1').trim();
  } catch {
    return '';
  }
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/<pid>/stat. The command name before it may hold spaces and parentheses. A zombie has ended. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
