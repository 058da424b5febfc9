// Starts and stops real grids for end-to-end tests: the built command in a process of its own, on loopback.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../dist/node/cli/main.js', import.meta.url));

export interface RunningGrid {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** All that it printed so far. */
  output(): string;
  /** Sends the signal and waits for the end; returns the exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/**
 * A port that was free a moment ago, below the range from which outgoing connections take theirs: one of those would
 * otherwise sit on it by the time it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const server = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!listening) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** A directory on the disk of the temporary files, removed by the returned function. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface StartOptions {
  readonly nodeArgs?: readonly string[];
  /** A command that runs the one after it. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `holdfast <args>` until it prints its ready line. */
export async function startGrid(
  args: readonly string[],
  port: number,
  { nodeArgs = [], through = [], env = {} }: StartOptions = {},
): Promise<RunningGrid> {
  const [program = process.execPath, ...rest] = [...through, process.execPath, ...nodeArgs, CLI, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let text = '';
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ready = new Promise<void>((resolve) => {
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
      if (/^holdfast ready/m.test(text)) resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
  });
  await Promise.race([
    ready,
    exited.then(([code, signal]) => {
      throw new Error(`the grid ended before it was ready (${code ?? signal}):\n${text}`);
    }),
  ]);
  return {
    port,
    url: `ws://127.0.0.1:${port}/v1`,
    process: child,
    output: () => text,
    end: async (signal) => {
      child.kill(signal);
      const [code, by] = await exited;
      return code ?? (by as NodeJS.Signals);
    },
  };
}

/** The processes that it has started, by their ids. */
export function childrenOf({ process: { pid } }: RunningGrid): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** One region's worker in the foreground. */
export async function startWorkerProcess(
  store: string,
  port?: number,
  extra: string[] = [],
  env: StartOptions['env'] = {},
): Promise<RunningGrid> {
  const at = port ?? (await freePort());
  const args = ['serve', '--region', 'eu-west', '--port', String(at), '--store', store, '--catalog', 'none', ...extra];
  return startGrid(args, at, { env });
}
