// Judges where the partitions of a region were: all lanes' batches in the order in which they landed, which agrees with
// every order of cause and effect. Shares with the grid only the codec of the records (cluster/handoff/SPEC.md, H1–H5).
import { ByteReader } from '../../node/core/index.ts';
import { decodeBatch } from '../../node/journal/batch.ts';
import { FIRST_LANE, type JournalBatch } from '../../node/journal/port.ts';
import { partitionOfKey } from '../../node/shell/keys.ts';
import { type AnyKind, type AnyState, kindOfRecord } from '../../node/shell/kind-table.ts';
import { decodeLaneRecord, type LaneRecord } from '../../node/shell/lane-records.ts';
import type { AvailabilityPush, Version } from '../../protocol/index.ts';
import { KINDS, packed, unpacked } from '../kinds.ts';
import type { History, Violation } from './history.ts';

/** A batch that landed in a lane, named `region/lane`. */
export interface Landing {
  readonly lane: string;
  readonly batch: JournalBatch;
  readonly at: number;
}

/** Where a partition is: open in a lane, or sealed in it for another. */
export interface Place {
  readonly lane: string;
  readonly isOpen: boolean;
  readonly epoch: number;
  readonly toLane: string;
}

export interface Placement {
  /** By partition, at the end. */
  readonly places: readonly Place[];
  /** When each move ended: a partition was opened, ms. */
  readonly openedAt: readonly number[];
}

interface Staging {
  readonly moveId: string;
  readonly rows: Map<string, { readonly seq: number; readonly bytes: Uint8Array }>;
}

/** Follows the partitions through all lanes; what is not lawful is told once for each record. */
export function followPartitions(landings: readonly Landing[], partitions: number, violations: Violation[]): Placement {
  const following = new Following(partitions, violations);
  for (const landing of landings) following.take(landing);
  return following;
}

class Following implements Placement {
  readonly places: Place[];
  readonly openedAt: number[] = [];
  readonly #violations: Violation[];
  readonly #states: Map<string, { state: AnyState; epoch: number }>[];
  /** By lane and partition. */
  readonly #staged = new Map<string, Staging>();
  /** The epoch under which a lane sealed a partition that it has not left. */
  readonly #sealed = new Map<string, number>();

  constructor(partitions: number, violations: Violation[]) {
    this.#violations = violations;
    const first: Place = { lane: FIRST_LANE, isOpen: true, epoch: 0, toLane: '' };
    this.places = Array.from({ length: partitions }, () => first);
    this.#states = Array.from({ length: partitions }, () => new Map());
  }

  take({ lane: name, batch: { bytes }, at }: Landing): void {
    const lane = name.slice(name.indexOf('/') + 1);
    const batch = decodeBatch(bytes);
    const reader = new ByteReader(batch.records);
    for (let i = 0; i < batch.count; i++) {
      const where = `lane ${lane} seq ${batch.firstSeq + i}`;
      const kind = kindOfRecord(KINDS, reader);
      if (kind !== undefined) this.#event(kind, reader, lane, batch.epoch, where);
      else this.#record(decodeLaneRecord(reader), lane, batch.epoch, where, at);
    }
  }

  #event(kind: AnyKind, reader: ByteReader, lane: string, laneEpoch: number, where: string): void {
    const { length } = this.places;
    const epochOf = (sku: string): number => Math.max(laneEpoch, this.#place(partitionOfKey(sku, length)).epoch);
    const { key: sku, seq, event } = kind.decode(reader, epochOf);
    const partition = partitionOfKey(sku, length);
    const place = this.#place(partition);
    if (!place.isOpen || place.lane !== lane) {
      this.#say('H1', `${where}: an event of ${sku}, whose partition ${partition} is ${show(place)}`);
      return;
    }
    const actors = this.#states[partition] as Map<string, { state: AnyState; epoch: number }>;
    const actor = actors.get(sku) ?? { state: kind.create(sku), epoch: 0 };
    actors.set(sku, actor);
    if (seq !== actor.state.seq + 1) this.#say('H3', `${where}: event ${seq} of ${sku} follows ${actor.state.seq}`);
    // Events of orders do not say under which epoch they were decided.
    const epoch = 'epoch' in event ? event.epoch : actor.epoch;
    if (epoch < actor.epoch) this.#say('H5', `${where}: event ${seq} of ${sku} is of an epoch before the last`);
    if (seq !== actor.state.seq + 1) return;
    actor.epoch = epoch;
    kind.evolve(actor.state, event);
  }

