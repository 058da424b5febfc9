// Charts as SVG that needs no script: drawn here, by Vega, and not in the browser that shows them.
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Axis, Chart } from './section.ts';

const WIDTH = 640;
const LINES_HEIGHT = 280;
/** Of each bar of a group. */
const BAR_HEIGHT = 14;
/** Told apart by people who do not see red and green too (M. Okabe and K. Ito, "Color Universal Design", 2008). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999', '#f0e442'];

const LOG = { type: 'log' } as const;

interface Row {
  readonly series: string;
  readonly x: number | string;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** @param title read out where the chart is not seen */
export async function chartSvg(chart: Chart, title: string): Promise<string> {
  const rows = chart.series.flatMap(({ name, points }) =>
    points.map(({ x, y, interval }): Row => {
      return { series: name, x, y, ...(interval === undefined ? {} : { low: interval[0], high: interval[1] }) };
    }),
  );
  const common = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: title,
    width: WIDTH,
    background: 'white',
    padding: 8,
    config: { font: 'system-ui, sans-serif', range: { category: COLOURS } },
    data: { values: [...rows] },
  };
  const spec: TopLevelSpec =
    chart.kind === 'bars' ? { ...common, ...bars(chart, rows) } : { ...common, ...lines(chart) };
  return await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}

/** Lying, so that the names of what they stand for can be read. */
function bars({ x, y, series }: Chart, rows: readonly Row[]) {
  const group = { field: 'x', type: 'nominal', title: null, sort: null, axis: { labelLimit: 260 } } as const;
  const place = { field: 'series', sort: series.map(({ name }) => name) };
  // A bar on a logarithmic scale has no natural beginning: the power of ten below the shortest.
  const least = Math.min(...rows.map(({ y: value, low }) => low ?? value));
  const from = y.log === true ? 10 ** Math.floor(Math.log10(Math.max(least, Number.MIN_VALUE))) : 0;
  const scale = y.log === true ? { type: 'log' as const, domainMin: from } : { zero: true };
  const value = { field: 'y', type: 'quantitative', title: y.label, scale } as const;
  const color = { field: 'series', type: 'nominal', title: null, sort: place.sort, legend: { orient: 'top' } } as const;
  return {
    height: { step: BAR_HEIGHT },
    encoding: { y: { ...group, title: x.label }, yOffset: place },
    layer: [
      { mark: 'bar' as const, encoding: { x: value, x2: { datum: from }, color } },
      {
        transform: [{ filter: 'isValid(datum.low)' }],
        mark: 'rule' as const,
        encoding: { x: { field: 'low', type: 'quantitative' as const }, x2: { field: 'high' } },
      },
    ],
  };
}

function lines({ x, y, series }: Chart) {
  const axis = ({ label, log }: Axis, field: 'x' | 'y') =>
    ({ field, type: 'quantitative', title: label, scale: log === true ? LOG : { zero: true } }) as const;
  const order = series.map(({ name }) => name);
  return {
    height: LINES_HEIGHT,
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: axis(x, 'x'),
      y: axis(y, 'y'),
      color: { field: 'series', type: 'nominal', title: null, sort: order, legend: { orient: 'top' } } as const,
    },
  };
}
