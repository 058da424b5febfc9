// The log of a process that is alone: nothing of it outlives the process.
import type { Json } from '../../protocol/index.ts';
import { MEMORY_ENTRIES_MAX } from './limits.ts';
import type { Entries, Position, SharedLog, Snapshot } from './log.ts';

export class MemoryLog implements SharedLog {
  #entries: Json[] = [];
  /** Of the first that is kept. */
  #first = 0;
  #snapshot: Snapshot | undefined;

  async append(entries: readonly Json[]): Promise<void> {
    // As others would read it.
    this.#entries.push(...entries.map((entry) => JSON.parse(JSON.stringify(entry)) as Json));
    this.#drop(this.#entries.length - MEMORY_ENTRIES_MAX);
  }

  async read(position: Position | undefined): Promise<Entries> {
    const from = Math.max(this.#first, typeof position === 'number' ? position : 0);
    const entries = this.#entries.slice(from - this.#first);
    return { entries, position: from + entries.length, isAll: true };
  }

  async snapshot(): Promise<Snapshot | undefined> {
    return this.#snapshot;
  }

  async save(snapshot: Snapshot): Promise<void> {
    this.#snapshot = snapshot;
    if (typeof snapshot.position === 'number') this.#drop(snapshot.position - this.#first);
  }

  async close(): Promise<void> {}

  #drop(count: number): void {
    if (count <= 0) return;
    this.#entries = this.#entries.slice(count);
    this.#first += count;
  }
}
