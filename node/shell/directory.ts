// The directory of a worker's actors, of whichever kind, and the form each is held in: hot (an object), packed (its canonical bytes,
// outside of the heap) or passivated (only its row in a snapshot slot). It decides nothing about stock or orders.
import { ByteWriter, createState, type InventoryState, PackInTurns, pack, unpack } from '../core/index.ts';
import type { SnapshotSlot } from '../journal/port.ts';
import { type Actor, type ActorOf, newActor, type OrderActor } from './actor.ts';
import { Changes, dueIn, isIn, type SnapshotRound } from './changes.ts';
import { HotActors } from './hot-actors.ts';
import { isOrderKey, partitionOfKey } from './keys.ts';
import { type ActorKinds, type AnyState, kindOf } from './kind-table.ts';
import type { ShellLimits } from './limits.ts';
import { HotOrders } from './orders/hot-orders.ts';
import { isDoneRow } from './orders/order-kind.ts';
import { RowStore } from './row-store.ts';

export type { Actor, OrderActor } from './actor.ts';

type AnyActor = ActorOf<AnyState>;

const PASSIVATED: Record<SnapshotSlot, number> = { a: -1, b: -2 };

/** Hot; or packed, by the handle of its row, from 0 on; or passivated: see PASSIVATED. */
type Held = AnyActor | number;

export interface PackedRow {
  readonly bytes: Uint8Array;
  /** The journal seq of the last event in it. */
  readonly journalSeq: number;
}

/** A row in the making: the actor as it was when its packing began. */
export interface PackingRow {
  readonly packing: PackInTurns;
  /** The journal seq of the last event that will be in it. */
  readonly journalSeq: number;
}

export class ActorDirectory {
  readonly partitions: number;
  readonly kinds: ActorKinds;
  readonly #limits: ShellLimits;
  /** By partition, so that no map ever grows past what rehashes in a few milliseconds. */
  readonly #held: Map<string, Held>[];
  /** Beside each row of an SKU, when the timer wheel looks at its actor: ms since the epoch, Infinity: not that it is known. */
  readonly #rows = new RowStore();
  /** SKUs. */
  readonly #hot: HotActors;
  readonly #writer = new ByteWriter(4_096);
  /** What the next snapshots must write, and what changes while it is copied. */
  readonly changes: Changes;
  /** SKUs whose actor was dropped: only the journal has their last events. */
  readonly #dropped = new Set<string>();
  #size = 0;
  #passivated = 0;
  /** Ship-node positions, and reservations that hold stock, by partition. */
  readonly #positions: Float64Array;
  readonly #liveReservations: Float64Array;
  readonly #orders: Float64Array;
  /** Over all partitions. */
  #ordersInAll = 0;
  /** Orders leave memory by their own rules: there are always more of them, and each is busy for a short while. */
  readonly #hotOrders = new HotOrders<OrderActor>();
  /** Characters of packed orders. */
  #packedOrderBytes = 0;
  /** SKUs with pooled stock, and those of them that came to be here since they were last asked for. */
  readonly #pooled = new Set<string>();
  #newPools: string[] = [];

  constructor(partitions: number, limits: ShellLimits, kinds: ActorKinds) {
    this.partitions = partitions;
    this.kinds = kinds;
    this.#limits = limits;
    this.#hot = new HotActors(limits, (actor) => this.#pack(actor));
    this.#held = Array.from({ length: partitions }, () => new Map());
    this.changes = new Changes(partitions);
    this.#positions = new Float64Array(partitions);
    this.#liveReservations = new Float64Array(partitions);
    this.#orders = new Float64Array(partitions);
  }

