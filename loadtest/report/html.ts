// The report for people: one page that needs no script and nothing from elsewhere.
import { basename } from 'node:path';
import { escape as escaped } from 'html-escaper';
import { machineLine } from '../harness/machine.ts';
import { chartSvg } from './chart.ts';
import type { Section } from './section.ts';
import type { Written } from './written.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #8884; padding: 0.2rem 0.7rem; text-align: right; }
/* They wrap where a table has so many columns that it would not fit otherwise. */
th { vertical-align: bottom; }
td:first-child { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
/* On a phone a chart is moved aside like a wide table: made smaller, nobody could read it. */
svg { height: auto; max-width: 100%; min-width: 42rem; }
.about { font-size: 13px; opacity: 0.75; overflow-wrap: anywhere; }
h2 { overflow-wrap: anywhere; }`;

export async function toHtml(all: readonly Written[]): Promise<string> {
  const runs: string[] = [];
  for (const written of all) runs.push(await runOf(written));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast benchmarks</title>
<style>${STYLE}</style>
<h1>Holdfast benchmarks</h1>
${runs.join('\n')}
</html>
`;
}

async function runOf({ path, machine, options, sections }: Written): Promise<string> {
  const shown: string[] = [];
  for (const section of sections) shown.push(await sectionOf(section));
  return `<h2>${escaped(basename(path, '.json'))}</h2>
<p class="about">${escaped(machineLine(machine))}<br>${escaped(machine.at)}<br>${escaped(JSON.stringify(options))}</p>
${shown.join('\n')}`;
}

async function sectionOf({ title, text, chart, table }: Section): Promise<string> {
  const hasPoints = chart?.series.some(({ points }) => points.length > 0) ?? false;
  return [
    `<h3>${escaped(title)}</h3>`,
    text === undefined ? '' : `<p>${escaped(text)}</p>`,
    chart === undefined || !hasPoints ? '' : `<div class="wide">${await chartSvg(chart, title)}</div>`,
    table === undefined ? '' : tableOf(table),
  ].join('\n');
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], kind: 'th' | 'td'): string =>
    `<tr>${cells.map((cell) => `<${kind}>${escaped(cell)}</${kind}>`).join('')}</tr>`;
  return `<div class="wide"><table>${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table></div>`;
}
