// Which partitions a lane has: a pure state machine whose events are records of that lane's journal. SPEC.md says why a
// partition is open in at most one lane. The table is small, a row a partition, and goes whole into each snapshot.

/** open: served here. sealed: let go, and not yet known to be open where it goes. elsewhere: not in this lane. */
export type PartitionStatus = 'open' | 'sealed' | 'elsewhere';

export interface PartitionRow {
  readonly status: PartitionStatus;
  /** The greatest epoch this lane has heard of for the partition; while it is open here, at least the one it has. */
  readonly epoch: number;
  /** The lane it was sealed for; '' unless sealed. */
  readonly toLane: string;
  /** The journal seq of the record by which it left; 0 once its rows are forgotten, and before it ever was here. */
  readonly leftAtSeq: number;
}

/** The partition and its actors are complete in this lane, which serves it from now on. */
export interface OpenedEvent {
  readonly type: 'opened';
  readonly partition: number;
  /** Greater than any epoch it had before. */
  readonly epoch: number;
  /** Names the rows that were staged for it. */
  readonly moveId: string;
  /** How many actors were; missing in records of the first format. */
  readonly actors?: number;
}

/** The lane has let the partition go, for good, to `toLane`. */
export interface SealedEvent {
  readonly type: 'sealed';
  readonly partition: number;
  /** The epoch it had here. */
  readonly epoch: number;
  readonly toLane: string;
}

/** The partition is known to be open elsewhere: its actors are forgotten here. */
export interface LeftEvent {
  readonly type: 'left';
  readonly partition: number;
}

export type TableEvent = OpenedEvent | SealedEvent | LeftEvent;

/** An event that does not fit the table it came to: a defect, or a journal that was tampered with. */
export class HandoffViolation extends Error {
  override readonly name = 'HandoffViolation';
}

const OPEN_FROM_THE_START: PartitionRow = { status: 'open', epoch: 0, toLane: '', leftAtSeq: 0 };
const NEVER_HERE: PartitionRow = { status: 'elsewhere', epoch: 0, toLane: '', leftAtSeq: 0 };

export class PartitionTable {
  readonly #rows: PartitionRow[];
  readonly #initial: PartitionRow;
  #version = 0;

  /** @param hasAll the region's first lane has every partition without a record that says so */
  constructor(partitions: number, hasAll: boolean) {
    this.#initial = hasAll ? OPEN_FROM_THE_START : NEVER_HERE;
    this.#rows = Array.from({ length: partitions }, () => this.#initial);
  }

  get partitions(): number {
    return this.#rows.length;
  }

  /** Grows whenever a row changes. */
  get version(): number {
    return this.#version;
  }

  row(partition: number): PartitionRow {
    const row = this.#rows[partition];
    if (row === undefined) throw new HandoffViolation(`partition ${partition} of ${this.#rows.length}`);
    return row;
  }

  isOpen(partition: number): boolean {
    return this.#rows[partition]?.status === 'open';
  }

  /** The partitions of a status, ascending. */
  having(status: PartitionStatus): number[] {
    const found: number[] = [];
    for (const [partition, row] of this.#rows.entries()) if (row.status === status) found.push(partition);
    return found;
  }

  /** The partition's epoch in a lane of this epoch: a lane's epoch may be behind that of what moved into it. */
  epochOf(partition: number, laneEpoch: number): number {
    return Math.max(laneEpoch, this.row(partition).epoch);
  }

  /**
   * Whether a partition that was sealed elsewhere under `sealedEpoch` has been opened here, now or at any time before:
   * the word of a seal may come twice, and late.
   */
  hasOpened(partition: number, sealedEpoch: number): boolean {
    return this.row(partition).epoch > sealedEpoch;
  }

  /**
   * Applies what the journal says under `seq`. Applying a record again, with all that follow it, changes nothing.
   * @throws HandoffViolation
   */
  apply(event: TableEvent, seq: number): void {
    const row = this.row(event.partition);
    switch (event.type) {
      case 'opened':
        if (event.epoch <= row.epoch) this.#refuse(event, row);
        this.#set(event.partition, { status: 'open', epoch: event.epoch, toLane: '', leftAtSeq: 0 });
        return;
      case 'sealed':
        if (row.status !== 'open' || event.epoch < row.epoch) this.#refuse(event, row);
        this.#set(event.partition, { ...row, status: 'sealed', epoch: event.epoch, toLane: event.toLane });
        return;
      case 'left':
        if (row.status !== 'sealed') this.#refuse(event, row);
        this.#set(event.partition, { status: 'elsewhere', epoch: row.epoch, toLane: '', leftAtSeq: seq });
        return;
      default:
        event satisfies never;
    }
  }

  #set(partition: number, row: PartitionRow): void {
    this.#rows[partition] = row;
    this.#version += 1;
  }

  #refuse(event: TableEvent, row: PartitionRow): never {
    throw new HandoffViolation(
      `${event.type} of partition ${event.partition}, which is ${row.status} in epoch ${row.epoch}: ${JSON.stringify(event)}`,
    );
  }

  /** Notes that the rows of a partition that left are gone from both snapshots. */
  forgot(partition: number): void {
    const row = this.row(partition);
    if (row.status === 'elsewhere') this.#set(partition, { ...row, leftAtSeq: 0 });
  }

  /** The rows that differ from a new lane's, as text for the snapshot's manifest; '' when none does. */
  encode(): string {
    const changed = [...this.#rows.entries()].filter(([, row]) => row !== this.#initial);
    if (changed.length === 0) return '';
    return JSON.stringify(
      changed.map(([p, { status, epoch, toLane, leftAtSeq }]) => [p, status, epoch, toLane, leftAtSeq]),
    );
  }

  /**
   * Takes over what `encode` wrote; '' and undefined stand for a new lane's table.
   * @throws HandoffViolation when the text is none of encode's
   */
  load(text: string | undefined): void {
    this.#rows.fill(this.#initial);
    this.#version += 1;
    if (text === undefined || text === '') return;
    try {
      for (const [partition, status, epoch, toLane, leftAtSeq] of JSON.parse(text) as EncodedRow[]) {
        this.row(partition);
        this.#set(partition, { status, epoch, toLane, leftAtSeq });
      }
    } catch (error) {
      throw new HandoffViolation(`the table of partitions cannot be read: ${(error as Error).message}`);
    }
  }
}

type EncodedRow = [partition: number, status: PartitionStatus, epoch: number, toLane: string, leftAtSeq: number];