  /** Ship-node positions over all actors. */
  get positions(): number {
    return sum(this.#positions);
  }

  /** Reservations that hold stock, over all actors. */
  get liveReservations(): number {
    return sum(this.#liveReservations);
  }

  /** Orders, over all partitions. */
  get orders(): number {
    return this.#ordersInAll;
  }

  /** To be called when an actor of the partition has so many more positions and live reservations. */
  count(partition: number, positions: number, liveReservations: number): void {
    this.#positions[partition] = (this.#positions[partition] as number) + positions;
    this.#liveReservations[partition] = (this.#liveReservations[partition] as number) + liveReservations;
  }

  get counts(): { hot: number; packed: number; passivated: number } {
    const hot = this.#hot.size + this.#hotOrders.size;
    return { hot, packed: this.#size - hot - this.#passivated, passivated: this.#passivated };
  }

  /** The actor of the sku, made hot; undefined when there is none; a slot when it must be loaded from there. */
  find(sku: string, knownPartition?: number): Actor | SnapshotSlot | undefined {
    const last = this.#hot.lastFound;
    if (last?.sku === sku) {
      last.used = true;
      return last;
    }
    const partition = knownPartition ?? this.partitionOf(sku);
    const held = (this.#held[partition] as Map<string, Held>).get(sku);
    if (held === undefined) return undefined;
    if (typeof held === 'object') {
      const actor = held as Actor;
      actor.used = true;
      this.#hot.lastFound = actor;
      return actor;
    }
    return held < 0 ? slotOf(held) : this.#heat(partition, held);
  }

  /** As find, of an order. */
  findOrder(key: string, partition = this.partitionOf(key)): OrderActor | SnapshotSlot | undefined {
    const held = (this.#held[partition] as Map<string, Held>).get(key);
    if (held === undefined) return undefined;
    if (typeof held === 'object') {
      const actor = held as OrderActor;
      actor.used = true;
      return actor;
    }
    if (held < 0) return slotOf(held);
    const actor = newActor(key, partition, this.kinds.order.unpack(this.#rows.read(held)));
    this.#removeOrderRow(held);
    this.#enterOrder(actor);
    return actor;
  }

  /**
   * The sku's actor as it is, for a look at many: one that is packed stays so. Undefined when there is none; a slot when
   * only that has it.
   */
  peek(sku: string): { readonly state: InventoryState; readonly journalSeq: number } | SnapshotSlot | undefined {
    const held = (this.#held[this.partitionOf(sku)] as Map<string, Held>).get(sku);
    if (typeof held !== 'number') return held as Actor | undefined;
    return held < 0 ? slotOf(held) : { state: unpack(this.#rows.read(held)), journalSeq: 0 };
  }

  /** A new actor for a sku that has none. It is in the directory only once `keep` was called. */
  draft(sku: string): Actor {
    return newActor(sku, this.partitionOf(sku), createState(sku));
  }

  /** Admits a draft whose first event was recorded. */
  keep(actor: Actor): void {
    this.#size += 1;
    this.#enter(actor);
  }

  /** A new order's actor, in the directory once `keepOrder` was called. */
  draftOrder(key: string): OrderActor {
    return newActor(key, this.partitionOf(key), this.kinds.order.create(key));
  }

  keepOrder(actor: OrderActor): void {
    this.#size += 1;
    this.#addOrders(actor.partition, 1);
    this.#enterOrder(actor);
  }

  /** Takes in the row of an actor that is not hot: at recovery, or when a passivated one is asked for. */
  admitRow(sku: string, bytes: Uint8Array): void {
    const partition = this.partitionOf(sku);
    const held = this.#held[partition] as Map<string, Held>;
    const before = held.get(sku);
    if (typeof before === 'object') return;
    const isOrder = isOrderKey(sku);
    if (before === undefined) {
      this.#size += 1;
      if (isOrder) this.#addOrders(partition, 1);
    } else if (before < 0) this.#passivated -= 1;
    else this.#removeRow(sku, before);
    held.set(sku, isOrder ? this.#addOrderRow(bytes) : this.#rows.add(bytes, Number.POSITIVE_INFINITY));
  }

  /** Whether a row is one to be held in memory: orders that are done are not, nor more of the others than there is room for. */
  keepsInMemory(sku: string, bytes: Uint8Array): boolean {
    if (!isOrderKey(sku)) return true;
    return !isDoneRow(bytes[0] as number) && this.#packedOrderBytes <= this.#limits.packedOrderBytesMax;
  }

  /** Notes an actor that is only in the store. */
  admitPassivated(sku: string, slot: SnapshotSlot): void {
    const partition = this.partitionOf(sku);
    const held = this.#held[partition] as Map<string, Held>;
    if (held.has(sku)) return;
    this.#size += 1;
    this.#passivated += 1;
    if (isOrderKey(sku)) this.#addOrders(partition, 1);
    held.set(sku, PASSIVATED[slot]);
  }

  partitionOf(sku: string): number {
    return partitionOfKey(sku, this.partitions);
  }

  /** To be called when an actor with pooled stock comes to be here: made, recovered, or taken in. */
  notePooled(sku: string): void {
    if (this.#pooled.has(sku)) return;
    this.#pooled.add(sku);
    this.#newPools.push(sku);
  }

  isPooled(sku: string): boolean {
    return this.#pooled.has(sku);
  }

  /** The pools that were noted since the last call. */
  takeNewPools(): readonly string[] {
    const pools = this.#newPools;
    if (pools.length > 0) this.#newPools = [];
    return pools;
  }

  /** Forgets everything: a recovery starts again from another snapshot. */
  clear(): void {
    for (const held of this.#held) held.clear();
    this.#rows.clear();
    this.#hot.clear();
    this.changes.clear();
    this.#dropped.clear();
    this.#pooled.clear();
    this.#newPools = [];
    this.#size = 0;
    this.#passivated = 0;
    this.#positions.fill(0);
    this.#liveReservations.fill(0);
    this.#orders.fill(0);
    this.#ordersInAll = 0;
    this.#hotOrders.clear();
    this.#packedOrderBytes = 0;
  }

  /** The keys of all actors of the partition, in no order. */
  keysOf(partition: number): string[] {
    return [...(this.#held[partition] as Map<string, Held>).keys()];
  }

  /** The partition's skus, in no order. */
  skusOf(partition: number): string[] {
    return this.keysOf(partition).filter((key) => !isOrderKey(key));
  }

  /** Forgets the actors of a partition that is not in this lane any more. */
  dropPartition(partition: number): void {
    const held = this.#held[partition] as Map<string, Held>;
    for (const [sku, actor] of held) {
      if (isOrderKey(sku)) this.#leaveOrders(actor);
      else if (typeof actor === 'object') this.#hot.leave(actor as Actor);
      else if (actor >= 0) this.#rows.remove(actor);
      if (typeof actor === 'number' && actor < 0) this.#passivated -= 1;
      this.#dropped.delete(sku);
      this.#pooled.delete(sku);
    }
    this.#size -= held.size;
    this.#held[partition] = new Map();
    this.changes.dropPartition(partition);
    this.#positions[partition] = 0;
    this.#liveReservations[partition] = 0;
    this.#addOrders(partition, -(this.#orders[partition] as number));
  }

  /** Drops an actor whose state can no longer be trusted. */
  drop(actor: Actor): void {
    this.#held[actor.partition]?.delete(actor.sku);
    this.#hot.leave(actor);
    this.#dropped.add(actor.sku);
    this.#size -= 1;
  }

  /** As drop. */
  dropOrder(actor: OrderActor): void {
    if (this.#held[actor.partition]?.delete(actor.sku) !== true) return;
    this.#leaveOrders(actor);
    this.#addOrders(actor.partition, -1);
    this.#dropped.add(actor.sku);
    this.#size -= 1;
  }

  /** The slot that is written next is to be written whole. */
  markAllChanged(): void {
    for (const [partition, held] of this.#held.entries()) {
      for (const key of held.keys()) this.changes.mark(key, partition);
    }
  }

  /** A sku that the round must write and cannot, as its actor was dropped; undefined when there is none. */
  droppedIn(round: SnapshotRound): string | undefined {
    for (const sku of this.#dropped) {
      const partition = this.partitionOf(sku);
      if (isIn(round.changed, partition, sku) || isIn(round.before, partition, sku)) return sku;
    }
    return undefined;
  }

  /** Whether only the journal knows the last events of an actor of the partition. */
  hasDropped(partition: number): boolean {
    for (const sku of this.#dropped) if (this.partitionOf(sku) === partition) return true;
    return false;
  }

  /** Begins to pack an actor that is too large to be packed at once; undefined when the sku has none such. */
  packInTurns(sku: string): PackingRow | undefined {
    const held = (this.#held[this.partitionOf(sku)] as Map<string, Held>).get(sku);
    if (typeof held !== 'object' || isOrderKey(sku)) return undefined;
    const actor = held as Actor;
    if (!this.#hot.isLarge(actor)) return undefined;
    return { packing: new PackInTurns(actor.state, actor.state.lastAt), journalSeq: actor.journalSeq };
  }

  /**
   * The sku's packed bytes and the journal seq of the last event in them; undefined when it is not in memory.
   */
  row(sku: string): PackedRow | undefined {
    const held = (this.#held[this.partitionOf(sku)] as Map<string, Held>).get(sku);
    if (held === undefined) return undefined;
    if (typeof held === 'number') {
      return held < 0 ? undefined : { bytes: Uint8Array.from(this.#rows.read(held)), journalSeq: 0 };
    }
    this.#writer.reset();
    kindOf(this.kinds, sku).pack(held.state, this.#writer);
    return { bytes: Uint8Array.from(this.#writer.view()), journalSeq: held.journalSeq };
  }

  /** See HotActors. */
  cool(durableSeq: number, most: number): void {
    this.#hot.cool(durableSeq, most);
  }

  /** See HotActors. */
  coolIdle(durableSeq: number, elapsedMs: number): void {
    this.#hot.coolIdle(durableSeq, elapsedMs);
  }

  /**
   * Packs orders that nobody has asked for during `orderIdleMs`. Those with events that are not durable stay.
   * @param elapsedMs since the last call
   */
  coolOrders(durableSeq: number, elapsedMs: number): void {
    const { orderIdleMs, orderLooksMax } = this.#limits;
    this.#hotOrders.pass(elapsedMs, orderIdleMs, orderLooksMax, (actor) => {
      if (this.#held[actor.partition]?.get(actor.sku) !== actor) return 'gone';
      if (actor.used || actor.journalSeq > durableSeq) {
        actor.used = false;
        return 'stays';
      }
      this.#writer.reset();
      this.kinds.order.pack(actor.state, this.#writer);
      this.#held[actor.partition]?.set(actor.sku, this.#addOrderRow(this.#writer.view()));
      return 'packed';
    });
  }

  /** The slot that alone holds the actor; undefined when it is in memory, or nowhere. */
  passivatedIn(sku: string, partition = this.partitionOf(sku)): SnapshotSlot | undefined {
    const held = (this.#held[partition] as Map<string, Held>).get(sku);
    return typeof held === 'number' && held < 0 ? slotOf(held) : undefined;
  }

  /**
   * Passivates packed actors whose row in `slot` the round has just made current, while more are packed than memory
   * is meant for.
   */
  passivate(round: SnapshotRound, slot: SnapshotSlot): void {
    this.#passivateOrders(round, slot);
    let excess = this.counts.packed - this.#limits.packedActorsMax;
    if (excess <= 0) return;
    for (const sku of dueIn(round)) {
      const partition = this.partitionOf(sku);
      const held = this.#held[partition] as Map<string, Held>;
      const packed = held.get(sku);
      if (typeof packed !== 'number' || packed < 0 || this.changes.has(sku, partition)) continue;
      this.#removeRow(sku, packed);
      held.set(sku, PASSIVATED[slot]);
      this.#passivated += 1;
      excess -= 1;
      if (excess === 0) return;
    }
  }

  /**
   * Orders whose row both slots have now: those that are done, as nobody will ask for them soon, and others while they take more
   * memory than they are meant to.
   */
  #passivateOrders(round: SnapshotRound, slot: SnapshotSlot): void {
    for (let partition = 0; partition < this.partitions; partition++) {
      const held = this.#held[partition] as Map<string, Held>;
      for (const key of round.before[partition] as ReadonlySet<string>) {
        if (!isOrderKey(key) || isIn(round.changed, partition, key)) continue;
        const packed = held.get(key);
        if (typeof packed !== 'number' || packed < 0 || this.changes.has(key, partition)) continue;
        const isDone = isDoneRow(this.#rows.read(packed)[0] as number);
        if (!isDone && this.#packedOrderBytes <= this.#limits.packedOrderBytesMax) continue;
        this.#removeOrderRow(packed);
        held.set(key, PASSIVATED[slot]);
        this.#passivated += 1;
      }
    }
  }

  /** SKUs of the partition that follow `after` in the directory's own order, at most `limit`. */
  page(partition: number, after: string | undefined, limit: number): string[] {
    const found: string[] = [];
    let isSkipping = after !== undefined;
    for (const sku of (this.#held[partition] as Map<string, Held>).keys()) {
      if (isOrderKey(sku)) continue;
      if (isSkipping) isSkipping = sku !== after;
      else found.push(sku);
      if (found.length === limit) break;
    }
    return found;
  }

  #heat(partition: number, row: number): Actor {
    const state = unpack(this.#rows.read(row));
    const actor = newActor(state.sku, partition, state);
    // What the wheel has of it already is not to be asked for again each time that it is packed and comes back.
    actor.wheelAt = this.#rows.noteOf(row);
    this.#rows.remove(row);
    this.#enter(actor);
    return actor;
  }

  #enterOrder(actor: OrderActor): void {
    this.#held[actor.partition]?.set(actor.sku, actor);
    this.#hotOrders.add(actor);
  }

  #leaveOrders(held: Held): void {
    if (typeof held === 'object') this.#hotOrders.left();
    else if (held >= 0) this.#removeOrderRow(held);
  }

  #addOrders(partition: number, count: number): void {
    this.#orders[partition] = (this.#orders[partition] as number) + count;
    this.#ordersInAll += count;
  }

  #enter(actor: Actor): void {
    this.#held[actor.partition]?.set(actor.sku, actor);
    this.#hot.enter(actor, this.#size - this.#ordersInAll <= this.#limits.hotActorsMax);
  }

  #pack(actor: Actor): void {
    this.#writer.reset();
    pack(actor.state, this.#writer);
    this.#held[actor.partition]?.set(actor.sku, this.#rows.add(this.#writer.view(), actor.wheelAt));
  }

  #addOrderRow(bytes: Uint8Array): number {
    this.#packedOrderBytes += bytes.length;
    return this.#rows.add(bytes, Number.POSITIVE_INFINITY);
  }

  #removeOrderRow(row: number): void {
    this.#packedOrderBytes -= this.#rows.lengthOf(row);
    this.#rows.remove(row);
  }

  #removeRow(key: string, row: number): void {
    if (isOrderKey(key)) this.#removeOrderRow(row);
    else this.#rows.remove(row);
  }
}

function slotOf(held: number): SnapshotSlot {
  return held === PASSIVATED.a ? 'a' : 'b';
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
