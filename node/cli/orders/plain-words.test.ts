// Files with mistakes that are easily made: what is said names the place, and what was meant.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOrdersFile, readPolicyOf, readRulesFile } from './files.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-words-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function changed(example: string, from: string | RegExp, to: string): Promise<string> {
  const file = join(folder, 'changed');
  const text = await readFile(example, 'utf8');
  expect(text).toMatch(from);
  await writeFile(file, text.replace(from, to));
  return file;
}

const RULES = 'examples/sourcing/rules.json';
const POLICY = 'examples/policies/standard.yaml';

test.each([
  {
    mistake: 'a field of the rules is misspelt',
    read: async () => readRulesFile(await changed(RULES, '"splitPenalty"', '"splitPenality"')),
    said: /\nrules: unknown field "splitPenality" \(did you mean "splitPenalty"\?\)$/,
  },
  {
    mistake: 'a field of a ship node is one that nobody knows',
    read: async () => readRulesFile(await changed(RULES, '"cutoff"', '"zzz": 1, "cutoff"')),
    said: /\nnodes\.0: unknown field "zzz"; there are node, region, .*cutoff/,
  },
  {
    mistake: 'an order has no destination',
    read: async () => readOrdersFile(await changed('examples/sourcing/order.json', '"destination"', '"destiny"')),
    said: /\ndestination: is missing \(object\)/,
  },
  {
    mistake: 'a policy has a field too many',
    read: async () => readPolicyOf(await changed(POLICY, 'openAtRisk', 'openAtRiks')),
    said: /\nhysteresis: unknown field "openAtRiks" \(did you mean "openAtRisk"\?\)$/,
  },
  {
    mistake: 'sourcing rules are given for a policy',
    read: () => readPolicyOf(RULES),
    said: /^\S+rules\.json is a file of sourcing rules, which is given by --rules; here belongs a policy for exceptions$/,
  },
  {
    mistake: 'a policy is given for sourcing rules',
    read: () => readRulesFile(POLICY),
    said: /^\S+standard\.yaml is a policy for exceptions, which is given by --policy; here belongs a file of sourcing rules$/,
  },
  {
    mistake: 'an order is given for a policy',
    read: () => readPolicyOf('examples/sourcing/order.json'),
    said: /is an order, which is given by the commands capture and source;/,
  },
])('given that $mistake, then that is said at its place', async ({ read, said }) => {
  await expect(read()).rejects.toThrow(said);
});
