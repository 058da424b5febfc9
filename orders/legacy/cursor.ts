// How far a claimed file is done, durably: written after what it speaks of, so that after a crash the rest is done again, and what was
// written beyond it is cut off.
import { open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Claim } from './claims.ts';
import { unless, writeDurably } from './durable.ts';
import { ERRORS_HEADER } from './errors.ts';

const count = z.number().int().min(0);

const cursor = z.object({
  /** Items that are done. */
  items: count,
  captured: count,
  replayed: count,
  advised: count,
  /** Items with errors. */
  refused: count,
  /** Of the errors file. */
  errorBytes: count,
  /** Of the remarks file. */
  remarkBytes: count.default(0),
  /** Numbers of the acknowledgements, once they are taken. */
  controls: z.array(count).optional(),
  /** All is done but to move the file. */
  outcome: z.enum(['done', 'failed']).optional(),
});

export type Cursor = Readonly<z.output<typeof cursor>>;

const BEGINNING: Cursor = { items: 0, captured: 0, replayed: 0, advised: 0, refused: 0, errorBytes: 0, remarkBytes: 0 };

export async function readCursor({ path }: Claim): Promise<Cursor> {
  const text = await unless(['ENOENT'], readFile(join(path, 'cursor'), 'utf8'));
  return text === undefined ? BEGINNING : cursor.parse(JSON.parse(text));
}

export async function writeCursor({ path }: Claim, value: Cursor): Promise<void> {
  await writeDurably(join(path, 'cursor'), `${JSON.stringify(value)}\n`);
}

/** The errors of a claim, or its remarks: appended to, and cut to what the cursor knows of. */
export class RowsFile {
  readonly #path: string;
  #bytes: number;

  private constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  static async open({ path }: Claim, name: 'errors' | 'remarks', bytes: number): Promise<RowsFile> {
    const file = join(path, name);
    await unless(['ENOENT'], truncate(file, bytes));
    return new RowsFile(file, bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Durable when it resolves. */
  async append(rows: string): Promise<void> {
    if (rows === '') return;
    const text = Buffer.from(this.#bytes === 0 ? ERRORS_HEADER + rows : rows);
    const file = await open(this.#path, 'a');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#bytes += text.length;
  }
}
