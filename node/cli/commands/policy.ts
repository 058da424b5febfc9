// `holdfast policy`: reads a policy and says what is wrong with it, runs one over recorded history, and tells how many exceptions settled
// themselves. Needs no grid.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { HistoryInvalid, readHistoryLine } from '../../../orders/exceptions/history.ts';
import { KINDS } from '../../../orders/exceptions/kinds.ts';
import { IDS_SHOWN_MAX } from '../../../orders/exceptions/limits.ts';
import { type Policy, PolicyInvalid, parsePolicy } from '../../../orders/exceptions/policy.ts';
import { type Change, type Replay, replayPolicy, type Window } from '../../../orders/exceptions/replay.ts';
import type { ExceptionEvent } from '../../../orders/exceptions/state.ts';
import { type KindZeroTouch, zeroTouch } from '../../../orders/exceptions/zero-touch.ts';
import { messageOf, usageError } from '../exit.ts';
import { counted, createOutput, type Output, table } from '../output.ts';

/** Lines of a history that are named as wrong; the rest is counted. */
const WRONG_LINES_SHOWN_MAX = 20;

interface HistoryOptions {
  readonly history: string;
  readonly from?: string;
  readonly to?: string;
  readonly json: boolean;
}

export function policyCommand(): Command {
  return new Command('policy')
    .description(
      'Policies that settle exceptions: check one, run one over recorded history, and see what settled itself.',
    )
    .addCommand(checkCommand())
    .addCommand(replayCommand())
    .addCommand(reportCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .description('Read a policy and name all that is wrong with it.')
    .argument('<file>', 'YAML or JSON; docs/orders.md has its fields')
    .option('--json', 'write one JSON object', false)
    .addHelpText('after', '\nExample:\n  holdfast policy check examples/policies/standard.yaml')
    .action(async (file: string, { json }: { json: boolean }) => {
      const output = createOutput(json);
      const policy = await readPolicyFile(file);
      output.result({ ok: true, version: policy.version, rules: policy.rules.length });
      output.line(
        `${file}: version ${policy.version}, ${counted(policy.rules.length, 'rule')} for ${KINDS.length} kinds`,
      );
    });
}

function replayCommand(): Command {
  return withHistory(new Command('replay'))
    .description('Run a candidate policy over recorded history and show what it would have decided otherwise.')
    .requiredOption('--policy <file>', 'the candidate')
    .addHelpText(
      'after',
      '\nExample:\n  holdfast policy replay --policy candidate.yaml --history exceptions.jsonl --from 2026-11-01 --to 2026-12-01',
    )
    .action(async (options: HistoryOptions & { readonly policy: string }) => {
      const output = createOutput(options.json);
      const window = windowOf(options);
      const policy = await readPolicyFile(options.policy);
      const replay = replayPolicy(policy, await readHistory(options.history, output), window);
      output.result(replay);
      printReplay(replay, output);
    });
}

function reportCommand(): Command {
  return withHistory(new Command('report'))
    .description('Tell how many exceptions settled themselves, by kind, and why the others did not.')
    .addHelpText('after', '\nExample:\n  holdfast policy report --history exceptions.jsonl --from 2026-11-01')
    .action(async (options: HistoryOptions) => {
      const output = createOutput(options.json);
      const window = windowOf(options);
      const rates = zeroTouch(await readHistory(options.history, output), window);
      output.result({ window, kinds: rates });
      printRates(rates, output);
    });
}

function withHistory(command: Command): Command {
  return command
    .requiredOption('--history <file>', 'events of exceptions, or orders with their journeys, one JSON object a line')
    .option('--from <time>', 'from this date or time on (2026-11-01, 2026-11-01T12:00:00Z); without it from the first')
    .option('--to <time>', 'before this date or time; without it to the last')
    .option('--json', 'write one JSON object', false);
}

/** @throws UserError naming the file and each place in it that is wrong */
async function readPolicyFile(file: string): Promise<Policy> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    return parsePolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    throw usageError(
      `${file} cannot be used:\n${error.message}`,
      'docs/orders.md has all fields, variables and actions.',
    );
  }
}

