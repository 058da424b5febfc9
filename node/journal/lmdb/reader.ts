// Reading a lane from its LMDB environment, in chunks of bounded size. Sees what is committed, which is durable.
import { firstSeqOf } from '../batch.ts';
import type {
  JournalBatch,
  LaneReader,
  Ownership,
  RegionLayout,
  SnapshotManifest,
  SnapshotRow,
  SnapshotSlot,
} from '../port.ts';
import { StoreUnavailable } from '../port.ts';
import type { Environment, RowKey } from './environment.ts';
import type { OwnerRecord } from './ownership.ts';
import { lastSeqOf, readJson } from './records.ts';

/** Between two chunks the event loop turns; a chunk of rows takes about 2 ms. */
const ROWS_CHUNK = 1_000;
const BATCHES_CHUNK_BYTES = 4_194_304;

export class LmdbReader implements LaneReader {
  protected readonly environment: Environment;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  get layout(): RegionLayout {
    const layout = readJson<RegionLayout>(this.environment, 'layout');
    if (layout === undefined) throw new StoreUnavailable(`no layout in ${this.environment.directory}`);
    return layout;
  }

  async ownership(): Promise<Ownership | undefined> {
    this.environment.refresh();
    const owner = readJson<OwnerRecord>(this.environment, 'fence');
    if (owner === undefined) return undefined;
    const { epoch, nonce, ownerId } = owner;
    return { epoch, nonce, ownerId, lastSeq: lastSeqOf(this.environment) };
  }

  async *batches(fromSeq: number): AsyncGenerator<JournalBatch, void, undefined> {
    this.environment.refresh();
    const throughSeq = lastSeqOf(this.environment);
    let start = fromSeq;
    while (start <= throughSeq) {
      const chunk = this.#batchesChunk(start, throughSeq);
      const last = chunk.at(-1);
      if (last === undefined) return;
      yield* chunk;
      start = last.lastSeq + 1;
    }
  }

  #batchesChunk(start: number, throughSeq: number): JournalBatch[] {
    this.environment.refresh();
    const chunk: JournalBatch[] = [];
    let bytes = 0;
    for (const { key, value } of this.environment.tables.journal.getRange({
      start,
      end: throughSeq,
      inclusiveEnd: true,
    })) {
      chunk.push({ firstSeq: firstSeqOf(value), lastSeq: key, bytes: value });
      bytes += value.length;
      if (bytes >= BATCHES_CHUNK_BYTES) break;
    }
    return chunk;
  }

  async snapshots(): Promise<readonly SnapshotManifest[]> {
    this.environment.refresh();
    return (['a', 'b'] as const)
      .map((slot) => readJson<SnapshotManifest>(this.environment, `manifest-${slot}`))
      .filter((manifest) => manifest !== undefined)
      .sort((left, right) => right.coveredSeq - left.coveredSeq || right.at - left.at);
  }

  async *rows(slot: SnapshotSlot): AsyncGenerator<readonly SnapshotRow[], void, undefined> {
    const table = this.environment.tables.rows[slot];
    // No sku is empty, so that the first key is none's.
    let last: RowKey = [0, ''];
    for (;;) {
      this.environment.refresh();
      const rows: SnapshotRow[] = [];
      for (const { key, value } of table.getRange({ start: last, exclusiveStart: true, limit: ROWS_CHUNK })) {
        rows.push({ partition: key[0], sku: key[1], bytes: value });
        last = key;
      }
      if (rows.length === 0) return;
      yield rows;
    }
  }

  async row(slot: SnapshotSlot, partition: number, sku: string): Promise<Uint8Array | undefined> {
    this.environment.checkUsable();
    return this.environment.tables.rows[slot].get([partition, sku]);
  }
}
