// How a replay reads: figures of the run, percentiles, and the verdict. Text only.
import { duration, grouped, table } from '../output.ts';
import { DATE_FORMATS } from './dates.ts';
import type { Totals } from './driver.ts';
import type { Percentiles, TimedOp } from './latencies.ts';
import type { Plan } from './plan.ts';
import type { Verification } from './verify.ts';

export interface RunResult {
  readonly run: string;
  readonly file: string;
  readonly plan: Plan;
  readonly seconds: number;
  readonly totals: Totals;
  readonly latencies: Partial<Record<TimedOp, Percentiles>>;
}

export function describeRun({ plan, seconds, totals, latencies }: RunResult): string {
  const { counts } = plan;
  const lines = [
    `${grouped(counts.order)} order lines, ${grouped(counts.return)} returns, ${grouped(counts.writeOff)} write-offs; ` +
      `left out: ${grouped(counts.nonStock)} that are no goods, ${grouped(counts.unreadable)} unreadable, ` +
      `${grouped(counts.undated)} without a date that can be read`,
    `${grouped(totals.requests)} requests in ${duration(seconds * 1_000)}: ${grouped(totals.requests / seconds)} requests/s, ` +
      `${grouped(totals.done / seconds)} lines/s` +
      (totals.replayed > 0 ? `; ${grouped(totals.replayed)} had been answered before` : ''),
    `${grouped(totals.unitsShipped)} units shipped, ${grouped(totals.unitsReturned)} returned, ${grouped(totals.unitsWrittenOff)} written off`,
    `${grouped(totals.stockOuts)} stock-outs (${grouped(totals.stockOutUnits)} units)` +
      (totals.writeOffsRefused > 0 ? `, ${grouped(totals.writeOffsRefused)} write-offs of more than there was` : ''),
    '',
    table(
      ['latency, ms', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'],
      Object.entries(latencies).map(([op, { count, p50, p90, p99, p999, max }]) => [
        op,
        grouped(count),
        ...[p50, p90, p99, p999, max].map((ms) => ms.toFixed(2)),
      ]),
    ),
  ];
  return lines.join('\n');
}

/** One line for each of the first lines without a date, and how many more there are. */
export function describeUndated({ undated, counts }: Plan): string[] {
  const lines = undated.map(({ line, date }) => `line ${line}: the InvoiceDate "${date}" is not ${DATE_FORMATS}`);
  if (counts.undated > undated.length) lines.push(`… and ${grouped(counts.undated - undated.length)} more dates`);
  return lines;
}

export function describeVerification({ positions, differencesTotal, differences }: Verification): string {
  if (differencesTotal === 0)
    return `the grid equals the recomputation from the file at all ${grouped(positions)} positions`;
  const lines = [`the grid DIFFERS from the recomputation from the file, ${grouped(differencesTotal)} times:`];
  for (const { what, expected, found } of differences) lines.push(`  ${what}: expected ${expected}, found ${found}`);
  if (differencesTotal > differences.length)
    lines.push(`  … and ${grouped(differencesTotal - differences.length)} more`);
  return lines.join('\n');
}