/** @throws UserError naming the lines that are wrong */
async function readHistory(file: string, output: Output): Promise<ExceptionEvent[]> {
  const events: ExceptionEvent[] = [];
  const wrong: string[] = [];
  let lines = 0;
  let others = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      lines++;
      if (text.trim() === '') continue;
      try {
        const read = readHistoryLine(text);
        if (read.length === 0) others++;
        events.push(...read);
      } catch (error) {
        if (!(error instanceof HistoryInvalid)) throw error;
        wrong.push(`line ${lines}: ${error.message}`);
      }
    }
  } catch (error) {
    throw usageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  if (wrong.length > 0) {
    const more = wrong.length > WRONG_LINES_SHOWN_MAX ? `\nand ${wrong.length - WRONG_LINES_SHOWN_MAX} more` : '';
    throw usageError(
      `${file} cannot be used:\n${wrong.slice(0, WRONG_LINES_SHOWN_MAX).join('\n')}${more}`,
      'docs/orders.md has the form of a history.',
    );
  }
  if (others > 0) output.note(`${counted(others, 'line')} of ${file} not about exceptions`);
  // As they happened, also where several journeys were written one after the other.
  return events.sort((a, b) => a.at - b.at);
}

function windowOf({ from, to }: HistoryOptions): Window {
  const window = { from: timeOf(from, '--from') ?? 0, to: timeOf(to, '--to') ?? Number.MAX_SAFE_INTEGER };
  if (window.from >= window.to) throw usageError('--from is not before --to');
  return window;
}

function timeOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw usageError(`${option} ${text} is no date or time such as 2026-11-01 or 2026-11-01T12:00:00Z`);
  return time;
}

function printReplay(replay: Replay, { line }: Output): void {
  const { policyVersion, orders, decisions, changed, notComparable, expectedCost, kinds, changes } = replay;
  line(
    `policy ${policyVersion}: ${counted(changed, 'decision')} of ${counted(decisions, 'decision')} on ${counted(orders, 'order')} otherwise; ` +
      `expected cost ${money(expectedCost.candidate)} instead of ${money(expectedCost.recorded)}`,
  );
  if (notComparable > 0) line(`${counted(notComparable, 'later decision')} on those exceptions not comparable`);
  if (kinds.length === 0) return;
  const rows = kinds.map(({ kind, expectedCost: cost, actions, ...counts }) => [
    kind,
    counts.decisions,
    counts.changed,
    money(cost.recorded),
    money(cost.candidate),
    actions.map(({ action, recorded, candidate }) => `${action} ${recorded}→${candidate}`).join(', '),
  ]);
  line(`\n${table(['kind', 'decisions', 'otherwise', 'expected', 'with it', 'actions'], rows)}`);
  if (changes.length === 0) return;
  line(
    `\n${table(['order', 'exception', 'at (UTC)', 'was', 'would be', 'expected', 'ended'], changes.slice(0, IDS_SHOWN_MAX).map(changeRow))}`,
  );
  if (changes.length > IDS_SHOWN_MAX) line(`and ${changes.length - IDS_SHOWN_MAX} more; --json has all`);
}

function changeRow({ orderId, exceptionId, at, recorded, candidate, outcome }: Change): string[] {
  return [
    orderId,
    exceptionId,
    new Date(at).toISOString().slice(0, 16),
    `${recorded.action} (${recorded.rule ?? 'no rule'})`,
    `${candidate.action} (${candidate.rule ?? 'no rule'})`,
    `${money(recorded.expectedCost)} → ${money(candidate.expectedCost)}`,
    outcome === undefined ? 'open' : outcome.breached ? 'late' : outcome.reversed ? 'reversed' : 'well',
  ];
}

function printRates(rates: readonly KindZeroTouch[], { line }: Output): void {
  const rows = rates.map(({ kind, exceptions, pending, zeroTouch: settled, rate, strictRate }) => [
    kind,
    exceptions,
    settled,
    percent(rate),
    percent(strictRate),
    pending,
  ]);
  line(table(['kind', 'exceptions', 'zero-touch', 'rate', 'first promise kept', 'pending'], rows));
  const misses = rates
    .filter(({ kind }) => kind !== 'all')
    .flatMap(({ kind, misses: of }) =>
      of.map(({ miss, count, exceptionIds }) => [
        kind,
        miss,
        count,
        exceptionIds.slice(0, 3).join(' ') + (count > 3 ? ' …' : ''),
      ]),
    );
  if (misses.length > 0) line(`\n${table(['kind', 'why not', 'count', 'which'], misses)}`);
}

function money(minor: number): string {
  return (minor / 100).toFixed(2);
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(share * 100).toFixed(1)} %`;
}
