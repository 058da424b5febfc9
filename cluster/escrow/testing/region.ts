// A region that sells pooled units in tests: a journal of which a crash loses the part that is not durable, the least of
// a position that reservations need, the pool and its steward. Rows leave only once what they say is durable.
import { decide, isRefusal, type PoolCommand } from '../decide.ts';
import { evolve, type PoolEvent } from '../evolve.ts';
import type { PoolOptions } from '../limits.ts';
import { encodeRows } from '../messages.ts';
import { assertInvariants, createPool, type PoolState, rightsOf } from '../state.ts';
import { type PoolContext, type PoolDecision, Steward } from '../steward.ts';

/** What reservations do to the position: reserved, restored, shipped. */
export interface StockEvent {
  readonly type: 'spent' | 'unspent' | 'shipped';
  readonly qty: number;
}

export type JournalEvent = PoolEvent | StockEvent;

interface TestPosition {
  received: number;
  shipped: number;
  reserved: number;
  allocated: number;
  backorderLimit: number;
  shortfall: number;
}

export class TestRegion {
  readonly name: string;
  readonly #others: readonly string[];
  readonly #options: PoolOptions;
  pool: PoolState;
  position: TestPosition;
  #steward: Steward;
  #epoch = 1;
  readonly journal: JournalEvent[] = [];
  durable = 0;
  #gated: { readonly to: string; readonly bytes: Uint8Array }[] = [];
  now = 0;

  constructor(name: string, others: readonly string[], options: PoolOptions) {
    this.name = name;
    this.#others = others;
    this.#options = options;
    this.pool = createPool(name);
    this.position = emptyPosition();
    this.#steward = new Steward('sku', others, options);
  }

  get rights(): number {
    return rightsOf(this.position);
  }

  /** Reserves `qty` units, if the rights for all of them are here. */
  spend(qty: number): boolean {
    const granted = qty <= this.rights ? qty : 0;
    if (granted > 0) this.#record({ type: 'spent', qty });
    this.#take(this.#steward.spent(this.#context(), qty, granted));
    return granted > 0;
  }

  unspend(qty: number): void {
    const back = Math.min(qty, this.position.reserved);
    if (back > 0) this.#record({ type: 'unspent', qty: back });
  }

  ship(qty: number): void {
    const out = Math.min(qty, this.position.reserved, this.position.received - this.position.shipped);
    if (out > 0) this.#record({ type: 'shipped', qty: out });
  }

  mint(qty: number): PoolDecision {
    return this.#execute({ op: 'mint', qty });
  }

  transfer(to: string, qty: number): PoolDecision {
    const decision = this.#execute({ op: 'transfer', to, qty });
    if (decision.refusal === undefined) this.#take(this.#steward.gave(this.#context(), to));
    return decision;
  }

  /** A person's word. */
  #execute(command: PoolCommand): PoolDecision {
    const verdict = decide(this.pool, this.position, command);
    if (isRefusal(verdict)) return { events: [], rows: [], refusal: verdict };
    for (const event of verdict) this.#apply(event);
    return this.#take({ events: verdict, rows: [], refusal: undefined });
  }

  receive(row: Parameters<Steward['receive']>[1]): PoolDecision {
    return this.#take(this.#steward.receive(this.#context(), row));
  }

  tick(): PoolDecision {
    return this.#take(this.#steward.tick(this.#context()));
  }

  /** Makes all that was recorded durable; returns the messages that waited for it and the events. */
  flush(): { readonly messages: { to: string; bytes: Uint8Array }[]; readonly events: readonly JournalEvent[] } {
    const events = this.journal.slice(this.durable);
    this.durable = this.journal.length;
    const messages = this.#gated;
    this.#gated = [];
    return { messages, events };
  }

  /** Loses what is volatile, and the last `lostTail` durable events, which only a broken store does. */
  crash(lostTail = 0): void {
    this.durable = Math.max(0, this.durable - lostTail);
    this.journal.length = this.durable;
    this.#gated = [];
    this.#epoch += 1;
    this.pool = createPool(this.name);
    this.position = emptyPosition();
    this.#steward = new Steward('sku', this.#others, this.#options);
    for (const event of this.journal) this.#apply(event);
  }

  #context(): PoolContext {
    const { pool, position, now } = this;
    const apply = (event: PoolEvent): void => this.#apply(event);
    return { pool, position, now, epoch: this.#epoch, seq: () => this.journal.length, apply };
  }

  #take(decision: PoolDecision): PoolDecision {
    this.journal.push(...decision.events);
    for (const row of decision.rows) this.#gated.push({ to: row.to, bytes: encodeRows([row]) });
    return decision;
  }

  #record(event: StockEvent): void {
    this.#apply(event);
    this.journal.push(event);
  }

  #apply(event: JournalEvent): void {
    const { position } = this;
    switch (event.type) {
      case 'spent':
        position.reserved += event.qty;
        break;
      case 'unspent':
        position.reserved -= event.qty;
        this.#writeOff();
        break;
      case 'shipped':
        position.reserved -= event.qty;
        position.shipped += event.qty;
        break;
      default:
        evolve(this.pool, position, event);
    }
    assertInvariants(this.pool, position);
  }

  /** As the actor does when units are freed while a shortfall stands. */
  #writeOff(): void {
    const off = Math.min(this.position.shortfall, this.rights);
    this.position.shortfall -= off;
    this.position.received -= off;
  }
}

function emptyPosition(): TestPosition {
  return { received: 0, shipped: 0, reserved: 0, allocated: 0, backorderLimit: 0, shortfall: 0 };
}
