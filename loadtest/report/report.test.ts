// The report shows what benchmarks wrote, and nothing of it can become markup.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeMachine } from '../harness/machine.ts';
import { chartSvg } from './chart.ts';
import { toHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import type { Section } from './section.ts';
import { newestOf, readWritten, writtenToShow } from './written.ts';

const machine = describeMachine();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-report-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const BARS: Section = {
  title: 'Reserves a second',
  table: [
    ['system', 'k/s'],
    ['<b>grid</b> | and', '290'],
  ],
  chart: {
    kind: 'bars',
    x: { label: 'load' },
    y: { label: 'reserves a second', log: true },
    series: [
      { name: 'grid', points: [{ x: 'hot', y: 290_000, interval: [280_000, 300_000] }] },
      { name: 'lua', points: [{ x: 'hot', y: 100_000 }] },
    ],
  },
};
const LINES: Section = {
  title: 'Latency',
  chart: {
    kind: 'lines',
    x: { label: 'SKUs', log: true },
    y: { label: 'ms', log: true },
    series: [{ name: 'p99', points: [100, 1_000].map((x) => ({ x, y: x / 10, interval: [x / 20, x / 5] as const })) }],
  },
};

function write(name: string, sections: readonly Section[] | undefined): string {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify({ machine, options: { repeats: 3 }, sections }));
  return path;
}

describe('the report of benchmarks', () => {
  it('given bars and lines, when the page is made, then both are drawn, and text is text', async () => {
    const page = await toHtml([readWritten(write('bench-2026-01-01T00-00-00-000Z.json', [BARS, LINES]))]);
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).toContain('&lt;b&gt;grid&lt;/b&gt;');
    expect(page).not.toContain('<b>grid');
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    // Two bars, the line over the interval of one, and two points with an interval each.
    expect(page.match(/aria-roledescription="(bar|rule mark|point)"/g)).toHaveLength(2 + 1 + 2 + 2);
    expect(page).toContain('aria-label="Latency: ms by SKUs"');
  });

  it('given an interval that reaches below 0, when its axis is logarithmic, then it is cut and all is drawn', async () => {
    for (const kind of ['bars', 'lines'] as const) {
      const points = [{ x: kind === 'bars' ? 'hot' : 1, y: 1_000, interval: [-200, 2_200] as const }];
      const series = [{ name: 'grid', points }];
      const svg = await chartSvg({ kind, x: { label: 'load' }, y: { label: 'n', log: true }, series }, 'below');
      expect(svg).not.toMatch(/NaN|Infinity|low: −200/);
      // The axis begins below the point: a bar from 1,000 on would have no length.
      expect(svg).toContain('>100<');
    }
  });

  it('given a figure that others disturbed, when it is drawn, then it has a star, and the chart says what that means', async () => {
    for (const kind of ['bars', 'lines'] as const) {
      const points = (disturbed: boolean) => [1, 10].map((x) => ({ x, y: x, disturbed: disturbed && x === 10 }));
      const draw = (disturbed: boolean) =>
        chartSvg(
          { kind, x: { label: 'load' }, y: { label: 'n' }, series: [{ name: 'grid', points: points(disturbed) }] },
          'stars',
        );
      const stars = (svg: string) => svg.match(/>[^<]*\*[^<]*</g) ?? [];
      const disturbed = stars(await draw(true));
      expect(disturbed).toHaveLength(2);
      expect(disturbed).toContainEqual(expect.stringMatching(/>\* others took more than 0\.25 cores meanwhile/));
      expect(disturbed).toContain(kind === 'bars' ? '>grid 10 *<' : '>*<');
      expect(stars(await draw(false))).toEqual([]);
    }
  });

  it('given an axis that is logarithmic, when it is drawn, then its title says so', async () => {
    const page = await toHtml([readWritten(write('bench-2026-01-01T00-00-00-000Z.json', [BARS, LINES]))]);
    for (const title of ['reserves a second, log scale', 'SKUs, log scale', 'ms, log scale']) {
      expect(page).toContain(`>${title}<`);
    }
    expect(page).toContain('>load<');
  });

  it('given hostile text in a chart, when it is drawn, then it is no markup', async () => {
    const name = '"><script>alert(1)</script>';
    const chart = { kind: 'bars', x: { label: name }, y: { label: name } } as const;
    const svg = await chartSvg({ ...chart, series: [{ name, points: [{ x: name, y: 1 }] }] }, name);
    expect(svg).toContain('&lt;script&gt;');
    expect(svg).not.toContain('<script');
  });

  it('given a cell with a bar, when it becomes Markdown, then the row keeps its columns', () => {
    const written = readWritten(write('bench-2026-01-01T00-00-00-000Z.json', [BARS]));
    expect(toMarkdown([written])).toContain('| &lt;b>grid&lt;/b> \\| and | 290 |');
  });

  it('given several runs of two kinds, when the newest are asked for, then one of each that shows something is', () => {
    write('bench-2026-01-01T00-00-00-000Z.json', [BARS]);
    const newest = write('bench-2026-01-02T00-00-00-000Z.json', [BARS]);
    write('bench-2026-01-03T00-00-00-000Z.json', undefined);
    const scale = write('bench-scale-2026-01-01T00-00-00-000Z.json', [LINES]);
    expect(newestOf(dir).map(({ path }) => path)).toEqual([newest, scale]);
  });

  it('given no directory, when the newest are asked for, then there are none', () => {
    expect(newestOf(join(dir, 'nothing'))).toEqual([]);
  });

  it('given nothing measured, when the report is asked for, then the error says what to run', () => {
    expect(() => writtenToShow([], dir)).toThrow(`Nothing measured in ${dir}: run one of the benchmarks first`);
  });

  it('given an old file cut short, when a newer one of its kind is there, then the newer one is shown', () => {
    writeFileSync(join(dir, 'bench-2026-01-01T00-00-00-000Z.json'), '{');
    const newest = write('bench-2026-01-02T00-00-00-000Z.json', [BARS]);
    expect(writtenToShow([], dir).map(({ path }) => path)).toEqual([newest]);
  });

  it('given a file that no benchmark wrote, when it is read, then the error names it', () => {
    const path = join(dir, 'other.json');
    writeFileSync(path, '{"a":1}');
    expect(() => readWritten(path)).toThrow(`${path} is not what a benchmark wrote`);
    writeFileSync(path, '{');
    expect(() => readWritten(path)).toThrow(`${path} cannot be read`);
    writeFileSync(path, 'null');
    expect(() => readWritten(path)).toThrow(`${path} is not what a benchmark wrote`);
    writeFileSync(path, JSON.stringify({ machine: {}, options: {}, sections: [BARS] }));
    expect(() => readWritten(path)).toThrow(`${path} has sections of another form`);
    const chart = { kind: 'lines' };
    writeFileSync(path, JSON.stringify({ machine, options: {}, sections: [{ title: 'no series', chart }] }));
    expect(() => readWritten(path)).toThrow(`${path} has sections of another form`);
  });
});
