// Orders that are planned but not released yet, weighed again together: what one after the other was best may not be together. What
// they hold is given back to the stock for the reckoning; a plan is only changed where all together save enough.
import { type Asked, ask, type Candidate, candidatesOf, packageCost, sourceOf, sumOf, unitCost } from './candidates.ts';
import type { JointOrder, JointProblem } from './joint.ts';
import { JOINT_ORDERS_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { ShipmentOption } from './problem.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import type { Choice } from './solve.ts';
import { optionsOf, type Package, type PlanChoice, planOf } from './source.ts';

/** An order that is not released, and how it would be sent now. */
export interface Unreleased {
  readonly order: Order;
  readonly plan: PresentPlan;
}

/** A plan as far as it counts here. */
export interface PresentPlan extends Pick<PlanChoice, 'unfilled' | 'total'> {
  readonly packages: readonly Pick<Package, 'node' | 'region' | 'service' | 'lines'>[];
}

/**
 * An order and how it is to be sent, at the costs of now.
 * @param situation as it is while the order holds what its packages say
 * @returns undefined where a package could not be sent like this any more: what it costs cannot be said
 */
export function unreleasedOf(
  order: Order,
  packages: PresentPlan['packages'],
  rules: SourcingRules,
  situation: Situation,
): Unreleased | undefined {
  const held = { order, plan: { packages, unfilled: [], total: 0 } };
  const asked = ask(order, rules, givenBack([held], situation));
  let total = Math.max(0, packages.length - 1) * rules.splitPenalty;
  for (const one of packages) {
    const cost = costNow(one, asked);
    if (cost === undefined) return undefined;
    total += cost;
  }
  return { order, plan: { packages, unfilled: [], total } };
}

function costNow({ node, service, lines }: PresentPlan['packages'][number], asked: Asked): number | undefined {
  const { rules, items } = asked;
  const shipNode = rules.nodes.find((one) => one.node === node);
  const by = rules.services.find((one) => one.service === service);
  const from = shipNode === undefined ? undefined : sourceOf(shipNode, asked);
  if (from === undefined || by === undefined) return undefined;
  const inside = items.map(({ sku }) => lines.reduce((sum, line) => (line.sku === sku ? sum + line.qty : sum), 0));
  const grams = items.reduce((sum, item, n) => sum + (inside[n] as number) * item.grams, 0);
  const costs = candidatesOf(from, by, asked)
    .filter(({ gramsMax = Number.POSITIVE_INFINITY }) => grams <= gramsMax)
    .map((candidate) =>
      items.reduce(
        (sum, item, n) => sum + (inside[n] as number) * sumOf(unitCost(candidate, item, n, rules)),
        sumOf(packageCost(candidate, rules)),
      ),
    );
  return costs.length === 0 ? undefined : Math.min(...costs);
}

export interface Reoptimising {
  readonly problem: JointProblem;
  readonly unreleased: readonly Unreleased[];
  readonly asked: readonly (Asked & { readonly candidates: readonly Candidate[] })[];
}

/**
 * @param situation as it is while the orders hold what their plans say
 * @throws RangeError for more than JOINT_ORDERS_MAX orders
 */
export function reoptimising(
  unreleased: readonly Unreleased[],
  rules: SourcingRules,
  situation: Situation,
): Reoptimising {
  if (unreleased.length > JOINT_ORDERS_MAX) {
    throw new RangeError(`${unreleased.length} orders are more than ${JOINT_ORDERS_MAX} at a time`);
  }
  const freed = givenBack(unreleased, situation);
  const positions = new Map<string, number>();
  const stock: number[] = [];
  const asked = unreleased.map(({ order }) => {
    const one = ask(order, rules, freed);
    return { ...one, ...optionsOf(one) };
  });
  const orders = asked.map(({ items, candidates, options }): JointOrder => {
    const places = candidates.map(({ source }) =>
      items.map(({ sku }, item) => {
        const key = `${source.node.region} ${source.node.node} ${sku}`;
        const place = positions.get(key) ?? stock.length;
        if (place === stock.length) stock.push(source.available[item] as number);
        positions.set(key, place);
        return place;
      }),
    );
    const problem = {
      wanted: items.map(({ qty }) => qty),
      grams: items.map(({ grams }) => grams),
      options,
      splitPenalty: rules.splitPenalty,
      shipmentsMax: rules.packagesMax,
    };
    return { problem, positions: places };
  });
  const packages = new Map(
    rules.nodes.flatMap(({ node, packagesPerDay }, n) =>
      packagesPerDay === undefined ? [] : [[n, Math.max(0, packagesPerDay - freed.packagesOf(node))] as const],
    ),
  );
  const dearest = (options: readonly ShipmentOption[]): number =>
    options.reduce((most, { fixed, perUnit }) => Math.max(most, fixed, ...perUnit), 0);
  const unfilledCost = 2 * Math.max(1, ...asked.map(({ options }) => dearest(options))) + rules.splitPenalty;
  return { problem: { orders, stock, packages, unfilledCost }, unreleased, asked };
}

export interface Reoptimised {
  /** Orders that would be sent otherwise. */
  readonly changes: readonly { readonly orderId: string; readonly before: PresentPlan; readonly after: PlanChoice }[];
  /** Minor units, all together. */
  readonly saved: number;
}

/** @param savingMin together they must save so much, minor units, and leave no more units unfilled; else nothing is changed */
export function reoptimised(
  { unreleased, asked }: Reoptimising,
  choices: readonly Choice[],
  savingMin: number,
): Reoptimised {
  const after = choices.map((choice, n) => planOf(choice, asked[n] as Reoptimising['asked'][number]));
  const unfilled = (plans: readonly PresentPlan[]): number =>
    plans.reduce((sum, plan) => sum + plan.unfilled.reduce((all, { qty }) => all + qty, 0), 0);
  const total = (plans: readonly PresentPlan[]): number => plans.reduce((sum, plan) => sum + plan.total, 0);
  const before = unreleased.map(({ plan }) => plan);
  const saved = total(before) - total(after);
  const isBetter = unfilled(after) < unfilled(before) || (unfilled(after) === unfilled(before) && saved >= savingMin);
  if (!isBetter) return { changes: [], saved: 0 };
  const changes = after.flatMap((plan, n) => {
    const { order, plan: old } = unreleased[n] as Unreleased;
    return isSame(old, plan) ? [] : [{ orderId: order.orderId, before: old, after: plan }];
  });
  return { changes, saved };
}

/** The world without these orders' plans. */
function givenBack(unreleased: readonly Unreleased[], situation: Situation): Situation {
  const units = new Map<string, number>();
  const packages = new Map<string, number>();
  for (const { region, node, lines } of unreleased.flatMap(({ plan }) => plan.packages)) {
    packages.set(node, 1 + (packages.get(node) ?? 0));
    for (const { sku, qty } of lines) {
      const key = `${region} ${sku} ${node}`;
      units.set(key, qty + (units.get(key) ?? 0));
    }
  }
  return {
    ...situation,
    stock: (region, sku, node) => situation.stock(region, sku, node) + (units.get(`${region} ${sku} ${node}`) ?? 0),
    packagesOf: (node) => Math.max(0, situation.packagesOf(node) - (packages.get(node) ?? 0)),
  };
}

function isSame(a: PresentPlan, b: PresentPlan): boolean {
  const key = ({ packages }: PresentPlan): string => packages.map(keyOf).sort().join('; ');
  return key(a) === key(b);
}

/** Of packages that are alike: the same units from the same node by the same service. */
export function keyOf({ node, service, lines }: PresentPlan['packages'][number]): string {
  const units = lines.filter(({ qty }) => qty > 0).map(({ sku, qty }) => `${sku} ${qty}`);
  return `${node} ${service} ${units.sort()}`;
}
