// Orders that are planned but not released yet, weighed again together: what one after the other was best may not be together. What
// they hold is given back to the stock for the reckoning; a plan is only changed where all together save enough.
import { type Asked, ask, type Candidate } from './candidates.ts';
import type { JointOrder, JointProblem } from './joint.ts';
import { JOINT_ORDERS_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { ShipmentOption } from './problem.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import type { Choice } from './solve.ts';
import { optionsOf, type PlanChoice, planOf } from './source.ts';

/** An order that is not released, and how it would be sent now. */
export interface Unreleased {
  readonly order: Order;
  readonly plan: PlanChoice;
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
  readonly changes: readonly { readonly orderId: string; readonly before: PlanChoice; readonly after: PlanChoice }[];
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
  const unfilled = (plans: readonly PlanChoice[]): number =>
    plans.reduce((sum, plan) => sum + plan.unfilled.reduce((all, { qty }) => all + qty, 0), 0);
  const total = (plans: readonly PlanChoice[]): number => plans.reduce((sum, plan) => sum + plan.total, 0);
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

function isSame(a: PlanChoice, b: PlanChoice): boolean {
  const key = ({ packages }: PlanChoice): string =>
    packages
      .map(({ node, service, lines }) => `${node} ${service} ${lines.map(({ sku, qty }) => `${sku} ${qty}`).sort()}`)
      .sort()
      .join('; ');
  return key(a) === key(b);
}
