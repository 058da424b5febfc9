// Reading a lane from Redis, in chunks of bounded size, on a connection of its own so that appends need not wait
// behind large replies.

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
import { StoreDamaged } from '../port.ts';
import { keysOf, type LaneKeys } from './keys.ts';
import type { Link } from './link.ts';

const BATCHES_CHUNK_BYTES = 2_097_152;
const BATCHES_CHUNK_MAX = 1_000;
/** The first reply's batches: as many of the largest size fit the command timeout. */
const BATCHES_CHUNK_FIRST = 16;
const ROWS_CHUNK = 1_000;

type StreamEntries = readonly [id: Buffer, fields: readonly Buffer[]][];
type HashScan = readonly [cursor: Buffer, fields: readonly Buffer[]];

export class RedisReader implements LaneReader {
  readonly layout: RegionLayout;
  protected readonly keys: LaneKeys;
  readonly #reads: Link;

  constructor(reads: Link, layout: RegionLayout, lane: string) {
    this.#reads = reads;
    this.layout = layout;
    this.keys = keysOf(layout.region, lane);
  }

  ownership(): Promise<Ownership | undefined> {
    return this.readOwnership(this.#reads);
  }

  protected async readOwnership(link: Link): Promise<Ownership | undefined> {
    const [epoch, nonce, ownerId, lastSeq] = await link.run((client) =>
      client.hmget(this.keys.own, 'epoch', 'nonce', 'ownerId', 'lastSeq'),
    );
    if (epoch == null || nonce == null || ownerId == null) return undefined;
    const ownership = { epoch: Number(epoch), nonce, ownerId, lastSeq: Number(lastSeq) };
    if (Number.isSafeInteger(ownership.epoch) && Number.isSafeInteger(ownership.lastSeq)) return ownership;
    throw new StoreDamaged(
      `the fence of lane ${this.keys.own} is damaged: its epoch is ${epoch} and its lastSeq ${lastSeq}, no integers`,
    );
  }

  async *batches(fromSeq: number): AsyncGenerator<JournalBatch, void, undefined> {
    const throughSeq = (await this.ownership())?.lastSeq ?? 0;
    let start = fromSeq;
    let count = BATCHES_CHUNK_FIRST;
    while (start <= throughSeq) {
      const chunk = await this.#batchesChunk(start, throughSeq, count);
      yield* chunk;
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < count) return;
      start = last.lastSeq + 1;
      const bytes = chunk.reduce((sum, batch) => sum + batch.bytes.length, 0);
      count = Math.max(1, Math.min(BATCHES_CHUNK_MAX, Math.floor((BATCHES_CHUNK_BYTES * chunk.length) / bytes)));
    }
  }

  async #batchesChunk(start: number, throughSeq: number, count: number): Promise<JournalBatch[]> {
    const entries = (await this.#reads.run((client) =>
      client.callBuffer('XRANGE', this.keys.journal, `${start}-0`, `${throughSeq}-0`, 'COUNT', count),
    )) as StreamEntries;
    return entries.map(([id, fields]) => {
      const bytes = fields[1] ?? Buffer.alloc(0);
      return { firstSeq: firstSeqOf(bytes), lastSeq: Number(id.toString('latin1', 0, id.indexOf('-'))), bytes };
    });
  }

  snapshots(): Promise<readonly SnapshotManifest[]> {
    return this.readSnapshots(this.#reads);
  }

  protected async readSnapshots(link: Link): Promise<readonly SnapshotManifest[]> {
    const manifests = await link.run((client) => client.hvals(this.keys.snapshots));
    return manifests
      .map((text) => JSON.parse(text) as SnapshotManifest)
      .sort((left, right) => right.coveredSeq - left.coveredSeq || right.at - left.at);
  }

  /** While rows are written a row may come twice, the later one at least as new. */
  async *rows(slot: SnapshotSlot): AsyncGenerator<readonly SnapshotRow[], void, undefined> {
    for (let partition = 0; partition < this.layout.partitions; partition++) {
      let cursor = '0';
      do {
        const [next, fields] = await this.#rowsChunk(slot, partition, cursor);
        const rows: SnapshotRow[] = [];
        for (let n = 0; n + 1 < fields.length; n += 2) {
          rows.push({ partition, sku: String(fields[n]), bytes: fields[n + 1] ?? Buffer.alloc(0) });
        }
        if (rows.length > 0) yield rows;
        cursor = next.toString();
      } while (cursor !== '0');
    }
  }

  async #rowsChunk(slot: SnapshotSlot, partition: number, cursor: string): Promise<HashScan> {
    const key = this.keys.rows(slot, partition);
    return (await this.#reads.run((client) =>
      client.callBuffer('HSCAN', key, cursor, 'COUNT', ROWS_CHUNK),
    )) as HashScan;
  }

  async row(slot: SnapshotSlot, partition: number, sku: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#reads.run((client) => client.hgetBuffer(this.keys.rows(slot, partition), sku));
    return bytes ?? undefined;
  }
}
