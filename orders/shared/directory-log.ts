// The log of all processes that see one folder: a file for each hour, which all append to, each entry a line; and a snapshot beside.
// Appending is atomic on the disks of a machine; a line that was cut off all the same is passed over.
import { appendFile, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../protocol/index.ts';
import { unless, writeDurably } from '../legacy/durable.ts';
import { ENTRIES_KEPT_MS, READ_BYTES_MAX } from './limits.ts';
import type { Entries, Position, SharedLog } from './log.ts';
import { makeDirectory } from './make-directory.ts';
import { packSnapshot, unpackSnapshot } from './snapshot.ts';

const HOUR_MS = 3_600_000;

export interface DirectoryLogOptions {
  /** Made where it is not there. */
  readonly directory: string;
  /** Tells the logs of one folder apart: letters and dashes. */
  readonly name: string;
  /** ms since the epoch, of the wall. */
  readonly now?: () => number;
}

type Offsets = Readonly<Record<string, number>>;

/** @throws where the folder cannot be made */
export async function directoryLog({
  directory,
  name,
  now = () => Date.now(),
}: DirectoryLogOptions): Promise<SharedLog> {
  await makeDirectory(directory);
  const snapshotPath = join(directory, `${name}.snapshot`);
  const prefix = `${name}.`;
  const suffix = '.jsonl';
  /** One after the other, so that what one process appends stays in order. */
  let appending: Promise<void> = Promise.resolve();

  const filesNow = async (): Promise<string[]> =>
    (await readdir(directory)).filter((file) => file.startsWith(prefix) && file.endsWith(suffix)).sort();
  const hourOf = (file: string): number => Date.parse(`${file.slice(prefix.length, -suffix.length)}:00:00Z`);

  const read = async (position: Position | undefined): Promise<Entries> => {
    const before = (position ?? {}) as Offsets;
    const after: Record<string, number> = {};
    const entries: Json[] = [];
    let room = READ_BYTES_MAX;
    let isAll = true;
    for (const file of await filesNow()) {
      const from = before[file] ?? 0;
      // Somebody else dropped it meanwhile.
      const found = await unless(['ENOENT'], linesFrom(join(directory, file), from, room));
      if (found === undefined) continue;
      after[file] = from + found.bytes;
      room -= found.bytes;
      if (found.isCut) isAll = false;
      entries.push(...found.lines.flatMap(entryOf));
    }
    return { entries, position: after, isAll };
  };

  return {
    async append(entries) {
      if (entries.length === 0) return;
      const hour = new Date(now()).toISOString().slice(0, 13);
      // An empty line first: it ends one that was cut off.
      const text = entries.map((entry) => `\n${JSON.stringify(entry)}\n`).join('');
      const mine = appending.then(() => appendFile(join(directory, `${prefix}${hour}${suffix}`), text));
      appending = mine.catch(() => undefined);
      await mine;
    },
    read,
    async snapshot() {
      const bytes = await unless(['ENOENT'], readFile(snapshotPath));
      return bytes === undefined ? undefined : unpackSnapshot(bytes);
    },
    async save(snapshot) {
      await writeDurably(snapshotPath, packSnapshot(snapshot));
      for (const file of await filesNow()) {
        if (now() - hourOf(file) <= HOUR_MS + ENTRIES_KEPT_MS) continue;
        const path = join(directory, file);
        const read = (snapshot.position as Offsets)[file] ?? 0;
        if (((await unless(['ENOENT'], stat(path)))?.size ?? 0) <= read) await rm(path, { force: true });
      }
    },
    close: async () => undefined,
  };
}

interface Lines {
  readonly lines: readonly string[];
  /** Read, up to the end of the last line. */
  readonly bytes: number;
  /** There is more. */
  readonly isCut: boolean;
}

/** Whole lines only: one that is being written is read the next time. */
async function linesFrom(path: string, from: number, bytesMax: number): Promise<Lines> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(Math.max(0, size - from), bytesMax);
    if (length === 0) return { lines: [], bytes: 0, isCut: size > from };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    const whole = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    // What has no end within a whole read is no entry.
    const bytes = whole === 0 && bytesRead === READ_BYTES_MAX ? bytesRead : whole;
    const lines = buffer.subarray(0, bytes).toString('utf8').split('\n');
    return { lines, bytes, isCut: size > from + bytesRead };
  } finally {
    await file.close();
  }
}

function entryOf(line: string): Json[] {
  if (line === '') return [];
  try {
    return [JSON.parse(line) as Json];
  } catch {
    return [];
  }
}
