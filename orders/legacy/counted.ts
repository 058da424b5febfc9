// When each position was counted last, so that a count that comes late or twice does not go over a newer one. Kept beside the folder's files, and
// had by one process at a time: of two that count at once, each would take its own for the newest.
import { mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, unless, writeDurably } from './durable.ts';
import { type Advice, positionOf } from './items.ts';
import { COUNTS_COMPACTED_FROM } from './limits.ts';
import { isGone } from './owners.ts';

const LOCK = 'lock';

interface Count {
  /** ms since the epoch. */
  readonly at: number;
  readonly onHand: number;
}

const line = z.tuple([z.string(), z.number(), z.number()]);

export class Counted {
  readonly #folder: string;
  readonly #owner: string;
  readonly #counts: Map<string, Count>;

  private constructor(folder: string, owner: string, counts: Map<string, Count>) {
    this.#folder = folder;
    this.#owner = owner;
    this.#counts = counts;
  }

  /** @returns undefined while another process has it */
  static async open(directory: string, owner: string): Promise<Counted | undefined> {
    const folder = join(directory, '.counts');
    await mkdir(folder, { recursive: true });
    if (!(await lock(folder, owner))) return undefined;
    return new Counted(folder, owner, await load(join(folder, 'log')));
  }

  of(advice: Advice): Count | undefined {
    return this.#counts.get(positionOf(advice));
  }

  /** Durable when it resolves. */
  async note(counts: readonly { readonly advice: Advice; readonly countedAt: number }[]): Promise<void> {
    if (counts.length === 0) return;
    const text = counts.map(({ advice, countedAt }) =>
      lineOf(positionOf(advice), { at: countedAt, onHand: advice.onHand }),
    );
    const file = await open(join(this.#folder, 'log'), 'a');
    try {
      await file.writeFile(text.join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    for (const { advice, countedAt } of counts)
      this.#counts.set(positionOf(advice), { at: countedAt, onHand: advice.onHand });
  }

  async close(): Promise<void> {
    await away(this.#folder, this.#owner, LOCK);
  }
}

/** In one step: while it was emptied, another could take it. */
async function away(folder: string, owner: string, name: string): Promise<void> {
  const done = join(folder, `${owner}.done`);
  await unless(['ENOENT'], rename(join(folder, name), done));
  await rm(done, { recursive: true, force: true });
}

/** What each line says goes over what those before said; a last line that was cut off was of a count that is made again. */
async function load(path: string): Promise<Map<string, Count>> {
  const counts = new Map<string, Count>();
  const bytes = (await unless(['ENOENT'], readFile(path))) ?? Buffer.alloc(0);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) await truncate(path, whole);
  const lines = bytes.subarray(0, whole).toString('utf8').split('\n').slice(0, -1);
  for (const text of lines) {
    const [position, at, onHand] = line.parse(JSON.parse(text));
    counts.set(position, { at, onHand });
  }
  if (lines.length > COUNTS_COMPACTED_FROM && lines.length > 2 * counts.size)
    await writeDurably(path, [...counts].map(([position, count]) => lineOf(position, count)).join(''));
  return counts;
}

function lineOf(position: string, { at, onHand }: Count): string {
  return `${JSON.stringify([position, at, onHand])}\n`;
}

/**
 * A folder that says in its name who has it is renamed into place, which one can do; and away, from one that is gone, by whoever can make the
 * folder that is named after that. Those stay, so that nobody who was slow takes away the lock of another.
 */
async function lock(folder: string, owner: string, name = LOCK): Promise<boolean> {
  const mine = join(folder, `${owner}.taking`);
  await mkdir(join(mine, owner), { recursive: true });
  try {
    await rename(mine, join(folder, name));
    return true;
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
  }
  await rm(mine, { recursive: true, force: true });
  const [holder] = (await unless(['ENOENT'], readdir(join(folder, name)))) ?? [];
  if (holder === undefined) return false;
  if (holder === owner) return true;
  if (!(await isGone(holder))) return false;
  if (!(await lock(folder, owner, `${name}.${holder}`))) return false;
  await away(folder, owner, name);
  return lock(folder, owner, name);
}
