// Runs one command of the built program to its end and returns what it printed.
import { execFile } from 'node:child_process';
import { CLI, freePort, type RunningGrid, startGrid } from './grid.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function holdfast(...args: string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** A port such that it and the next one were free a moment ago. */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port <= 65_000 && (await isFree(port + 1))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`);
    return false;
  } catch {
    return true;
  }
}

/** The whole grid, as `npm start` runs it. */
export async function startBothRegions(dataDir: string, ...extra: string[]): Promise<RunningGrid> {
  return startBothRegionsAt(await freePortPair(), dataDir, ...extra);
}

/** Likewise, on ports that are known: started again after it was killed. */
export function startBothRegionsAt(port: number, dataDir: string, ...extra: string[]): Promise<RunningGrid> {
  return startGrid(['start', '--port', String(port), '--data-dir', dataDir, '--catalog', 'none', ...extra], port);
}
