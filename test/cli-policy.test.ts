// `holdfast policy` as docs/orders.md shows it: a policy that can be used and one that cannot, a replay and a report over a history.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdfast } from './support/cli.ts';
import { temporaryDirectory } from './support/grid.ts';

const POLICY = 'examples/policies/standard.yaml';
const HISTORY = 'examples/policies/history.jsonl';

let root: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  root = await temporaryDirectory();
});
afterAll(() => root.remove());

async function changed(change: (text: string) => string): Promise<string> {
  const file = join(root.path, 'candidate.yaml');
  await writeFile(file, change(await readFile(POLICY, 'utf8')));
  return file;
}

describe('holdfast policy', () => {
  test('given the example, then check says what is in it; given mistakes, then all of them, and ends with 2', async () => {
    const wrong = await changed((text) =>
      text
        .replace('missed promise', 'x')
        .replace('rejections >= 3', 'rejection >= 3')
        .replace('value > 50000.0', 'value > ""'),
    );

    const good = await holdfast('policy', 'check', POLICY);
    const bad = await holdfast('policy', 'check', wrong);

    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toMatch(/version 2026-12-01, 29 rules for 11 kinds/);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/rejected-again.*Unknown variable: rejection[\s\S]*damaged-dear.*no such overload/);
  });

  test('given the policy of the history, then replay finds nothing otherwise; given another one, then which orders, twice the same', async () => {
    const same = await holdfast('policy', 'replay', '--policy', POLICY, '--history', HISTORY);
    const other = await changed((text) => text.replace('allow: [reship, substitute, refund]', 'allow: [refund]'));
    const args = ['policy', 'replay', '--policy', other, '--history', HISTORY, '--from', '2026-10-01', '--json'];
    const [first, second] = [await holdfast(...args), await holdfast(...args)];

    expect(same.stdout).toMatch(/^policy 2026-12-01: 0 of \d+ decisions/);
    const { changed: count, changes } = JSON.parse(first.stdout);
    expect(count).toBeGreaterThan(0);
    expect(changes[0]).toMatchObject({
      kind: 'damaged',
      candidate: { action: 'refund' },
    });
    expect(second.stdout).toBe(first.stdout);
  });

  test('given a history, then report says by kind what settled itself, and why the others did not', async () => {
    const { code, stdout } = await holdfast('policy', 'report', '--history', HISTORY);

    expect(code).toBe(0);
    expect(stdout).toMatch(/kind +exceptions +zero-touch +rate/);
    expect(stdout).toMatch(/why not/);
  });

  test('given a history with a line that is none, then it names the line and ends with 2', async () => {
    const file = join(root.path, 'history.jsonl');
    await writeFile(file, `${(await readFile(HISTORY, 'utf8')).split('\n', 1)}\n{"type":"exceptionSettled"}\n`);

    const { code, stderr } = await holdfast('policy', 'report', '--history', file);

    expect(code).toBe(2);
    expect(stderr).toMatch(/line 2: .*at: /);
  });
});
