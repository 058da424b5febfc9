// The port of a kind of actors: what recovery, snapshots, hand-off and the audit need of it to keep actors that they know nothing of.
// Where requests are carried out a kind is called by its own name instead: what is hot there must not ask which kind it has.
import type { ByteReader, ByteWriter } from '../core/index.ts';

/** A task that an actor waits with: when it is due, ms since the epoch. */
export interface DueTask {
  readonly kind: string;
  readonly dueAt: number;
}

/** What is to be known of an actor that stays packed. */
export interface RowSummary {
  readonly seq: number;
  /** Ship nodes. */
  readonly positions: number;
  /** Reservations that hold stock. */
  readonly live: number;
  /** When the wheel is to look at it, ms since the epoch; Infinity: not at all. */
  readonly nextAt: number;
  readonly isPooled: boolean;
  /** Open tasks. */
  readonly tasks: readonly DueTask[];
  /** Of what opened them or came since, ms since the epoch. */
  readonly lastAt: number;
}

/** One record of an actor. */
export interface ActorRecord<Event> {
  readonly key: string;
  /** Which event of the actor it is. */
  readonly seq: number;
  readonly event: Event;
}

export interface ActorKind<State, Event> {
  /** The high four bits of the first byte of its records. Part of the stored format. */
  readonly recordVersion: number;
  /** The state before the first event. */
  create(key: string): State;
  seqOf(state: State): number;
  /**
   * Reads one record; the reader then stands behind it.
   * @param epochOf the epoch of a key's partition
   * @throws CorruptRecord
   */
  decode(r: ByteReader, epochOf: (key: string) => number): ActorRecord<Event>;
  evolve(state: State, event: Event): void;
  /** @throws when the state is none that may be */
  assertInvariants(state: State): void;
  /** As assertInvariants, with all that is derived worked out anew. */
  assertDeep(state: State): void;
  /** Appends the packed actor, without what has aged out at `asOf` (ms; default: its last event). Canonical (I7). */
  pack(state: State, w: ByteWriter, asOf?: number): void;
  /** @throws CorruptRecord when it is not exactly one undamaged actor */
  unpack(bytes: Uint8Array): State;
  /** What of it is known without rebuilding it. @throws CorruptRecord */
  summarise(bytes: Uint8Array): RowSummary;
  /** Too large to be packed in passing. @param most entries that may be */
  isLarge(state: State, most: number): boolean;
}
