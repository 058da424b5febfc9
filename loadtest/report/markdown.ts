// The report for documents: the tables as Markdown.
import { basename } from 'node:path';
import { machineLine } from '../harness/machine.ts';
import type { Written } from './written.ts';

export function toMarkdown(all: readonly Written[]): string {
  const parts = all.flatMap(({ path, machine, options, sections }) => [
    `## ${basename(path, '.json')}`,
    plain(`${machineLine(machine)}; ${machine.at}`),
    'Options:',
    // Indented, and not in backticks, which the options may contain.
    `    ${JSON.stringify(options)}`,
    ...sections.flatMap(({ title, text, table }) => [
      ...(text === undefined && table === undefined ? [] : [`### ${plain(title)}`]),
      ...(text === undefined ? [] : [plain(text)]),
      ...(table === undefined ? [] : [tableOf(table)]),
    ]),
  ]);
  return `${parts.join('\n\n')}\n`;
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => plain(cell).replaceAll(/[\\|]/g, '\\$&')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** On one line, as headings and rows must be, and no markup. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
