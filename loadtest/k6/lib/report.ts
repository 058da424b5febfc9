// What a run leaves behind: a summary for programs (JSON), one for people (HTML with charts), and a few lines to read at once.
import { WINDOWS } from './metrics.ts';
import { ENCODING, REPORT, SCENARIO, URL } from './settings.ts';

type Values = Record<string, number>;
interface Metric {
  readonly values: Values;
  readonly thresholds?: Record<string, { readonly ok: boolean }>;
}
interface Summary {
  readonly metrics: Record<string, Metric>;
  readonly state: { readonly testRunDurationMs: number };
}

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly number[];
}

const WIDTH = 720;
const HEIGHT = 220;
const MARGIN = { left: 56, right: 12, top: 12, bottom: 28 };

export function handleSummary(summary: Summary): Record<string, string> {
  return {
    [`${REPORT}.json`]: JSON.stringify(summary, undefined, 2),
    [`${REPORT}.html`]: page(summary),
    stdout: `${lines(summary).join('\n')}\n`,
  };
}

function lines(summary: Summary): string[] {
  const { latency, late, acknowledged, refused } = totals(summary);
  const said = [
    '',
    `${SCENARIO} over ${ENCODING}: ${acknowledged} acknowledged, ${refused} refused`,
    `latency from when it was due  p50 ${ms(latency.med)}  p95 ${ms(latency['p(95)'])}  p99 ${ms(latency['p(99)'])}  max ${ms(latency.max)}`,
    `k6 sent late by               p50 ${ms(late.med)}  p95 ${ms(late['p(95)'])}  p99 ${ms(late['p(99)'])}  max ${ms(late.max)}`,
  ];
  for (const { text, ok } of thresholdsOf(summary)) said.push(`${ok ? 'held    ' : 'CROSSED '} ${text}`);
  said.push(`report: ${REPORT}.html, ${REPORT}.json`);
  return said;
}

function totals({ metrics }: Summary) {
  return {
    latency: metrics.holdfast_latency?.values ?? {},
    late: metrics.holdfast_lateness?.values ?? {},
    acknowledged: metrics.holdfast_acknowledged?.values.count ?? 0,
    refused: metrics.holdfast_refused?.values.count ?? 0,
  };
}

function thresholdsOf({ metrics }: Summary): { text: string; ok: boolean }[] {
  const found: { text: string; ok: boolean }[] = [];
  for (const [name, { thresholds = {} }] of Object.entries(metrics)) {
    // Those of windows and ops are there for the charts.
    if (name.includes('{')) continue;
    for (const [text, { ok }] of Object.entries(thresholds)) found.push({ text: `${name} ${text}`, ok });
  }
  return found;
}

function page(summary: Summary): string {
  const { metrics, state } = summary;
  const windowS = state.testRunDurationMs / 1_000 / WINDOWS;
  const ofWindows = (metric: string, value: string): number[] =>
    Array.from({ length: WINDOWS }, (_, n) => metrics[`${metric}{window:${n}}`]?.values[value] ?? 0);
  const perSecond = (metric: string): number[] => ofWindows(metric, 'count').map((count) => count / windowS);
  const latencies = [
    { name: 'p50', colour: '#2a7', points: ofWindows('holdfast_latency', 'med') },
    { name: 'p95', colour: '#d90', points: ofWindows('holdfast_latency', 'p(95)') },
    { name: 'p99', colour: '#c33', points: ofWindows('holdfast_latency', 'p(99)') },
  ];
  const rates = [
    { name: 'acknowledged', colour: '#2a7', points: perSecond('holdfast_acknowledged') },
    { name: 'refused', colour: '#c33', points: perSecond('holdfast_refused') },
  ];
  const thresholds = thresholdsOf(summary)
    .map(
      ({ text, ok }) =>
        `<tr class="${ok ? 'held' : 'crossed'}"><td>${ok ? 'held' : 'crossed'}</td><td>${text}</td></tr>`,
    )
    .join('');
  const ops = Object.entries(metrics)
    .filter(([name, { values }]) => name.startsWith('holdfast_latency{op:') && (values.count ?? 0) > 0)
    .map(([name, { values }]) => row(name.slice('holdfast_latency{op:'.length, -1), values))
    .join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${SCENARIO} · Holdfast load test</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left } .held td:first-child { color: #2a7 } .crossed td { color: #c33; font-weight: 600 }
svg { width: 100%; height: auto } text { font-size: 11px; fill: #555 }
</style></head><body>
<h1>${SCENARIO}</h1>
<p>${ENCODING} against ${URL}, ${(state.testRunDurationMs / 1_000).toFixed(0)} s. Latency counts from when a request was due.</p>
<table>${thresholds}</table>
<h2>Latency, ms</h2>${chart(latencies, windowS)}
<h2>Replies a second</h2>${chart(rates, windowS)}
<h2>By op, ms</h2>
<table><tr><th>op</th><th>requests</th><th>p50</th><th>p95</th><th>p99</th><th>max</th></tr>${ops}${row('all', totals(summary).latency)}</table>
</body></html>
`;
}

function row(name: string, values: Values): string {
  const cells = [values.med, values['p(95)'], values['p(99)'], values.max].map((value) => `<td>${ms(value)}</td>`);
  return `<tr><td>${name}</td><td>${values.count ?? 0}</td>${cells.join('')}</tr>`;
}

function chart(series: readonly Line[], windowS: number): string {
  const most = Math.max(1e-9, ...series.flatMap(({ points }) => points));
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = (n: number): number => MARGIN.left + ((right - MARGIN.left) * (n + 0.5)) / WINDOWS;
  const y = (value: number): number => bottom - ((bottom - MARGIN.top) * value) / most;
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(most * share).toFixed(1);
    const label = `<text x="${MARGIN.left - 6}" y="${at}" text-anchor="end" dy="4">${short(most * share)}</text>`;
    return `<line x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}" stroke="#eee"/>${label}`;
  });
  const times = [0, 10, 20, WINDOWS].map((n) => {
    const at = MARGIN.left + ((right - MARGIN.left) * n) / WINDOWS;
    return `<text x="${at}" y="${HEIGHT - 8}" text-anchor="middle">${(n * windowS).toFixed(0)} s</text>`;
  });
  const drawn = series.map(({ colour, points }) => {
    const path = points.map((value, n) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
  });
  const legend = series.map(({ name, colour }, n) => {
    return `<text x="${right - 90}" y="${MARGIN.top + 12 + 14 * n}" style="fill:${colour}">${name}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}">${[...levels, ...times, ...drawn, ...legend].join('')}</svg>`;
}

function short(value: number): string {
  return value >= 10_000 ? `${(value / 1_000).toFixed(0)}k` : value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

function ms(value: number | undefined): string {
  return value === undefined ? '–' : value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
