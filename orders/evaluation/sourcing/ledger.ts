// What a way of sourcing has left and done so far in a world: its stock, its packages, and what they truly cost.
import type { Item } from '../../sourcing/candidates.ts';
import type { Situation } from '../../sourcing/situation.ts';
import type { Assumptions } from './assumptions.ts';
import { HANDLING_PER_UNIT, LOST_MARGIN_SHARE, REPLENISHED_AFTER_DAYS, SPLIT_PENALTY } from './assumptions.ts';
import { type Chosen, sendingCost } from './simple-rules.ts';
import { DAY_MS, type World, type WorldOrder } from './world.ts';

/** Of all orders of a world. */
export interface Result {
  readonly orders: number;
  /** Minor units, an order. */
  readonly cost: number;
  readonly freight: number;
  readonly lateness: number;
  readonly lostMargin: number;
  /** Share of the orders that something was sent of whose packages all came in time. */
  readonly onTime: number;
  /** An order that something was sent of. */
  readonly packages: number;
  /** Share of units. */
  readonly unfilled: number;
}

export class Ledger {
  readonly #world: World;
  readonly #assumptions: Assumptions;
  readonly #stock: Map<string, Map<string, number>>;
  readonly #packages = new Map<string, number>();
  readonly #arrivals = new Map<number, { node: string; sku: string; qty: number }[]>();
  readonly #start: number;
  #day = 0;
  #sums = {
    orders: 0,
    sent: 0,
    onTime: 0,
    packages: 0,
    freight: 0,
    handling: 0,
    lateness: 0,
    lostMargin: 0,
    splits: 0,
    units: 0,
    unfilled: 0,
  };

  constructor(world: World, assumptions: Assumptions) {
    this.#world = world;
    this.#assumptions = assumptions;
    this.#stock = new Map([...world.stock].map(([node, units]) => [node, new Map(units)]));
    this.#start = Math.floor((world.orders[0]?.at ?? 0) / DAY_MS);
    for (const { day, ...arrival } of world.arrivals) this.#arrive(day, arrival);
  }

  #arrive(day: number, arrival: { node: string; sku: string; qty: number }): void {
    const others = this.#arrivals.get(day);
    if (others === undefined) this.#arrivals.set(day, [arrival]);
    else others.push(arrival);
  }

  unitsAt(node: string, sku: string): number {
    return this.#stock.get(node)?.get(sku) ?? 0;
  }

  packagesAt(node: string, handedOverAt: number): number {
    return this.#packages.get(`${node} ${handedOverAt}`) ?? 0;
  }

  /** As an order is sourced at a time; what arrives until then has arrived. */
  situation(at: number, handedOver: (node: string) => number): Situation {
    const today = Math.floor(at / DAY_MS) - this.#start;
    for (; this.#day <= today; this.#day++) {
      for (const { node, sku, qty } of this.#arrivals.get(this.#day) ?? []) {
        this.#stock.get(node)?.set(sku, this.unitsAt(node, sku) + qty);
      }
    }
    return {
      stock: (_region, sku, node) => this.unitsAt(node, sku),
      packagesOf: (node) => this.packagesAt(node, handedOver(node)),
      now: at,
    };
  }

  /** Whether a package of an order comes after its promise. */
  isLate({ order, promisedAt }: WorldOrder, { candidate }: Pick<Chosen, 'candidate'>): boolean {
    const { source, service } = candidate;
    const days = this.#world.trueDays(order.orderId, source.node.node, service.service, source.km, source.handedOverAt);
    return source.handedOverAt + days * DAY_MS > promisedAt;
  }

  /** What a package truly costs, besides what its units add. */
  packageCost({ candidate }: Pick<Chosen, 'candidate'>, isLate: boolean): number {
    return (
      sendingCost(candidate, 0) +
      candidate.source.node.handlingPerPackage +
      (isLate ? this.#assumptions.lateCostPerPackage : 0)
    );
  }

  unitCost({ candidate }: Pick<Chosen, 'candidate'>, item: Item, isLate: boolean): number {
    const weighs = sendingCost(candidate, item.grams) - sendingCost(candidate, 0);
    return weighs + HANDLING_PER_UNIT + (isLate ? this.#assumptions.lateCostShare * item.value : 0);
  }

  /** @throws RangeError when more is sent than there is: then the figures would say nothing */
  send(of: WorldOrder, items: readonly Item[], chosen: readonly Chosen[]): void {
    const sums = this.#sums;
    const left = items.map(({ qty }) => qty);
    let isLate = false;
    for (const one of chosen) {
      const late = this.isLate(of, one);
      isLate ||= late;
      const { source } = one.candidate;
      const key = `${source.node.node} ${source.handedOverAt}`;
      this.#packages.set(key, (this.#packages.get(key) ?? 0) + 1);
      sums.freight += sendingCost(one.candidate, 0);
      sums.handling += source.node.handlingPerPackage;
      if (late) sums.lateness += this.#assumptions.lateCostPerPackage;
      for (const [n, count] of one.units.entries()) {
        if (count === 0) continue;
        const item = items[n] as Item;
        const has = this.unitsAt(source.node.node, item.sku);
        if (count > has) throw new RangeError(`${source.node.node} has ${has} of ${item.sku}, not ${count}`);
        this.#stock.get(source.node.node)?.set(item.sku, has - count);
        this.#arrive(this.#day + REPLENISHED_AFTER_DAYS, { node: source.node.node, sku: item.sku, qty: count });
        left[n] = (left[n] as number) - count;
        sums.freight += count * (sendingCost(one.candidate, item.grams) - sendingCost(one.candidate, 0));
        sums.handling += count * HANDLING_PER_UNIT;
        if (late) sums.lateness += count * this.#assumptions.lateCostShare * item.value;
      }
    }
    for (const [n, open] of left.entries()) {
      const { qty, value } = items[n] as Item;
      if (open < 0) throw new RangeError('more units were sent than were ordered');
      sums.units += qty;
      sums.unfilled += open;
      sums.lostMargin += open * value * LOST_MARGIN_SHARE;
    }
    sums.orders += 1;
    sums.packages += chosen.length;
    sums.splits += Math.max(0, chosen.length - 1) * SPLIT_PENALTY;
    if (chosen.length === 0) return;
    sums.sent += 1;
    if (!isLate) sums.onTime += 1;
  }

  result(): Result {
    const { orders, sent, onTime, packages, freight, handling, lateness, lostMargin, splits, units, unfilled } =
      this.#sums;
    return {
      orders,
      cost: (freight + handling + lateness + lostMargin + splits) / orders,
      freight: freight / orders,
      lateness: lateness / orders,
      lostMargin: lostMargin / orders,
      onTime: onTime / sent,
      packages: packages / sent,
      unfilled: unfilled / units,
    };
  }
}
