// What a process is called that has something in a folder, and whether it is gone.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { codeOf, unless } from './durable.ts';

/** Host, process, and when that began. */
export async function ownOwner(): Promise<string> {
  return `${hostname()}.${process.pid}.${await startOf(process.pid)}`;
}

/** Of this host only: of processes elsewhere nothing can be known. */
export async function isGone(owner: string): Promise<boolean> {
  const match = /^(.+)\.(\d+)\.(\d+)$/.exec(owner);
  if (match === null || match[1] !== hostname()) return false;
  const pid = Number(match[2]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
  // Numbers of processes come again.
  return (await startOf(pid)) !== match[3];
}

/** When a process began, in ticks since the machine did; 0 where the system does not say. */
async function startOf(pid: number): Promise<string> {
  const stat = await unless(['ENOENT', 'ESRCH', 'EACCES'], readFile(`/proc/${pid}/stat`, 'utf8'));
  // The name of the program, in brackets, may have anything in it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}
