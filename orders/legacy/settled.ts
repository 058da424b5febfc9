// Which files of a folder are whole: those that have rested, since a sender that writes under the final name says nothing when it is done.
import { lstat, open, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { unless } from './durable.ts';
import type { Format } from './items.ts';
import { EXTENSIONS } from './items.ts';

/** A file without its end has to rest so many times as long. */
const UNENDED_FACTOR = 10;
/** With the time that is put before it, a name of the longest that file systems take. */
const NAME_BYTES_MAX = 200;
const TAIL_BYTES = 256;

interface Seen {
  readonly size: number;
  readonly mtimeMs: number;
  /** By the given clock. */
  readonly since: number;
}

export class Settled {
  readonly #directory: string;
  readonly #format: Format;
  readonly #settleMs: number;
  #seen = new Map<string, Seen>();

  constructor(directory: string, format: Format, settleMs: number) {
    this.#directory = directory;
    this.#format = format;
    this.#settleMs = settleMs;
  }

  /** Looks again. @returns the names that can be taken, in their order; `waiting` how many may be soon */
  async look(now: number): Promise<{ readonly names: string[]; readonly waiting: number }> {
    const seen = new Map<string, Seen>();
    const names: string[] = [];
    for (const name of (await readdir(this.#directory)).sort()) {
      if (!this.#isOurs(name)) continue;
      const stat = await unless(['ENOENT'], lstat(join(this.#directory, name)));
      if (stat?.isFile() !== true) continue;
      const before = this.#seen.get(name);
      const isSame = before?.size === stat.size && before.mtimeMs === stat.mtimeMs;
      const one = isSame ? before : { size: stat.size, mtimeMs: stat.mtimeMs, since: now };
      seen.set(name, one);
      const needed = (await this.#hasItsEnd(name)) ? this.#settleMs : this.#settleMs * UNENDED_FACTOR;
      if (now - one.since >= needed) names.push(name);
    }
    this.#seen = seen;
    return { names, waiting: seen.size - names.length };
  }

  #isOurs(name: string): boolean {
    if (name.startsWith('.') || Buffer.byteLength(name) > NAME_BYTES_MAX) return false;
    return EXTENSIONS[this.#format].includes(extname(name).toLowerCase());
  }

  /** CSV ends with a line's end, X12 with an IEA. */
  async #hasItsEnd(name: string): Promise<boolean> {
    const file = await unless(['ENOENT'], open(join(this.#directory, name), 'r'));
    if (file === undefined) return false;
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
      const tail = buffer.subarray(0, bytesRead).toString('latin1');
      return this.#format === 'csv' ? tail.endsWith('\n') : /IEA\W\d+\W\d+\W[\s\p{Cc}]*$/u.test(tail);
    } finally {
      await file.close();
    }
  }
}
