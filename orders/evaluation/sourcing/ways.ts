// Ways of sourcing a world's orders, one after the other as they come: the simple rules, Holdfast's search, and the clairvoyant, who knows
// all orders of a window and how long each package will take.
import { type Asked, ask, type Candidate, candidatesOf, sourceOf } from '../../sourcing/candidates.ts';
import { kmBetween } from '../../sourcing/geo.ts';
import { loadSolver, type SolveNow } from '../../sourcing/highs/solver.ts';
import { type JointOrder, jointChoices, jointProgram } from '../../sourcing/joint.ts';
import { pricesOf, pricingProgram } from '../../sourcing/pricing.ts';
import { handedOverAt } from '../../sourcing/promise.ts';
import type { SourcingRules } from '../../sourcing/rules.ts';
import type { ShadowPrices } from '../../sourcing/situation.ts';
import { solve } from '../../sourcing/solve.ts';
import { optionsOf } from '../../sourcing/source.ts';
import { type Assumptions, LOST_MARGIN_SHARE, REPLENISHED_AFTER_DAYS } from './assumptions.ts';
import type { EvaluationInput } from './input.ts';
import { Ledger, type Result } from './ledger.ts';
import type { Chosen, Rule } from './simple-rules.ts';
import { DAY_MS, type World, type WorldOrder } from './world.ts';

export function runRule(world: World, assumptions: Assumptions, rule: Rule): Result {
  const ledger = new Ledger(world, assumptions);
  for (const one of world.orders) {
    const asked = askedOf(world, ledger, one, world.rules);
    ledger.send(one, asked.items, rule(allCandidates(asked), asked.items, world.rules.packagesMax));
  }
  return ledger.result();
}

export interface SearchOptions {
  /** What the rules say a late package costs above what it truly does, minor units: what a kept promise is worth besides. */
  readonly lateCaution: number;
  /** And what they say a further package costs above what it does: it is one more that can be late. */
  readonly splitCaution: number;
  /** Makes shadow prices once a day. */
  readonly pricer?: Pricer;
}

type Pricer = (world: World, ledger: Ledger, at: number) => ShadowPrices | undefined;

export function runSearch(
  world: World,
  assumptions: Assumptions,
  { lateCaution, splitCaution, pricer }: SearchOptions,
): Result {
  const ledger = new Ledger(world, assumptions);
  const rules: SourcingRules = {
    ...world.rules,
    lateCostPerPackage: world.rules.lateCostPerPackage + lateCaution,
    splitPenalty: world.rules.splitPenalty + splitCaution,
  };
  let day = -1;
  let prices: ShadowPrices | undefined;
  for (const one of world.orders) {
    const asked = askedOf(world, ledger, one, rules);
    if (pricer !== undefined && Math.floor(one.at / DAY_MS) !== day) {
      day = Math.floor(one.at / DAY_MS);
      prices = pricer(world, ledger, one.at);
    }
    const priced = prices === undefined ? asked : { ...asked, situation: { ...asked.situation, prices } };
    const { candidates, options } = optionsOf(priced);
    const { shipments } = solve({
      wanted: asked.items.map(({ qty }) => qty),
      options,
      splitPenalty: rules.splitPenalty,
      shipmentsMax: rules.packagesMax,
      visitsMax: 2_000_000,
    });
    const chosen = shipments.map(
      ({ option, units }): Chosen => ({ candidate: candidates[option] as Candidate, units }),
    );
    ledger.send(one, asked.items, chosen);
  }
  return ledger.result();
}

function askedOf(world: World, ledger: Ledger, { order, at }: WorldOrder, rules: SourcingRules): Asked {
  const nodes = new Map(world.rules.nodes.map((node) => [node.node, node]));
  const handedOver = (name: string): number => {
    const node = nodes.get(name);
    return node === undefined ? 0 : (handedOverAt(node, at) ?? 0);
  };
  return ask(order, rules, ledger.situation(at, handedOver));
}

function allCandidates(asked: Asked): Candidate[] {
  return asked.rules.nodes.flatMap((node) => {
    const source = sourceOf(node, asked);
    return source === undefined ? [] : asked.rules.services.flatMap((service) => candidatesOf(source, service, asked));
  });
}

/** Expected demand is that of all the data, spread over the country as the places are. */
export async function shadowPricer(input: EvaluationInput, assumptions: Assumptions): Promise<Pricer> {
  const solveNow = await loadSolver();
  const { hubs, places } = input;
  const shares = hubs.map(() => 0);
  for (const place of places) {
    const distances = hubs.map((hub) => kmBetween(hub, place));
    const nearest = distances.indexOf(Math.min(...distances));
    shares[nearest] = (shares[nearest] as number) + 1 / places.length;
  }
  return (world, ledger, asOf) => {
    const { rules } = world;
    const national = rules.services.filter(({ nodes }) => nodes === undefined);
    const unitsPerPackage = 100;
    /** Of a package between hubs, as if its destination were the other hub. */
    const packageCost = rules.nodes.map((node) =>
      hubs.map((hub) => {
        const km = kmBetween(node, hub);
        const freight = Math.min(...national.map((one) => (one.base + one.perKm * km) * (1 + one.fuelSurcharge)));
        return freight + node.handlingPerPackage + assumptions.lateCostPerPackage * Math.min(1, km / 4_000);
      }),
    );
    const skus = [...world.skus].map(([sku, { unitsPerDay, price }]) => ({
      sku,
      stock: hubs.map(({ name }) => ledger.unitsAt(name, sku)),
      demand: shares.map((share) => unitsPerDay * REPLENISHED_AFTER_DAYS * share),
      lostCost: 1_000 + price * LOST_MARGIN_SHARE,
    }));
    const pricing = {
      asOf,
      nodes: hubs.map(({ name }) => ({ node: name })),
      skus,
      unitCost: packageCost.map((row) => row.map((cost) => cost / unitsPerPackage)),
      unitsPerPackage,
    };
    const program = pricingProgram(pricing);
    const solution = solveNow(program.program, { timeMs: 10_000, gap: 0 });
    return solution === undefined ? undefined : pricesOf(pricing, program, solution);
  };
}

