// Tasks of a region through one worker: its own lanes and others in turns, waiting, and what happens when somebody does not answer.
import { describe, expect, it } from 'vitest';
import { type Failure, failure, type LeasedTask, type Outcome, type TakeTasksRequest } from '../../protocol/index.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import { ManualRuntime } from '../shell/testing/harness.ts';
import { TaskRelay } from './task-relay.ts';

const REQUEST: TakeTasksRequest = {
  op: 'takeTasks',
  region: 'r',
  kinds: ['source'],
  limit: 10,
  leaseMs: 1_000,
  waitMs: 0,
};
const BUSY = failure('OVERLOADED', 'busy', 100);

function task(taskId: string): LeasedTask {
  return { taskId, kind: 'source', dueAt: 0, key: '', payload: null, orderId: 'o', leasedUntil: 1, attempt: 1 };
}

/** A place with tasks to be taken; a lane waits as lanes do. */
class Place {
  tasks: string[] = [];
  refusal: Failure | undefined;
  readonly asked: TakeTasksRequest[] = [];
  readonly #runtime: ManualRuntime;

  constructor(runtime: ManualRuntime, ...tasks: string[]) {
    this.#runtime = runtime;
    this.tasks = tasks;
  }

  submit(request: TakeTasksRequest, respond: (outcome: Outcome) => void): void {
    this.asked.push(request);
    const answer = (): void => respond(this.refusal ?? { ok: true, tasks: this.tasks.splice(0).map(task) });
    if (this.tasks.length === 0 && request.waitMs > 0) this.#runtime.after(request.waitMs, answer);
    else answer();
  }
}

function given(lanes: number, others: number) {
  const runtime = new ManualRuntime();
  const own = Array.from({ length: lanes }, () => new Place(runtime));
  const away = Array.from({ length: others }, () => new Place(runtime));
  const silent = new Set<Place>();
  const relay = new TaskRelay({
    lanes: () => own as unknown as InventoryGrid[],
    others: () => away.map((_, n) => String(n)),
    pass: (address, request, done) => {
      const place = away[Number(address)] as Place;
      if (silent.has(place)) done(undefined);
      else place.submit(request, done);
    },
    runtime,
  });
  const take = (more: Partial<TakeTasksRequest> = {}): { outcome: Outcome | undefined } => {
    const taken: { outcome: Outcome | undefined } = { outcome: undefined };
    relay.take({ ...REQUEST, ...more }, (outcome) => {
      taken.outcome = outcome;
    });
    return taken;
  };
  return { runtime, own, away, silent, relay, take };
}

describe('tasks of a region', () => {
  it('given one lane and nobody else, then it is asked as the client asked', () => {
    const { own, take } = given(1, 0);
    take({ waitMs: 7_000 });
    expect(own[0]?.asked).toMatchObject([{ waitMs: 7_000 }]);
  });

  it('given tasks at another worker, then they are found, and each place has its turn to be first', () => {
    const { own, away, take } = given(1, 2);
    const all = [...own, ...away];
    for (let n = 0; n < 6; n++) {
      for (const [at, place] of all.entries()) place.tasks = [`t${at}`];
      take();
    }
    expect(all.map(({ asked }) => asked.length)).toEqual([2, 2, 2]);
    for (const place of all) place.tasks = [];
    (away[1] as Place).tasks = ['only'];
    expect(take().outcome).toMatchObject({ ok: true, tasks: [{ taskId: 'only' }] });
  });

  it('given nothing anywhere, when something comes to be at another worker, then who waits gets it soon', async () => {
    const { runtime, away, take } = given(1, 1);
    const taken = take({ waitMs: 5_000 });
    await runtime.advance(1_000);
    expect(taken.outcome).toBeUndefined();
    (away[0] as Place).tasks = ['late'];
    await runtime.advance(250);
    expect(taken.outcome).toMatchObject({ tasks: [{ taskId: 'late' }] });
  });

  it('given nothing for the whole time, then the answer is empty, in time', async () => {
    const { runtime, take } = given(1, 1);
    const taken = take({ waitMs: 1_000 });
    await runtime.advance(1_100);
    expect(taken.outcome).toEqual({ ok: true, tasks: [] });
  });

  it('given a worker that does not answer and a lane that refuses, then others are asked, and else the refusal is told', () => {
    const { own, away, silent, take } = given(1, 2);
    (own[0] as Place).refusal = BUSY;
    silent.add(away[0] as Place);
    expect(take().outcome).toEqual(BUSY);
    for (let n = 0; n < 3; n++) {
      (away[1] as Place).tasks = ['there'];
      expect(take().outcome).toMatchObject({ tasks: [{ taskId: 'there' }] });
    }
  });

  it('given another worker that asks, then only the lanes here are looked at, without waiting', () => {
    const { own, away, relay } = given(2, 1);
    let outcome: Outcome | undefined;
    relay.takeHere({ ...REQUEST, waitMs: 9_000 }, (answer) => {
      outcome = answer;
    });
    expect(outcome).toEqual({ ok: true, tasks: [] });
    expect(own.flatMap(({ asked }) => asked.map(({ waitMs }) => waitMs))).toEqual([0, 0]);
    expect(away[0]?.asked).toEqual([]);
  });
});
