// Child processes of a benchmark: started, waited for, and certainly ended. Every child dies with the harness.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 30_000;
const OUTPUT_KEPT_CHARS = 4_000;

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** A child whose standard output is read line by line. */
export class Service {
  readonly child: ChildProcess;
  readonly name: string;
  /** Resolves with the exit code; a signal counts as −1. */
  readonly exited: Promise<number>;
  #output = '';
  #line = '';
  readonly #onLine: (line: string) => void;

  constructor(name: string, command: string, args: readonly string[], onLine: (line: string) => void = () => {}) {
    this.name = name;
    this.#onLine = onLine;
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    alive.add(this.child);
    this.child.stdout?.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#keep(error.message);
        resolve(-1);
      });
      this.child.once('close', (code) => resolve(code ?? -1));
    });
    void this.exited.then(() => alive.delete(this.child));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} did not start: ${this.#output}`);
    return this.child.pid;
  }

  /** The last of what it printed, for error messages. */
  get output(): string {
    return this.#output;
  }

  /** SIGTERM, and SIGKILL when that is not obeyed. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS_MAX);
    await this.exited;
    clearTimeout(timer);
  }

  #read(text: string): void {
    this.#keep(text);
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_KEPT_CHARS);
  }
}

/** Starts a process and resolves when it prints a line containing `ready`. */
export async function startService(
  name: string,
  command: string,
  args: readonly string[],
  ready: string,
): Promise<Service> {
  let onReady = () => {};
  const isReady = new Promise<'ready'>((resolve) => {
    onReady = () => resolve('ready');
  });
  const service = new Service(name, command, args, (line) => {
    if (line.includes(ready)) onReady();
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), READY_MS_MAX);
  });
  const first = await Promise.race([isReady, late, service.exited]);
  clearTimeout(timer);
  if (first === 'ready') return service;
  await service.stop('SIGKILL');
  throw new Error(`${name} ${first === 'late' ? 'is not ready' : `ended with ${first}`}:\n${service.output}`);
}

/** A compiled file of this folder, by its path without extension: children run from the build. */
export function script(path: string): string {
  return fileURLToPath(new URL(`../${path}.js`, import.meta.url));
}

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
