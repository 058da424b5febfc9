// `npm run bench:report`: what the benchmarks measured last, as a page with charts and as tables for a document.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { EXIT_USAGE, makeReports } from './harness/options.ts';
import { toHtml } from './report/html.ts';
import { toMarkdown } from './report/markdown.ts';
import { writtenToShow } from './report/written.ts';

const command = new Command('npm run bench:report --')
  .description('Shows what the benchmarks measured: the newest of each kind, or the files that are named.')
  .argument('[files...]', 'JSON that benchmarks wrote')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .option('--reports <dir>', 'where they wrote it', 'reports')
  .option('--out <dir>', 'where the page and the tables go', 'reports')
  .parse();
const { reports, out } = command.opts<{ reports: string; out: string }>();

try {
  const shown = writtenToShow(command.args, reports);
  makeReports(out, '--out');
  const page = join(out, 'benchmarks.html');
  const tables = join(out, 'benchmarks.md');
  writeFileSync(page, await toHtml(shown));
  writeFileSync(tables, toMarkdown(shown));
  console.log(`wrote ${page} and ${tables} from\n${shown.map(({ path }) => `  ${path}`).join('\n')}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = EXIT_USAGE;
}