/** Orders that the clairvoyant knows at a time. */
const WINDOW_ORDERS = 20;
const WINDOW_LIMITS = { timeMs: 20_000, gap: 0.002 };
/** Above what any unit costs to send, its whole package for it alone. */
const UNFILLED_COST = 10_000;

export interface ClairvoyantResult extends Result {
  /** What a still better solution of the same windows could save at most, minor units an order. */
  readonly bound: number;
  readonly windows: number;
  /** Windows whose solution is not proved within the gap, for want of time. */
  readonly unproved: number;
}

export async function clairvoyant(): Promise<(world: World, assumptions: Assumptions) => ClairvoyantResult> {
  const solveNow = await loadSolver();
  return (world, assumptions) => runClairvoyant(world, assumptions, solveNow);
}

function runClairvoyant(world: World, assumptions: Assumptions, solveNow: SolveNow): ClairvoyantResult {
  const ledger = new Ledger(world, assumptions);
  let [windows, unproved, bound] = [0, 0, 0];
  for (let from = 0; from < world.orders.length; ) {
    // A window ends with its day, since stock arrives at night.
    const day = Math.floor((world.orders[from]?.at ?? 0) / DAY_MS);
    let to = from;
    while (
      to < Math.min(world.orders.length, from + WINDOW_ORDERS) &&
      Math.floor((world.orders[to]?.at ?? 0) / DAY_MS) === day
    )
      to++;
    const window = world.orders.slice(from, to);
    const of = window.map((one) => jointOrder(world, ledger, one));
    const positions = new Map<string, number>();
    const stock: number[] = [];
    const nodes = new Map<string, number>();
    const packages = new Map<number, number>();
    const orders = of.map(({ asked, candidates, late }): JointOrder => {
      const options = candidates.map((candidate, n) => {
        const { source } = candidate;
        const cutoff = `${source.node.node} ${source.handedOverAt}`;
        const node = nodes.get(cutoff) ?? nodes.size;
        nodes.set(cutoff, node);
        packages.set(
          node,
          (source.node.packagesPerDay ?? 0) - ledger.packagesAt(source.node.node, source.handedOverAt),
        );
        return {
          node,
          fixed: ledger.packageCost({ candidate }, late[n] === true),
          perUnit: asked.items.map((item) => ledger.unitCost({ candidate }, item, late[n] === true)),
          available: source.available.map((units, item) => Math.min(units, asked.items[item]?.qty ?? 0)),
        };
      });
      const places = candidates.map(({ source }) =>
        asked.items.map(({ sku }) => {
          const key = `${source.node.node} ${sku}`;
          const place = positions.get(key) ?? stock.length;
          if (place === stock.length) stock.push(ledger.unitsAt(source.node.node, sku));
          positions.set(key, place);
          return place;
        }),
      );
      const { splitPenalty, packagesMax } = world.rules;
      const wanted = asked.items.map(({ qty }) => qty);
      return { problem: { wanted, options, splitPenalty, shipmentsMax: packagesMax }, positions: places };
    });
    const joint = { orders, stock, packages, unfilledCost: UNFILLED_COST };
    const program = jointProgram(joint);
    const solution = solveNow(program.program, WINDOW_LIMITS);
    if (solution === undefined) throw new Error(`no solution for the window from order ${window[0]?.order.orderId}`);
    windows += 1;
    if (solution.status === 'limit') unproved += 1;
    bound += solution.cost - solution.bound;
    for (const [n, { shipments }] of jointChoices(joint, program, solution).entries()) {
      const { asked, candidates } = of[n] as ReturnType<typeof jointOrder>;
      const chosen = shipments.map(
        ({ option, units }): Chosen => ({ candidate: candidates[option] as Candidate, units }),
      );
      ledger.send(window[n] as WorldOrder, asked.items, chosen);
    }
    from = to;
  }
  const result = ledger.result();
  return { ...result, bound: bound / result.orders, windows, unproved };
}

/** An order with the candidates that can be best where it is known which are late: of a node, those that no other is as cheap and in time as. */
function jointOrder(world: World, ledger: Ledger, one: WorldOrder) {
  const asked = askedOf(world, ledger, one, world.rules);
  const all = allCandidates(asked).map((candidate) => ({ candidate, late: ledger.isLate(one, { candidate }) }));
  const grams = asked.items.reduce((sum, { qty, grams: each }) => sum + qty * each, 0);
  const costs = all.map(({ candidate, late }) => {
    const light = ledger.packageCost({ candidate }, late);
    return { light, heavy: light + (grams / 1_000) * candidate.service.perKg * (1 + candidate.fuelSurcharge), late };
  });
  const kept = all.filter(({ candidate }, n) =>
    all.every((other, m) => {
      if (m === n || other.candidate.source !== candidate.source) return true;
      const [a, b] = [costs[m], costs[n]] as [(typeof costs)[number], (typeof costs)[number]];
      const isNoWorse = a.light <= b.light && a.heavy <= b.heavy && Number(a.late) <= Number(b.late);
      return !isNoWorse || (m > n && a.light === b.light && a.heavy === b.heavy && a.late === b.late);
    }),
  );
  return { asked, candidates: kept.map(({ candidate }) => candidate), late: kept.map(({ late }) => late) };
}
