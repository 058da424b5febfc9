// The pool as a child would keep it: a pile of tokens for each place, moved one by one. It is told what became durable,
// in that order, and throws when a token is moved from where none is: a unit sold twice, or a right out of nothing.
import type { JournalEvent } from './region.ts';

export class TokenModel {
  readonly #piles = new Map<string, number[]>();
  readonly #heardTotals = new Map<string, number>();
  #nextToken = 0;

  apply(region: string, event: JournalEvent): void {
    switch (event.type) {
      case 'minted':
        for (let i = 0; i < event.qty; i++) this.#pile(region).push(this.#nextToken++);
        this.#move(region, 'burned', -event.qty);
        return;
      case 'spent':
        this.#move(region, `sold ${region}`, event.qty);
        return;
      case 'unspent':
        this.#move(`sold ${region}`, region, event.qty);
        return;
      case 'shipped':
        this.#move(`sold ${region}`, `shipped ${region}`, event.qty);
        return;
      case 'transferred':
        this.#move(region, `way ${region} ${event.to}`, this.#more(`out ${region} ${event.to}`, event.total));
        return;
      case 'credited':
        this.#move(`way ${event.from} ${region}`, region, this.#more(`in ${event.from} ${region}`, event.total));
        return;
      case 'conceded':
        throw new Error(`${region} concedes though no journal lost its tail`);
      default:
        event satisfies never;
    }
  }

  /** Tokens at a place: a region's own name, or `sold R`, `shipped R`, `way A B`, `burned`. */
  at(place: string): number {
    return this.#pile(place).length;
  }

  /** Tokens in all places but burned. */
  get total(): number {
    let total = -this.at('burned');
    for (const pile of this.#piles.values()) total += pile.length;
    return total;
  }

  #more(key: string, total: number): number {
    const more = total - (this.#heardTotals.get(key) ?? 0);
    if (more <= 0) throw new Error(`the total of ${key} does not grow`);
    this.#heardTotals.set(key, total);
    return more;
  }

  #move(from: string, to: string, qty: number): void {
    for (let i = 0; i < qty; i++) {
      const token = this.#pile(from).pop();
      if (token === undefined) throw new Error(`no token is left at "${from}" to go to "${to}"`);
      this.#pile(to).push(token);
    }
  }

  #pile(place: string): number[] {
    const pile = this.#piles.get(place) ?? [];
    this.#piles.set(place, pile);
    return pile;
  }
}