  #record(record: LaneRecord, lane: string, laneEpoch: number, where: string, at: number): void {
    const { partition } = record;
    const place = this.#place(partition);
    const key = `${lane}/${partition}`;
    switch (record.type) {
      case 'staged':
        this.#stage(key, record.moveId, record.sku, Uint8Array.from(record.bytes));
        return;
      case 'opened':
        if (place.isOpen || place.toLane !== lane) {
          this.#say('H1', `${where}: partition ${partition} is opened, which is ${show(place)}`);
        }
        if (record.epoch <= place.epoch) {
          this.#say('H5', `${where}: partition ${partition} is opened under ${record.epoch}, which is ${show(place)}`);
        }
        this.#whole(key, record.moveId, partition, where);
        this.places[partition] = { lane, isOpen: true, epoch: record.epoch, toLane: '' };
        this.openedAt.push(at);
        return;
      case 'sealed':
        if (!place.isOpen || place.lane !== lane || record.epoch < Math.max(place.epoch, laneEpoch)) {
          this.#say('H1', `${where}: partition ${partition} is sealed in ${record.epoch}, which is ${show(place)}`);
        }
        this.places[partition] = { lane, isOpen: false, epoch: record.epoch, toLane: record.toLane };
        this.#sealed.set(key, record.epoch);
        return;
      case 'left': {
        const sealed = this.#sealed.get(key);
        if (sealed === undefined || place.epoch <= sealed) {
          this.#say('H4', `${where}: partition ${partition} is forgotten, which is ${show(place)}`);
        }
        this.#sealed.delete(key);
        return;
      }
      default:
        record satisfies never;
    }
  }

  #stage(key: string, moveId: string, sku: string, bytes: Uint8Array): void {
    let staging = this.#staged.get(key);
    if (staging?.moveId !== moveId) {
      staging = { moveId, rows: new Map() };
      this.#staged.set(key, staging);
    }
    const { seq } = unpacked(sku, bytes);
    if ((staging.rows.get(sku)?.seq ?? 0) <= seq) staging.rows.set(sku, { seq, bytes });
  }

  /** The rows that were staged are the actors, as they were when the partition was sealed (H3). */
  #whole(key: string, moveId: string, partition: number, where: string): void {
    const staging = this.#staged.get(key);
    this.#staged.delete(key);
    const rows = staging?.moveId === moveId ? staging.rows : new Map<string, { seq: number; bytes: Uint8Array }>();
    const actors = this.#states[partition] as Map<string, { state: AnyState }>;
    for (const [sku, { state }] of actors) {
      const row = rows.get(sku);
      if (row === undefined) this.#say('H3', `${where}: ${sku} is missing in partition ${partition} as it is opened`);
      else if (Buffer.compare(packed(sku, unpacked(sku, row.bytes)), packed(sku, state)) !== 0) {
        this.#say('H3', `${where}: ${sku} is opened as of event ${row.seq}; it was sealed as of ${state.seq}`);
      }
    }
    for (const sku of rows.keys()) {
      if (!actors.has(sku)) this.#say('H3', `${where}: ${sku} is opened, and no event made it`);
    }
  }

  #place(partition: number): Place {
    return this.places[partition] as Place;
  }

  #say(invariant: string, text: string): void {
    this.#violations.push({ invariant, text });
  }
}

function show({ lane, isOpen, epoch, toLane }: Place): string {
  return isOpen ? `open in lane ${lane} under ${epoch}` : `sealed in lane ${lane} under ${epoch} for lane ${toLane}`;
}

/** Of two versions of a sku that anybody saw, that with more events has no smaller epoch (H5). */
export function checkVersions(history: History, violations: Violation[]): void {
  const seen = new Map<string, Version[]>();
  const note = (sku: string, version: Version): void => {
    const of = seen.get(sku);
    if (of === undefined) seen.set(sku, [version]);
    else of.push(version);
  };
  for (const { push } of history.pushes) note(push.sku, push.version);
  for (const { view } of history.shown) note(view.sku, view.version);
  for (const { request, answers } of history.asked) {
    const sku = 'ref' in request ? request.ref.sku : 'sku' in request ? request.sku : undefined;
    for (const { outcome } of answers) {
      if (sku !== undefined && outcome.ok && 'version' in outcome) note(sku, outcome.version as Version);
    }
  }
  for (const [sku, versions] of seen) {
    versions.sort((left, right) => left.seq - right.seq || left.epoch - right.epoch);
    let last: Version | undefined;
    for (const version of versions) {
      if (last !== undefined && version.epoch < last.epoch) {
        const text = `${sku} was seen at ${JSON.stringify(last)} and at ${JSON.stringify(version)}`;
        violations.push({ invariant: 'H5', text });
        break;
      }
      last = version;
    }
  }
  checkPushOrder(history, violations);
}

/** What one listener is told never goes backward by (epoch, seq). */
function checkPushOrder(history: History, violations: Violation[]): void {
  const last = new Map<string, AvailabilityPush>();
  for (const { listener, push } of history.pushes) {
    const key = `${listener}/${push.sku}`;
    const before = last.get(key);
    if (before !== undefined && push.version.epoch < before.version.epoch) {
      violations.push({
        invariant: 'H5',
        text: `${listener} was told of ${push.sku} under an older epoch than before`,
      });
    }
    last.set(key, push);
  }
}
