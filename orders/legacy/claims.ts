// Who works on which file: each process has a folder of its own under work/, and a claim is a folder in it that a file was renamed
// into. A rename has one winner, so no file is had by two; claims of a process of this host that is gone are renamed over.
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../shared/make-directory.ts';
import { renameDurably, unless } from './durable.ts';
import { isGone, ownOwner } from './owners.ts';

export interface Claim {
  /** The folder: `input`, `cursor` and `errors` are in it. */
  readonly path: string;
  /** `<time>-<name of the file>`: unique, and what the file is called in done/ or failed/. */
  readonly name: string;
}

/** When it was claimed first, by whomever; ms since the epoch. */
export function claimedAt({ name }: Claim): number {
  const [, date = '', hour, minute, seconds] = /^(\d{8})T(\d\d)(\d\d)([\d.]+)Z-/.exec(name) ?? [];
  return Date.parse(`${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${hour}:${minute}:${seconds}Z`);
}

export class Claims {
  readonly #in: string;
  readonly #work: string;
  readonly #own: string;
  /** What this process is called. */
  readonly owner: string;
  #claimed = 0;

  private constructor(directory: string, owner: string) {
    this.#in = directory;
    this.owner = owner;
    this.#work = join(directory, 'work');
    this.#own = join(this.#work, owner);
  }

  static async open(directory: string): Promise<Claims> {
    const claims = new Claims(directory, await ownOwner());
    await makeDirectory(claims.#own);
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
      if (owner === this.owner || !(await isGone(owner))) continue;
      const theirs = join(this.#work, owner);
      for (const name of (await unless(['ENOENT'], readdir(theirs))) ?? []) {
        // Of several that take over, one has each claim.
        await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST'], renameDurably(join(theirs, name), join(this.#own, name)));
      }
      await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST'], rmdir(theirs));
    }
  }
}
