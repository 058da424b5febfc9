// Who works on which file: each process has a folder of its own under work/, and a claim is a folder in it that a file was renamed
// into. A rename has one winner, so no file is had by two; claims of a process of this host that is gone are renamed over.
import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codeOf, renameDurably, unless } from './durable.ts';

export interface Claim {
  /** The folder: `input`, `cursor` and `errors` are in it. */
  readonly path: string;
  /** `<time>-<name of the file>`: unique, and what the file is called in done/ or failed/. */
  readonly name: string;
}

export class Claims {
  readonly #in: string;
  readonly #work: string;
  readonly #own: string;
  readonly #owner: string;
  #claimed = 0;

  private constructor(directory: string, owner: string) {
    this.#in = directory;
    this.#owner = owner;
    this.#work = join(directory, 'work');
    this.#own = join(this.#work, owner);
  }

  static async open(directory: string): Promise<Claims> {
    const claims = new Claims(directory, `${hostname()}.${process.pid}.${await startOf(process.pid)}`);
    await mkdir(claims.#own, { recursive: true });
    return claims;
  }

  /** All that this process has, with what it takes over from those that are gone. Oldest first. */
  async held(): Promise<Claim[]> {
    await this.#adopt();
    const names = await readdir(this.#own);
    return names.sort().map((name) => ({ name, path: join(this.#own, name) }));
  }

  /** @returns undefined where somebody else was first */
  async claim(file: string, now: number): Promise<Claim | undefined> {
    this.#claimed += 1;
    const stamp = new Date(now).toISOString().replaceAll(/[-:]/g, '');
    const name = `${stamp}-${process.pid}-${this.#claimed}-${file}`;
    const path = join(this.#own, name);
    await mkdir(path);
    const won = await unless(
      ['ENOENT'],
      renameDurably(join(this.#in, file), join(path, 'input')).then(() => true),
    );
    if (won === true) return { name, path };
    await rmdir(path);
    return undefined;
  }

  /** Leaves nothing of this process behind where it holds nothing. */
  async close(): Promise<void> {
    await unless(['ENOTEMPTY', 'EEXIST', 'ENOENT'], rmdir(this.#own));
  }

  async #adopt(): Promise<void> {
    for (const owner of await readdir(this.#work)) {
      if (owner === this.#owner || !(await isGone(owner))) continue;
      const theirs = join(this.#work, owner);
      for (const name of (await unless(['ENOENT'], readdir(theirs))) ?? []) {
        // Of several that take over, one has each claim.
        await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST'], renameDurably(join(theirs, name), join(this.#own, name)));
      }
      await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST'], rmdir(theirs));
    }
  }
}

/** Of this host only: of processes elsewhere nothing can be known. */
async function isGone(owner: string): Promise<boolean> {
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
