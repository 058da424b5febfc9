// The hot SKUs of a lane, and which of them are packed next. Those that come often, or all where there is room for all, have a place in a clock, and a
// second chance before they lose it. The others are visitors: packed as soon as what happened to them is durable, so that they die young, where an actor that stays for
// seconds would become garbage that only a major collection frees. Order and choice are all it knows: how an actor is packed is its owner's business.
import { ABSENT, type Actor, VISITING } from './actor.ts';
import type { ShellLimits } from './limits.ts';
import { RecentKeys } from './recent-keys.ts';

/** An actor that came within a tenth of `idleMs` before, or twice that, has a place in the clock if one is free. */
const RECENT_PER_IDLE = 10;
/** Entries of visitors that were passed are taken out of the list once they are so many, and half of it. */
const PASSED_MIN = 1_024;

export class HotActors {
  readonly #limits: ShellLimits;
  readonly #pack: (actor: Actor) => void;
  readonly #clock: Actor[] = [];
  #hand = 0;
  /** Looks at idle actors that are due; a fraction of one is carried on. */
  #idleLooks = 0;
  /** In the order in which they came; those that left meanwhile are passed by. */
  #visitors: (Actor | undefined)[] = [];
  #nextVisitor = 0;
  #visiting = 0;
  readonly #recent: RecentKeys;
  /** The actor found last: a flash sale asks for the same one again and again. Whoever found it may go on with it, so it is not packed. */
  lastFound: Actor | undefined;

  /** @param pack puts the actor's packed form in its place; it is hot no more */
  constructor(limits: ShellLimits, pack: (actor: Actor) => void) {
    this.#limits = limits;
    this.#pack = pack;
    this.#recent = new RecentKeys(limits.hotActorsMax, limits.idleMs / RECENT_PER_IDLE);
  }

  get size(): number {
    return this.#clock.length + this.#visiting;
  }

  /** @param fit whether there is a place for every actor that there is: then each has one at once */
  enter(actor: Actor, fit: boolean): void {
    if ((fit || this.#recent.meet(actor.sku)) && this.#clock.length < this.#limits.hotActorsMax) {
      this.#enterClock(actor);
      return;
    }
    this.lastFound = actor;
    actor.used = false;
    actor.clockIndex = VISITING;
    this.#visitors.push(actor);
    this.#visiting += 1;
  }

  leave(actor: Actor): void {
    if (this.lastFound === actor) this.lastFound = undefined;
    const { clockIndex } = actor;
    actor.clockIndex = ABSENT;
    if (clockIndex === VISITING) {
      this.#visiting -= 1;
      return;
    }
    const last = this.#clock.pop() as Actor;
    if (last === actor) return;
    this.#clock[clockIndex] = last;
    last.clockIndex = clockIndex;
  }

  clear(): void {
    this.#clock.length = 0;
    this.#visitors = [];
    this.#nextVisitor = 0;
    this.#visiting = 0;
    this.#recent.clear();
    this.lastFound = undefined;
  }

  /** Too large to be packed in passing. */
  isLarge({ state: { reservations, dedup } }: Actor): boolean {
    return reservations.size + dedup.size > this.#limits.packedEntriesMax;
  }

  /**
   * Packs visitors that nobody has asked for again, and actors beyond the limit, least recently used first. Those with events that are
   * not durable, or too large to pack in passing, stay.
   * @param most how many to look at, so that the turn stays short
   */
  cool(durableSeq: number, most: number): void {
    this.#coolVisitors(durableSeq, most);
    this.#coolClock(durableSeq, most, this.#limits.hotActorsMax);
  }

  /**
   * Packs actors that nobody has asked for during a whole turn of the eviction clock, which takes `idleMs`. To be called between turns:
   * nobody goes on with the actor that was found last.
   * @param elapsedMs since the last call
   */
  coolIdle(durableSeq: number, elapsedMs: number): void {
    const { idleMs, idleLooksMax } = this.#limits;
    this.lastFound = undefined;
    this.#recent.pass(elapsedMs);
    this.#idleLooks = Math.min(this.#idleLooks + (this.#clock.length * elapsedMs) / idleMs, idleLooksMax);
    const looks = Math.floor(this.#idleLooks);
    this.#idleLooks -= looks;
    this.#coolClock(durableSeq, looks, 0);
  }

  #coolVisitors(durableSeq: number, most: number): void {
    for (let looked = 0; looked < most; looked++) {
      const actor = this.#visitors[this.#nextVisitor];
      if (actor === undefined) break;
      const isHere = actor.clockIndex === VISITING;
      // One of a flash sale has an event on its way at every look, and all others stand behind it.
      const stays = isHere && (actor.used || actor.watched || this.isLarge(actor));
      if (isHere && !stays && (actor === this.lastFound || actor.journalSeq > durableSeq)) break;
      this.#visitors[this.#nextVisitor] = undefined;
      this.#nextVisitor += 1;
      if (!isHere) continue;
      if (stays) {
        this.#visiting -= 1;
        this.#enterClock(actor);
      } else {
        this.#pack(actor);
        this.leave(actor);
      }
    }
    if (this.#nextVisitor < PASSED_MIN || this.#nextVisitor * 2 < this.#visitors.length) return;
    this.#visitors = this.#visitors.slice(this.#nextVisitor);
    this.#nextVisitor = 0;
  }

  #coolClock(durableSeq: number, most: number, target: number): void {
    for (let looked = 0; looked < most && this.#clock.length > target; looked++) {
      if (this.#hand >= this.#clock.length) this.#hand = 0;
      const actor = this.#clock[this.#hand] as Actor;
      const isBusy = actor.used || actor === this.lastFound || actor.journalSeq > durableSeq;
      if (isBusy || actor.watched || this.isLarge(actor)) {
        actor.used = false;
        this.#hand += 1;
        continue;
      }
      this.#pack(actor);
      this.leave(actor);
    }
  }

  #enterClock(actor: Actor): void {
    actor.clockIndex = this.#clock.length;
    this.#clock.push(actor);
  }
}
