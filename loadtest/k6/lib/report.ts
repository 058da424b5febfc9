// What a run leaves behind: a summary for programs (JSON), a page for people (HTML), and a few lines to read at once. k6's own
// page has charts of HTTP requests only, so this is another.
import { ERROR_CODES } from '../../../protocol/errors.ts';
import { chart, type Line } from './chart.ts';
import { isSumUp, WINDOWS } from './metrics.ts';
import { RUN, settingsOf } from './settings.ts';

type Values = Readonly<Record<string, number>>;

interface Metric {
  readonly type: 'counter' | 'gauge' | 'rate' | 'trend';
  readonly values: Values;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

interface Summary {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}

interface Threshold {
  readonly text: string;
  /** k6 knows no third: to it, what nobody measured has held. */
  readonly became: 'held' | 'crossed' | 'unmeasured';
}

const SHOWN = { held: 'held', crossed: 'CROSSED', unmeasured: 'not measured' } as const;
const SHOWN_CHARS = 12;

/** Where k6 sent later than this share of the latency, it is k6 that was measured. */
const LATE_SHARE_MAX = 0.5;

export function handleSummary(summary: Summary): Record<string, string> {
  return {
    [`${RUN.report}.json`]: `${JSON.stringify({ run: RUN, ...summary }, undefined, 2)}\n`,
    [`${RUN.report}.html`]: page(summary),
    stdout: `${lines(summary).join('\n')}\n`,
  };
}

function lines(summary: Summary): string[] {
  const { latency, late, acknowledged, refused, retried } = totals(summary);
  const said = [
    '',
    `${RUN.scenario} over ${RUN.protocol}: ${acknowledged} acknowledged, ${refused} refused, ${retried} retries`,
    `latency from when it was due  ${quantiles(latency)}`,
  ];
  if (late.count !== undefined) said.push(`k6 sent late by               ${quantiles(late)}`);
  said.push(...remarks(summary));
  for (const { text, became } of thresholdsOf(summary)) said.push(`${SHOWN[became].padEnd(SHOWN_CHARS)} ${text}`);
  return said;
}

function totals({ metrics }: Summary) {
  return {
    latency: metrics.holdfast_latency?.values ?? {},
    late: metrics.holdfast_lateness?.values ?? {},
    acknowledged: metrics.holdfast_acknowledged?.values.count ?? 0,
    refused: metrics.holdfast_refused?.values.count ?? 0,
    retried: metrics.holdfast_retries?.values.count ?? 0,
    // Of a rate: how often it was true, and how often not.
    unexpected: metrics.holdfast_unexpected?.values.passes ?? 0,
    asExpected: metrics.holdfast_unexpected?.values.fails ?? 0,
    // Whoever has no bound for it does not ask the grid at the end what is sold.
    unaccounted: metrics.holdfast_unaccounted_units?.thresholds && metrics.holdfast_unaccounted_units.values.count,
  };
}

/** What the figures cannot say by themselves. */
function remarks(summary: Summary): string[] {
  const { latency, late, acknowledged, refused, unexpected, asExpected, unaccounted = 0 } = totals(summary);
  const said: string[] = [];
  if (acknowledged + refused === 0) said.push('nothing was answered, so that nothing was measured');
  if (unexpected > 0) {
    said.push(
      `${unexpected} of ${unexpected + asExpected} requests had no answer until the end, or one that was not expected`,
    );
  }
  if (unaccounted < 0) said.push(`${-unaccounted} units more are sold than commits whose answers were read`);
  if (unaccounted > 0) said.push(`${unaccounted} units fewer are sold than commits that were acknowledged`);
  const rate = rateAtBreak(summary);
  if (rate !== undefined) said.push(`latency left its bound when ${rate.toFixed(0)} requests a second were due`);
  if ((late['p(99)'] ?? 0) > LATE_SHARE_MAX * (latency['p(99)'] ?? 0)) {
    said.push(
      'k6 sent so late that it measured itself rather than the grid: ask for a lower rate, or give it processors',
    );
  }
  return said;
}

/** Of a ramp: requests a second in the first window with a p99 above the bound. */
function rateAtBreak(summary: Summary): number | undefined {
  if (RUN.scenario !== 'ramp') return undefined;
  const { p99Ms } = settingsOf('ramp');
  const window = ofWindows(summary, 'holdfast_latency', 'p(99)').findIndex((p99) => (p99 ?? 0) >= p99Ms);
  return window === -1 ? undefined : repliesPerSecond(summary, window);
}

function repliesPerSecond(summary: Summary, window: number): number {
  const replies = ['holdfast_acknowledged', 'holdfast_refused'].map(
    (metric) => ofWindows(summary, metric, 'count')[window] ?? 0,
  );
  return replies.reduce((sum, count) => sum + count, 0) / windowSeconds(summary);
}

function thresholdsOf(summary: Summary): Threshold[] {
  const found: Threshold[] = [];
  for (const [name, metric] of Object.entries(summary.metrics)) {
    for (const [text, { ok }] of Object.entries(metric.thresholds ?? {})) {
      if (isSumUp(text)) continue;
      const value = metric.values[/^[a-z]+(\(\d+\))?/.exec(text)?.[0] ?? ''];
      const isMeasured = hasSamples(metric, summary);
      const was = value === undefined ? '' : isMeasured ? `, was ${Number(value.toPrecision(4))}` : ', of no samples';
      if (ok) found.push({ text: `${name} ${text}`, became: isMeasured ? 'held' : 'unmeasured' });
      else found.push({ text: `${name} ${text}${was}`, became: 'crossed' });
    }
  }
  return found.sort((a, b) => a.text.localeCompare(b.text));
}

/** A counter does not say whether it was ever added to: it counts what comes of answers. */
function hasSamples({ type, values }: Metric, summary: Summary): boolean {
  if (type === 'trend') return (values.count ?? 0) > 0;
  if (type === 'rate') return (values.passes ?? 0) + (values.fails ?? 0) > 0;
  const { acknowledged, refused } = totals(summary);
  return acknowledged + refused > 0;
}

/** A window is a share of the load's duration, not of the run's, which waits for answers and loads stock. */
function windowSeconds({ state }: Summary): number {
  return (RUN.settings.durationMs ?? state.testRunDurationMs) / 1_000 / WINDOWS;
}

/** One value a window; undefined where nothing was due in it. */
function ofWindows({ metrics }: Summary, metric: string, value: string): (number | undefined)[] {
  return Array.from({ length: WINDOWS }, (_, n) => {
    const answered = metrics[`holdfast_latency{window:${n}}`]?.values.count ?? 0;
    return answered === 0 ? undefined : (metrics[`${metric}{window:${n}}`]?.values[value] ?? 0);
  });
}

function page(summary: Summary): string {
  const windowS = windowSeconds(summary);
  const { url, protocol, scenario, settings } = RUN;
  const asked = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const perSecond = (metric: string) =>
    ofWindows(summary, metric, 'count').map((count) => (count === undefined ? undefined : count / windowS));
  const latencies: Line[] = [
    { name: 'p50', colour: '#2a7', points: ofWindows(summary, 'holdfast_latency', 'med') },
    { name: 'p95', colour: '#d90', points: ofWindows(summary, 'holdfast_latency', 'p(95)') },
    { name: 'p99', colour: '#c33', points: ofWindows(summary, 'holdfast_latency', 'p(99)') },
  ];
  const rates: Line[] = [
    { name: 'acknowledged', colour: '#2a7', points: perSecond('holdfast_acknowledged') },
    { name: 'refused', colour: '#c33', points: perSecond('holdfast_refused') },
  ];
  const thresholds = thresholdsOf(summary).map(
    ({ text, became }) => `<tr class="${became}"><td>${SHOWN[became].toLowerCase()}</td><td>${escaped(text)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${scenario} · Holdfast load test</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child, #thresholds td { text-align: left } .held td:first-child { color: #2a7 } .crossed td, .unmeasured td { color: #c33; font-weight: 600 }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: #555 }
</style></head><body>
<h1>${scenario}</h1>
<p>${protocol} against ${escaped(url)}, ${new Date().toISOString()}, ${(summary.state.testRunDurationMs / 1_000).toFixed(0)} s; ${asked.join(', ')}.
Latency counts from when a request was due.</p>
${remarks(summary)
  .map((remark) => `<p><b>${remark}.</b></p>`)
  .join('')}
<table id="thresholds">${thresholds.join('')}</table>
<h2>Latency, ms</h2>${chart(latencies, windowS)}
<h2>Replies to what was due, a second</h2>${chart(rates, windowS)}
<h2>Latency by op and code, ms</h2>${opsTable(summary)}
<h2>Refused and retried, by code</h2>${codesTable(summary)}
</body></html>
`;
}

function opsTable(summary: Summary): string {
  const rows = Object.entries(summary.metrics).flatMap(([name, { values }]) => {
    const [, op, code] = /^holdfast_latency\{op:(\w+),code:(\w+)\}$/.exec(name) ?? [];
    return op === undefined || (values.count ?? 0) === 0 ? [] : [latencyRow(op, code ?? '', values)];
  });
  const { latency, late } = totals(summary);
  const heads = ['op', 'code', 'requests', 'p50', 'p95', 'p99', 'max'].map((head) => `<th>${head}</th>`).join('');
  const all =
    latencyRow('all', '', latency) + (late.count === undefined ? '' : latencyRow('k6 sent late by', '', late));
  return `<table id="ops"><tr>${heads}</tr>${rows.join('')}${all}</table>`;
}

function latencyRow(name: string, code: string, values: Values): string {
  const cells = [values.med, values['p(95)'], values['p(99)'], values.max].map((value) => `<td>${ms(value)}</td>`);
  return `<tr><td>${name}</td><td>${code}</td><td>${values.count ?? 0}</td>${cells.join('')}</tr>`;
}

function codesTable({ metrics }: Summary): string {
  const rows = ERROR_CODES.flatMap((code) => {
    const refused = metrics[`holdfast_refused{code:${code}}`]?.values.count ?? 0;
    const retried = metrics[`holdfast_retries{code:${code}}`]?.values.count ?? 0;
    return refused + retried === 0 ? [] : [`<tr><td>${code}</td><td>${refused}</td><td>${retried}</td></tr>`];
  });
  if (rows.length === 0) return '<p>Nothing was.</p>';
  return `<table id="codes"><tr><th>code</th><th>refused</th><th>retries</th></tr>${rows.join('')}</table>`;
}

function quantiles(values: Values): string {
  const { med, max, count = 0 } = values;
  if (count === 0) return 'not measured';
  return `p50 ${ms(med)}  p95 ${ms(values['p(95)'])}  p99 ${ms(values['p(99)'])}  max ${ms(max)}  ms`;
}

function ms(value: number | undefined): string {
  return value === undefined ? '–' : value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
