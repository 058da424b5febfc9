// A log that processes share: what any of them appended all of them read, and a snapshot of what follows from it, so that a process that
// starts need not read all that ever was. Drivers: memory-log.ts (one process), directory-log.ts
// (all that see one folder), redis-log.ts (all that use one Redis).
import type { Json } from '../../protocol/index.ts';

/** How far a reader has come: the driver's own business. */
export type Position = Json;

export interface Entries {
  /** Each process's in the order in which it appended them. */
  readonly entries: readonly Json[];
  readonly position: Position;
  /** There was no more when it was read. */
  readonly isAll: boolean;
}

/** A state, and what it follows from: all entries up to a position. */
export interface Snapshot {
  readonly bytes: Uint8Array;
  readonly position: Position;
}

export interface SharedLog {
  /** Outlives this process once it resolves. Entries that a machine loses with its power are lost. */
  append(entries: readonly Json[]): Promise<void>;
  /** A bounded number of entries after a position; without one from the oldest that are kept. */
  read(position: Position | undefined): Promise<Entries>;
  /** The newest; undefined where there is none, or none that can be read. */
  snapshot(): Promise<Snapshot | undefined>;
  /** Any process may: each snapshot stands for itself. Entries that it has in it are dropped once they are old enough. */
  save(snapshot: Snapshot): Promise<void>;
  /** Nothing is asked of it afterwards. */
  close(): Promise<void>;
}
