// How evaluations run as programs: small runs have means, and what cannot be used is told in a sentence.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, expect, test, vi } from 'vitest';
import { dataFolder, parseWhole, resultsIn, runEvaluation, shownMean } from './program.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-evaluation-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function ran(action: (options: { data?: string }) => void, ...args: string[]) {
  const said: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const command = new Command('eval:test').option('--data <directory>').option('--seeds <count>', '', parseWhole);
    return { code: await runEvaluation(command.action(action), args), said: said.join('') };
  } finally {
    write.mockRestore();
  }
}

test('given one world, then there is a mean without an interval; of two, with one', () => {
  const show = (value: number): string => value.toFixed(1);
  expect(shownMean([3], show)).toBe('3.0');
  expect(shownMean([1, 3], show)).toBe('2.0 [-10.7, 14.7]');
});

test.each<[string, string[], RegExp]>([
  ['no folder', [], /^eval:test: say where the data are: --data, a folder with scms, geo\n$/],
  ['a folder that is not there', ['--data', '/nowhere'], /^eval:test: \/nowhere has no scms, geo; [^\n]*\n$/],
  ['an empty folder', ['--data', directory], /has no scms, geo/],
])('given %s, then a sentence says so and the exit code is 2', async (_, args, sentence) => {
  const { code, said } = await ran(({ data }) => void dataFolder(data, ['scms', 'geo']), ...args);
  expect({ code, said }).toEqual({ code: 2, said: expect.stringMatching(sentence) });
});

test('given an option that cannot be read, or results that are cut off, then likewise; a defect stays one', async () => {
  expect(await ran(() => {}, '--seeds', '0')).toMatchObject({ code: 2, said: expect.stringContaining('1 or more') });
  const cut = await ran(() => void resultsIn('a.jsonl', 'simulation\n{"seed":1}\n{"seed":'));
  expect(cut).toEqual({ code: 2, said: 'eval:test: a.jsonl, line 3: no JSON\n' });
  const defect = ran(() => {
    throw new TypeError('x');
  });
  await expect(defect).rejects.toThrow('x');
  expect(await ran(() => {})).toEqual({ code: 0, said: '' });
});
