// What processes of orders say of what they are given to learn from, before there is any order.
import { expect, test } from 'vitest';
import { businessClock } from '../../../orders/fulfilment/clock.ts';
import { readRulesFile } from './files.ts';
import { openLive } from './live.ts';

test('given weather that cannot be read, then it is told at once, not when a parcel would lose time to it', async () => {
  const rules = await readRulesFile('examples/sourcing/rules.json');
  const said: string[] = [];
  const live = await openLive({
    state: undefined,
    roles: ['source'],
    stated: rules,
    rules: () => rules,
    weather: 'examples/none.csv',
    clock: businessClock({ speed: 1 }),
    log: (line) => said.push(line),
  });
  await live.stop();
  expect(said).toEqual([expect.stringMatching(/^weather: .*examples\/none\.csv/)]);
});
