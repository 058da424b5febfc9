// The whole actor against the naive model, over random histories, with restarts in between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertDeep, availableToSell, createState, dueTentative, execute, packedBytes, unpack, view } from './index.ts';
import { OTHER_REGIONS, Script, type Step, step } from './testing/arbitraries.ts';
import { comparable, NaiveModel } from './testing/naive-model.ts';
import { learn, rowOf } from './testing/pool-rows.ts';
import { REGION, SKU } from './testing/requests.ts';
import type { InventoryState } from './types.ts';

interface Real {
  state: InventoryState;
  readonly script: Script;
}

class StepCommand implements fc.Command<NaiveModel, Real> {
  readonly step: Step;
  constructor(s: Step) {
    this.step = s;
  }

  check(): boolean {
    return true;
  }

  run(model: NaiveModel, real: Real): void {
    const { script } = real;
    const ctx = { now: script.now, epoch: script.epoch, region: REGION };
    switch (this.step.kind) {
      case 'wait':
        script.now += this.step.ms;
        return;
      case 'epoch':
        script.epoch += 1;
        return;
      case 'restart':
        real.state = unpack(packedBytes(real.state, script.now));
        return;
      case 'expire':
        model.expire(script.now);
        execute(real.state, { op: 'expire' }, ctx);
        break;
      case 'row': {
        model.expire(script.now);
        execute(real.state, { op: 'expire' }, ctx);
        const row = rowOf(real.state, this.step);
        if (row === undefined) break;
        model.learn(row.from, row.given, row.seen);
        learn(real.state, row, script);
        break;
      }
      default: {
        const request = script.request(this.step);
        if (request === undefined) return;
        const expected = model.execute(request, script.now, script.epoch);
        const { reply } = execute(real.state, request, ctx);
        script.learn(reply);
        expect(comparable(reply)).toEqual(expected);
      }
    }
    assertDeep(real.state);
    expect(
      dueTentative(real.state, script.now, 1_000)
        .map((r) => r.no)
        .sort(),
    ).toEqual(model.dueTentative(script.now).sort());
    expect(real.state.seq).toBe(model.seq);
    if (model.seq > 0) compareViews(model, real.state);
    comparePools(model, real.state);
  }

  toString(): string {
    return JSON.stringify(this.step);
  }
}

function comparePools(model: NaiveModel, state: InventoryState): void {
  const seen = view(state, REGION, 1).pool;
  expect(seen === undefined).toBe(model.pool === undefined);
  if (seen === undefined || model.pool === undefined) return;
  const { minted, given, taken, regions } = model.pool;
  expect([seen.minted, seen.rights]).toEqual([minted, model.rights()]);
  expect(seen.regions.filter((r) => r.given + r.taken > 0 || regions.includes(r.region))).toEqual(
    OTHER_REGIONS.filter((r) => given[r] || taken[r] || regions.includes(r)).map((region) => ({
      region,
      given: given[region] ?? 0,
      taken: taken[region] ?? 0,
    })),
  );
  const sum = (totals: Record<string, number>): number => Object.values(totals).reduce((a, b) => a + b, 0);
  const shortfall = model.nodes.find((n) => n.name === 'pool')?.shortfall ?? 0;
  expect(seen.rights + seen.consumed - shortfall).toBe(minted + sum(taken) - sum(given));
}

function compareViews(model: NaiveModel, state: InventoryState): void {
  expect(availableToSell(state)).toBe(model.availableFor(undefined));
  expect(
    view(state, REGION, 1).nodes.map((n) => [
      n.node,
      n.onHand,
      n.reserved,
      n.allocated,
      n.shortfall ?? 0,
      n.availableToSell,
    ]),
  ).toEqual(model.nodes.map((n) => [n.name, n.onHand, ...model.promised(n), n.shortfall, model.free(n)]));
}

describe('the inventory actor against a naive model', () => {
  it('given any history, when each request is carried out by both, then replies and positions are the same', () => {
    fc.assert(
      fc.property(fc.commands([step.map((s) => new StepCommand(s))], { maxCommands: 120, size: 'max' }), (commands) => {
        const setup = () => ({
          model: new NaiveModel(SKU, REGION),
          real: { state: createState(SKU), script: new Script() },
        });
        fc.modelRun(setup, commands);
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
