// Several orders together, over one stock: which packages send them all for the least cost. One after the other, the first takes what
// a later one needs more; together that is weighed. A mixed-integer program, for a solver that takes its time: for orders that are
// not released yet, and as the measure of all other ways.
import type { Problem, ShipmentOption } from './problem.ts';
import { type Program, ProgramBuilder, type ProgramSolution } from './program.ts';
import type { Choice, Shipment } from './solve.ts';

export interface JointOrder {
  readonly problem: Omit<Problem, 'visitsMax'>;
  /** Of each option and item, the place in the stock that its units come from. */
  readonly positions: readonly (readonly number[])[];
}

export interface JointProblem {
  readonly orders: readonly JointOrder[];
  /** Units at each position. */
  readonly stock: readonly number[];
  /** Packages that each node can still hand over, by the options' `node`; without one, any number. */
  readonly packages: ReadonlyMap<number, number>;
  /** Of a unit that is not sent, minor units: above all that sending it could cost, so that what can be sent is. */
  readonly unfilledCost: number;
}

/** Where the program keeps what. */
export interface JointProgram {
  readonly program: Program;
  /** Columns of each order: of each option whether it ships, and of each of its items the units; −1 where there are none. */
  readonly orders: readonly { readonly ships: readonly number[]; readonly units: readonly (readonly number[])[] }[];
}

const UNBOUNDED = Number.POSITIVE_INFINITY;

export function jointProgram({ orders, stock, packages, unfilledCost }: JointProblem): JointProgram {
  const builder = new ProgramBuilder();
  const wantedOf = new Map<number, number>();
  const taking = new Map<number, [number, number][]>();
  const sending = new Map<number, [number, number][]>();
  const columns = orders.map(({ problem, positions }) => {
    const { wanted, grams = [], options, splitPenalty, shipmentsMax } = problem;
    const ships = options.map(({ fixed }) => builder.column(fixed, 1, true));
    const isCapped = options.some(({ gramsMax }) => gramsMax !== undefined);
    const counted = new Set<number>();
    const units = options.map(({ perUnit, available }, option) =>
      wanted.map((want, item) => {
        const most = Math.min(want, available[item] as number);
        if (most === 0) return -1;
        // Whole packages leave units to deal of which whole ones are among the cheapest, unless they compete for room.
        const column = builder.column(perUnit[item] as number, most, isCapped);
        // More units than it has only where the option ships: item by item, which makes the bound close.
        builder.row(-UNBOUNDED, 0, [
          [column, 1],
          [ships[option] as number, -most],
        ]);
        const position = positions[option]?.[item] as number;
        if (!counted.has(position)) wantedOf.set(position, (wantedOf.get(position) ?? 0) + most);
        counted.add(position);
        push(taking, position, [column, 1]);
        return column;
      }),
    );
    for (const [item, want] of wanted.entries()) {
      if (want === 0) continue;
      const unfilled = builder.column(unfilledCost, want);
      const given = units.flatMap((row): [number, number][] =>
        (row[item] as number) < 0 ? [] : [[row[item] as number, 1]],
      );
      builder.row(want, want, [...given, [unfilled, 1]]);
    }
    for (const [option, { gramsMax }] of options.entries()) {
      if (gramsMax === undefined) continue;
      const heavy = (units[option] as readonly number[]).flatMap((column, item): [number, number][] =>
        column < 0 ? [] : [[column, grams[item] ?? 0]],
      );
      builder.row(-UNBOUNDED, 0, [...heavy, [ships[option] as number, -gramsMax]]);
    }
    for (const of of byNode(options, ships).values()) builder.row(-UNBOUNDED, 1, of);
    const all = ships.map((column): [number, number] => [column, 1]);
    builder.row(-UNBOUNDED, shipmentsMax, all);
    if (splitPenalty > 0) builder.row(-UNBOUNDED, 1, [...all, [builder.column(splitPenalty, UNBOUNDED), -1]]);
    for (const [node, of] of byNode(options, ships)) for (const entry of of) push(sending, node, entry);
    return { ships, units };
  });
  for (const [position, entries] of taking) {
    const has = stock[position] as number;
    if ((wantedOf.get(position) as number) > has) builder.row(-UNBOUNDED, has, entries);
  }
  for (const [node, entries] of sending) {
    const most = packages.get(node);
    if (most !== undefined && most < orders.length) builder.row(-UNBOUNDED, most, entries);
  }
  return { program: builder.build(), orders: columns };
}

/** What a solution of the program says for each order. Its packages are whole, and so are its units, up to the solver's tolerance. */
export function jointChoices(
  { orders }: JointProblem,
  { orders: columns }: JointProgram,
  { values }: Pick<ProgramSolution, 'values'>,
): Choice[] {
  return orders.map(({ problem }, n) => {
    const { ships, units } = columns[n] as JointProgram['orders'][number];
    const unfilled = [...problem.wanted];
    let cost = 0;
    const shipments = problem.options.flatMap((option, place): Shipment[] => {
      if ((values[ships[place] as number] as number) < 0.5) return [];
      const given = (units[place] as readonly number[]).map((column) =>
        column < 0 ? 0 : Math.round(values[column] as number),
      );
      if (given.every((count) => count === 0)) return [];
      cost += option.fixed;
      for (const [item, count] of given.entries()) {
        unfilled[item] = (unfilled[item] as number) - count;
        cost += count * (option.perUnit[item] as number);
      }
      return [{ option: place, units: given }];
    });
    cost += Math.max(0, shipments.length - 1) * problem.splitPenalty;
    return { shipments, unfilled, cost };
  });
}

function byNode(options: readonly ShipmentOption[], ships: readonly number[]): Map<number, [number, number][]> {
  const rows = new Map<number, [number, number][]>();
  for (const [option, { node }] of options.entries()) push(rows, node, [ships[option] as number, 1]);
  return rows;
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
