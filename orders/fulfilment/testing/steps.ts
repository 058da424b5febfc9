// The small world of fulfilment, step by step: business time is moved by hand, and tasks are done when a test says so.
import { detailOf } from '../../order/view.ts';
import type { Ports } from '../ports.ts';
import type { SourceOptions } from '../processors/source.ts';
import { createWorld } from './world.ts';

export type Steps = ReturnType<typeof givenWorld>;

export function givenWorld(
  stock: Readonly<Record<string, number>>,
  sourcing: Partial<SourceOptions> = {},
  changes: Partial<Ports> = {},
) {
  let aheadMs = 0;
  const clock = { speed: 1, now: () => Date.now() + aheadMs, toGrid: (at: number) => at, fromGrid: (at: number) => at };
  const world = createWorld(stock, { clock, ...changes }, sourcing);
  const tasksOf = (orderId: string, kind: string) =>
    [...world.grid.state(orderId).tasks.values()].filter((task) => task.kind === kind);
  return {
    ...world,
    clock,
    tasksOf,
    /** Business is so far by now, ms since the epoch. */
    moveTo(at: number): void {
      aheadMs = at - Date.now();
    },
    /** Does the open tasks of a kind, due or not. */
    async work(orderId: string, kind: string): Promise<void> {
      for (const { taskId } of tasksOf(orderId, kind)) {
        await world.runner.run({ taskId, orderId, kind, region: world.grid.region });
      }
    },
    detail: (orderId: string) => detailOf(world.grid.state(orderId)),
  };
}
