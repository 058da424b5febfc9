// The end of a replay: what the grid holds at the run's ship node, against what the raw file says it must be.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { NodeView } from '../../../protocol/index.ts';
import type { InventoryState } from '../../core/index.ts';
import type { Totals } from './driver.ts';
import { keyParts, positionKey } from './plan.ts';
import type { ExpectedPosition } from './recompute.ts';

/** Differences that are kept to be listed. */
const LISTED_MAX = 100;

export interface ReplayDifference {
  /** A position, or one of the totals. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface Verification {
  readonly positions: number;
  readonly differencesTotal: number;
  readonly differences: readonly ReplayDifference[];
}

export class Verifier {
  readonly #expected: ReadonlyMap<string, ExpectedPosition>;
  readonly #node: string;
  readonly #differences: ReplayDifference[] = [];
  #total = 0;

  constructor(expected: ReadonlyMap<string, ExpectedPosition>, node: string) {
    this.#expected = expected;
    this.#node = node;
  }

  #differ(what: string, expected: string, found: string): void {
    this.#total += 1;
    if (this.#differences.length < LISTED_MAX) this.#differences.push({ what, expected, found });
  }

  /** The driver's own count of what was acknowledged. */
  totals(totals: Totals): void {
    const sum = (of: (position: ExpectedPosition) => number): number =>
      [...this.#expected.values()].reduce((total, position) => total + of(position), 0);
    const pairs: [string, number, number][] = [
      ['units shipped', sum(({ shipped }) => shipped), totals.unitsShipped],
      ['units returned', sum(({ returned }) => returned), totals.unitsReturned],
      ['units written off', sum(({ writtenOff }) => writtenOff), totals.unitsWrittenOff],
      ['stock-outs', sum(({ stockOuts }) => stockOuts), totals.stockOuts],
    ];
    for (const [what, expected, found] of pairs)
      if (expected !== found) this.#differ(what, String(expected), String(found));
  }

  /** The live grid's positions at the run's node. */
  async live(clients: ReadonlyMap<string, HoldfastClient>): Promise<void> {
    const found = new Map<string, NodeView>();
    for (const [region, client] of clients) {
      for await (const { sku, nodes } of client.listAll({ region })) {
        const node = nodes.find((view) => view.node === this.#node);
        if (node !== undefined) found.set(positionKey(sku, region), node);
      }
    }
    for (const [key, { onHand }] of this.#expected) {
      const node = found.get(key);
      const expectedText = `onHand ${onHand}, reserved 0, allocated 0`;
      const foundText =
        node === undefined
          ? 'no position'
          : `onHand ${node.onHand}, reserved ${node.reserved}, allocated ${node.allocated}`;
      if (expectedText !== foundText) this.#differ(describe(key), expectedText, foundText);
      found.delete(key);
    }
    for (const key of found.keys()) this.#differ(describe(key), 'no position', `one at ${this.#node}`);
  }

  /** One actor as the audit rebuilt it from the journal: shipped units are not on the wire, but there. */
  journaled(region: string, { sku, nodes }: InventoryState): void {
    const node = nodes.find((position) => position.node === this.#node);
    const expected = this.#expected.get(positionKey(sku, region));
    if (node === undefined || expected === undefined || node.shipped === expected.shipped) return;
    this.#differ(`${sku} in ${region}, from the journal`, `shipped ${expected.shipped}`, `shipped ${node.shipped}`);
  }

  result(): Verification {
    return { positions: this.#expected.size, differencesTotal: this.#total, differences: this.#differences };
  }
}

function describe(key: string): string {
  const { sku, region } = keyParts(key);
  return `${sku} in ${region}`;
}
