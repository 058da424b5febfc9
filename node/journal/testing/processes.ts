// Starts owner-process.ts in processes of their own, and reads what they print line by line.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface OwnerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly lines: readonly string[];
  /** Resolves with the first line that starts so, past or to come; rejects when the process ends without one. */
  line(prefix: string): Promise<string>;
  /** The last seq it said was acknowledged; 0 before the first. */
  acknowledged(): number;
  /** Resolves once it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** @param wrapper a command to run it under, such as strace with its options */
export function startOwner(compiled: string, args: readonly string[], wrapper: readonly string[] = []): OwnerProcess {
  const script = join(compiled, 'node/journal/testing/owner-process.js');
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, script, ...args];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let partial = '';
  let errors = '';
  let hasEnded = false;
  const wake = () => {
    for (const check of waiting) check();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (partial + chunk.toString()).split('\n');
    partial = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000);
  });
  child.once('close', () => {
    hasEnded = true;
    wake();
  });
  return {
    child,
    pid: child.pid ?? 0,
    lines,
    line: (prefix) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = lines.find((line) => line.startsWith(prefix));
          if (found === undefined && !hasEnded) return;
          waiting.delete(check);
          if (found !== undefined) resolve(found);
          else reject(new Error(`the process ended without "${prefix}":\n${errors}`));
        };
        waiting.add(check);
        check();
      }),
    acknowledged: () => Number(lines.findLast((line) => line.startsWith('ok '))?.slice(3) ?? 0),
    async end(signal) {
      if (hasEnded) return;
      const gone = once(child, 'close');
      child.kill(signal);
      await gone;
    },
  };
}
