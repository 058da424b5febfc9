// Charts as SVG that needs no script: drawn here, by Vega, and not in the browser that shows them.
import { escape as escaped } from 'html-escaper';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { LOST_CORES_MAX } from '../harness/machine.ts';
import type { Axis, Chart } from './section.ts';

const WIDTH = 640;
const LINES_HEIGHT = 280;
/** Of each bar of a group. */
const BAR_HEIGHT = 16;
/** Told apart by people who do not see red and green too (M. Okabe and K. Ito, "Color Universal Design", 2008). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999', '#f0e442'];
/** What is not a colour of the palette is that of the text around the chart, light or dark. */
const INK = 'currentColor';
const FAINT = '#8884';
const STAR_MEANING = `* others took more than ${LOST_CORES_MAX} cores meanwhile: trust the figure less`;

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

interface Row {
  readonly series: string;
  readonly x: number | string;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  /** Where the mark ends, its interval included, and what is written there. */
  readonly end: number;
  readonly label: string;
  readonly disturbed: boolean;
}

/** @param title read out where the chart is not seen */
export async function chartSvg(chart: Chart, title: string): Promise<string> {
  const from = beginning(chart);
  const rows = rowsOf(chart, from);
  const common = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: WIDTH,
    background: 'transparent',
    padding: 8,
    config: {
      font: 'system-ui, sans-serif',
      range: { category: COLOURS },
      view: { stroke: FAINT },
      axis: { labelColor: INK, titleColor: INK, domainColor: INK, tickColor: FAINT, gridColor: FAINT },
      legend: { labelColor: INK, labelLimit: 480 },
      title: { color: INK, anchor: 'start' as const, fontSize: 11, fontWeight: 'normal' as const },
    },
    // Over the chart and in it, so that it goes wherever the chart is copied to.
    ...(rows.some(({ disturbed }) => disturbed) ? { title: STAR_MEANING } : {}),
    data: { values: [...rows] },
  };
  const spec: TopLevelSpec =
    chart.kind === 'bars' ? { ...common, ...bars(chart, from) } : { ...common, ...lines(chart) };
  const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
  // Vega names the marks, but not the whole.
  return svg.replace(
    '<svg ',
    `<svg role="img" aria-label="${escaped(`${title}: ${chart.y.label} by ${chart.x.label}`)}" `,
  );
}

/** A logarithmic scale has no natural beginning: the power of ten below the least that it can show. */
function beginning({ y, series }: Chart): number {
  if (y.log !== true) return 0;
  const values = series.flatMap(({ points }) => points.flatMap((point) => [point.y, ...(point.interval ?? [])]));
  const shown = values.filter((value) => value > 0);
  return shown.length === 0 ? 1 : 10 ** (Math.ceil(Math.log10(Math.min(...shown))) - 1);
}

/** An interval of few repeats may reach below 0, which no logarithmic scale shows: there it is cut at the beginning. */
function rowsOf({ y: axis, series }: Chart, from: number): Row[] {
  const place = (value: number): number => (axis.log === true ? Math.max(value, from) : value);
  return series.flatMap(({ name, points }) =>
    points.map(({ x, y, interval, disturbed = false }): Row => {
      const label = `${name} ${compact.format(y)}${disturbed ? ' *' : ''}`;
      const row = { series: name, x, y: place(y), label, disturbed };
      if (interval === undefined) return { ...row, end: row.y };
      const [low, high] = [place(interval[0]), place(interval[1])];
      return { ...row, low, high, end: Math.max(row.y, high) };
    }),
  );
}

/** Lying, so that the names of what they stand for can be read. */
function bars({ x, y, series }: Chart, from: number) {
  const group = { field: 'x', type: 'nominal', title: x.label, sort: null, axis: { labelLimit: 480 } } as const;
  const order = series.map(({ name }) => name);
  const scale = y.log === true ? { type: 'log' as const, domainMin: from } : { zero: true };
  const value = { field: 'y', type: 'quantitative', title: titleOf(y), scale } as const;
  // Each bar says whose it is, which colours alone do not when there are more systems than colours.
  const color = { field: 'series', type: 'nominal', sort: order, legend: null } as const;
  return {
    height: { step: BAR_HEIGHT },
    encoding: { y: group, yOffset: { field: 'series', sort: order } },
    layer: [
      { mark: 'bar' as const, encoding: { x: value, x2: { datum: from }, color } },
      { ...interval(), encoding: { x: { field: 'low', type: 'quantitative' as const }, x2: { field: 'high' } } },
      {
        mark: { type: 'text' as const, align: 'left' as const, dx: 4, color: INK },
        encoding: { x: { field: 'end', type: 'quantitative' as const }, text: { field: 'label' } },
      },
    ],
  };
}

function lines({ x, y, series }: Chart) {
  const axis = (axis: Axis, field: 'x' | 'y') => {
    const scale = axis.log === true ? { type: 'log' as const } : { zero: true };
    return { field, type: 'quantitative', title: titleOf(axis), scale } as const;
  };
  const order = series.map(({ name }) => name);
  const color = { field: 'series', type: 'nominal', title: null, sort: order, legend: { orient: 'top' } } as const;
  return {
    height: LINES_HEIGHT,
    encoding: { x: axis(x, 'x') },
    layer: [
      { ...interval(), encoding: { y: { field: 'low', type: 'quantitative' as const }, y2: { field: 'high' } } },
      { mark: { type: 'line' as const, point: true }, encoding: { y: axis(y, 'y'), color } },
      {
        transform: [{ filter: 'datum.disturbed' }],
        mark: { type: 'text' as const, text: '*', align: 'left' as const, dx: 5, dy: -3, fontSize: 14, color: INK },
        encoding: { y: { field: 'y', type: 'quantitative' as const } },
      },
    ],
  };
}

/** Distances on a logarithmic scale mean something else, and no grid says so by itself. */
function titleOf({ label, log }: Axis): string {
  return log === true ? `${label}, log scale` : label;
}

/** A thin line from low to high, where both are known. */
function interval() {
  return { transform: [{ filter: 'isValid(datum.low)' }], mark: { type: 'rule' as const, color: INK } };
}
