// The report for documents: the tables as Markdown.
import { basename } from 'node:path';
import { machineLine } from '../harness/machine.ts';
import type { Written } from './written.ts';

export function toMarkdown(all: readonly Written[]): string {
  const parts = all.flatMap(({ path, machine, options, sections }) => [
    `## ${basename(path, '.json')}`,
    `${machineLine(machine)}; ${machine.at}`,
    `Options: \`${JSON.stringify(options)}\``,
    ...sections.flatMap(({ title, text, table }) => [
      ...(text === undefined && table === undefined ? [] : [`### ${title}`]),
      ...(text === undefined ? [] : [text]),
      ...(table === undefined ? [] : [tableOf(table)]),
    ]),
  ]);
  return `${parts.join('\n\n')}\n`;
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
