// An order is planned and reserved in one step: what is refused is left out and planned again, a few times.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Attempt,
  beginSourcing,
  type PositionLine,
  type Refusal,
  type Sourced,
  sourceAndReserve,
} from './attempts.ts';
import { SOLVED_AGAIN_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { orderOf, rulesOf } from './testing/rules.ts';

type Units = Readonly<Record<string, Readonly<Record<string, number>>>>;

const situationOf = (stock: Units): Situation => ({
  stock: (_region, sku, node) => stock[node]?.[sku] ?? 0,
  packagesOf: () => 0,
  now: Date.parse('2026-11-24T12:00:00Z'),
});

/** A grid whose stock is `truly`, while sourcing believes in `believed`. */
function gridOf(believed: Units, truly: Units, { saysWhatIsThere = false } = {}) {
  const asked: { lines: readonly PositionLine[]; policy: Attempt['policy'] }[] = [];
  const reserve = async (lines: readonly PositionLine[], { policy }: Attempt): Promise<readonly Refusal[]> => {
    asked.push({ lines, policy });
    const positions = new Map<string, PositionLine>();
    for (const line of lines) {
      const key = `${line.node} ${line.sku}`;
      positions.set(key, { ...line, qty: line.qty + (positions.get(key)?.qty ?? 0) });
    }
    return [...positions.values()].flatMap(({ region, node, sku, qty }) => {
      const available = truly[node]?.[sku] ?? 0;
      const refusal = { region, node, sku, code: 'INSUFFICIENT_STOCK', ...(saysWhatIsThere ? { available } : {}) };
      return available >= qty ? [] : [refusal];
    });
  };
  const run = (order: Order, rules: SourcingRules): Promise<Sourced> =>
    sourceAndReserve(order, rules, { situation: () => situationOf(believed), reserve });
  return { run, asked };
}

const heldBy = ({ reserved }: Sourced) => reserved.map(({ node, sku, qty }) => `${qty} ${sku} at ${node}`);

describe('sourcing and reserving', () => {
  test('given stock that is there, then the first plan is reserved in one step', async () => {
    const { run, asked } = gridOf({ newark: { A: 5 } }, { newark: { A: 5 } });

    const sourced = await run(orderOf({ A: 2 }), rulesOf());

    expect(sourced).toMatchObject({ outcome: 'reserved', unfilled: [], rules: 'test' });
    expect(heldBy(sourced)).toEqual(['2 A at newark']);
    expect(asked).toMatchObject([{ policy: 'all', lines: [{ lineId: '1', region: 'us', node: 'newark', qty: 2 }] }]);
  });

  test('given a node that refuses, then it is planned without it, and both attempts are kept', async () => {
    const { run } = gridOf({ newark: { A: 5 }, chicago: { A: 5 } }, { chicago: { A: 5 } });

    const sourced = await run(orderOf({ A: 2 }), rulesOf());

    expect(heldBy(sourced)).toEqual(['2 A at chicago']);
    expect(sourced.attempts).toMatchObject([
      { attempt: 1, refused: [{ node: 'newark', sku: 'A', code: 'INSUFFICIENT_STOCK' }] },
      { attempt: 2, refused: [] },
    ]);
    expect(sourced.attempts[0]?.plan.packages[0]?.node).toBe('newark');
  });

  test('given a node that refuses and says what it has, then that is taken, and the rest from elsewhere', async () => {
    const nearer = { newark: { A: 5 }, chicago: { A: 2 } };
    const { run } = gridOf(nearer, { newark: { A: 1 }, chicago: { A: 2 } }, { saysWhatIsThere: true });

    const sourced = await run(orderOf({ A: 3 }), rulesOf());

    expect(heldBy(sourced).sort()).toEqual(['1 A at newark', '2 A at chicago']);
  });

  test.each<[string, string, string[]]>([
    ['backorder', 'backordered', ['2 A at newark']],
    ['partial', 'partial', ['2 A at newark']],
    ['all', 'backordered', []],
  ])('given less than is wanted and the policy %s, then the order is %s', async (shortage, outcome, held) => {
    const { run, asked } = gridOf({ newark: { A: 2 } }, { newark: { A: 2 } });

    const sourced = await run(orderOf({ A: 3 }), rulesOf({ shortage }));

    expect(sourced.outcome).toBe(outcome);
    expect(heldBy(sourced)).toEqual(held);
    expect(sourced.unfilled).toEqual([{ lineId: '1', sku: 'A', qty: held.length === 0 ? 3 : 1 }]);
    expect(asked).toHaveLength(held.length);
  });

  test.each<[string, string]>([
    ['backorder', 'backordered'],
    ['all', 'backordered'],
    ['partial', 'unsourced'],
  ])('given no stock and the policy %s, then nothing is asked for and the order is %s', async (shortage, outcome) => {
    const { run, asked } = gridOf({}, {});

    expect(await run(orderOf({ A: 1 }), rulesOf({ shortage }))).toMatchObject({ outcome, reserved: [] });
    expect(asked).toEqual([]);
  });

  test('given refusals without end, then it stops, with what can be had of the last plan', async () => {
    const skus = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
    const all = Object.fromEntries(skus.map((sku) => [sku, 9]));
    const asked: Attempt['policy'][] = [];
    const order = orderOf(Object.fromEntries(skus.map((sku) => [sku, 1])));

    const sourced = await sourceAndReserve(order, rulesOf(), {
      situation: () => situationOf({ newark: all, chicago: all }),
      // One position of each plan was just sold to another.
      reserve: async ([first], { policy }) => {
        asked.push(policy);
        return first === undefined ? [] : [{ ...first, code: 'INSUFFICIENT_STOCK' }];
      },
    });

    expect(asked).toEqual([...Array(SOLVED_AGAIN_MAX + 1).fill('all'), 'partial']);
    expect(sourced.outcome).toBe('backordered');
    expect(sourced.reserved.length + sourced.unfilled.length).toBe(skus.length);
    // The last plan already did without the first SKU, which both nodes had refused.
    expect(sourced.unfilled).toHaveLength(2);
  });

  test('given a grid that cannot be asked, then nothing is decided', async () => {
    const reserve = () => Promise.reject(new Error('UNAVAILABLE'));
    const ports = { situation: () => situationOf({ newark: { A: 1 } }), reserve };

    await expect(sourceAndReserve(orderOf({ A: 1 }), rulesOf(), ports)).rejects.toThrow('UNAVAILABLE');
  });

  test('given any stock believed and true, then what is held is there, no unit is held twice, and each unit is held or named', async () => {
    const units = fc.integer({ min: 0, max: 4 });
    const nodes = fc.record({
      newark: fc.record({ A: units, B: units }),
      chicago: fc.record({ A: units, B: units }),
    });
    await fc.assert(
      fc.asyncProperty(
        nodes,
        nodes,
        fc.constantFrom('all', 'partial', 'backorder'),
        fc.boolean(),
        async (believed, truly, shortage, saysWhatIsThere) => {
          const { run, asked } = gridOf(believed, truly, { saysWhatIsThere });
          const wanted = { A: 3, B: 2 };

          const sourced = await run(orderOf(wanted), rulesOf({ shortage }));

          expect(asked.length).toBeLessThanOrEqual(SOLVED_AGAIN_MAX + 2);
          for (const sku of ['A', 'B'] as const) {
            const count = (lines: readonly { sku: string; qty: number }[]) =>
              lines.reduce((sum, line) => sum + (line.sku === sku ? line.qty : 0), 0);
            expect(count(sourced.reserved) + count(sourced.unfilled)).toBe(wanted[sku]);
            for (const node of ['newark', 'chicago'] as const) {
              const held = count(sourced.reserved.filter((line) => line.node === node));
              expect(held).toBeLessThanOrEqual(truly[node][sku]);
            }
          }
          if (shortage === 'all') expect([0, 5]).toContain(sourced.reserved.reduce((sum, { qty }) => sum + qty, 0));
        },
      ),
    );
  });

  test('given a first plan, then it is data that says what to reserve', () => {
    expect(beginSourcing(orderOf({ A: 1 }), rulesOf(), situationOf({ newark: { A: 1 } }))).toMatchObject({
      state: 'reserving',
      lines: [{ lineId: '1', sku: 'A', qty: 1, region: 'us', node: 'newark' }],
    });
  });
});
