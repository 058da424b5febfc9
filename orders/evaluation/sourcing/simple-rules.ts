// The rules that shippers have without a solver. Each takes of what a node could send; the service is the cheapest that meets the promise
// nine times in ten, else the one that is late least often.
import type { Candidate, Item } from '../../sourcing/candidates.ts';

/** A way of sourcing: of all packages that could be, those to send. */
export type Rule = (candidates: readonly Candidate[], items: readonly Item[], packagesMax: number) => Chosen[];

export interface Chosen {
  readonly candidate: Candidate;
  /** Of each item. */
  readonly units: readonly number[];
}

/** The nearest that has all; where none has, the nearest that has something, then the next for the rest. */
export const nearestNode: Rule = (candidates, items, packagesMax) => {
  const near = nodesOf(candidates).sort((a, b) => kmOf(a) - kmOf(b));
  const whole = near.find((node) => items.every(({ qty }, n) => has(node, n) >= qty));
  return deal(whole === undefined ? near : [whole], items, packagesMax);
};

/** The fewest packages that send most units; of those the nearest. */
export const fewestSplits: Rule = (candidates, items, packagesMax) => {
  const nodes = nodesOf(candidates).sort((a, b) => kmOf(a) - kmOf(b));
  let best: { nodes: Candidate[][]; units: number; km: number } = { nodes: [], units: 0, km: 0 };
  for (let set = 1; set < 2 ** nodes.length; set++) {
    const chosen = nodes.filter((_, n) => (set >> n) & 1);
    if (chosen.length > packagesMax) continue;
    const units = items.reduce(
      (sum, { qty }, n) =>
        sum +
        Math.min(
          qty,
          chosen.reduce((all, node) => all + has(node, n), 0),
        ),
      0,
    );
    const km = chosen.reduce((sum, node) => sum + kmOf(node), 0);
    const isFewer = chosen.length - best.nodes.length || km - best.km;
    if (units > best.units || (units === best.units && isFewer < 0)) best = { nodes: chosen, units, km };
  }
  return deal(best.nodes, items, packagesMax);
};

/** Each line from where it alone would be cheapest; lines from the same node go in one package. As many packages as that makes. */
export const cheapestPerLine: Rule = (candidates, items) => {
  const nodes = nodesOf(candidates);
  const units = nodes.map(() => items.map(() => 0));
  for (const [n, { qty, grams }] of items.entries()) {
    const costOf = (node: readonly Candidate[]): number => {
      const given = Math.min(qty, has(node, n));
      return given === 0
        ? Number.POSITIVE_INFINITY
        : sendingCost(serviceFor(node, given * grams), given * grams) / given;
    };
    const costs = nodes.map(costOf);
    let left = qty;
    for (const place of [...nodes.keys()].sort((a, b) => (costs[a] as number) - (costs[b] as number))) {
      const given = Math.min(left, has(nodes[place] as Candidate[], n));
      (units[place] as number[])[n] = given;
      left -= given;
    }
  }
  return nodes.flatMap((node, place) => chosenOf(node, units[place] as number[], items));
};

/** Candidates by node, in the order they come. */
function nodesOf(candidates: readonly Candidate[]): Candidate[][] {
  const nodes = new Map<string, Candidate[]>();
  for (const one of candidates) {
    const { node } = one.source.node;
    const others = nodes.get(node);
    if (others === undefined) nodes.set(node, [one]);
    else others.push(one);
  }
  return [...nodes.values()];
}

function kmOf([first]: readonly Candidate[]): number {
  return first?.source.km ?? 0;
}

function has([first]: readonly Candidate[], item: number): number {
  return first?.source.available[item] ?? 0;
}

/** From node to node, each giving what it has. */
function deal(nodes: readonly (readonly Candidate[])[], items: readonly Item[], packagesMax: number): Chosen[] {
  const left = items.map(({ qty }) => qty);
  const chosen: Chosen[] = [];
  for (const node of nodes) {
    if (chosen.length === packagesMax) break;
    const units = left.map((open, n) => Math.min(open, has(node, n)));
    for (const [n, given] of units.entries()) left[n] = (left[n] as number) - given;
    chosen.push(...chosenOf(node, units, items));
  }
  return chosen;
}

function chosenOf(node: readonly Candidate[], units: readonly number[], items: readonly Item[]): Chosen[] {
  if (units.every((count) => count === 0)) return [];
  const grams = units.reduce((sum, count, n) => sum + count * (items[n] as Item).grams, 0);
  return [{ candidate: serviceFor(node, grams), units }];
}

/** Nine times in ten. */
const MISS_MAX = 0.1;

function serviceFor(node: readonly Candidate[], grams: number): Candidate {
  const inTime = node.filter(({ missProbability = 0 }) => missProbability <= MISS_MAX);
  const by =
    inTime.length > 0 ? (one: Candidate) => sendingCost(one, grams) : (one: Candidate) => one.missProbability ?? 0;
  return (inTime.length > 0 ? inTime : node).reduce((best, one) => (by(one) < by(best) ? one : best));
}

/** Freight and fuel. */
export function sendingCost({ freight, service, fuelSurcharge }: Candidate, grams: number): number {
  return (freight + (service.perKg * grams) / 1_000) * (1 + fuelSurcharge);
}
