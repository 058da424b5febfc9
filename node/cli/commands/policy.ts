// `holdfast policy`: reads a policy and says what is wrong with it, runs one over recorded history, and tells how many exceptions settled
// themselves. Asks no grid.
import { Command } from 'commander';
import { KINDS } from '../../../orders/exceptions/kinds.ts';
import { IDS_SHOWN_MAX } from '../../../orders/exceptions/limits.ts';
import { type Change, type Replay, replayPolicy } from '../../../orders/exceptions/replay.ts';
import type { Outcome } from '../../../orders/exceptions/state.ts';
import { type KindZeroTouch, zeroTouch } from '../../../orders/exceptions/zero-touch.ts';
import { readPolicyOf } from '../orders/files.ts';
import { counted, createOutput, type Output, table } from '../output.ts';
import { type HistoryOptions, readHistory, windowOf, withHistory } from '../policy/history.ts';

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
      const policy = await readPolicyOf(file);
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
      `
Example, with the one that is there, changed a little:
  sed 's/rejections >= 3/rejections >= 1/' examples/policies/standard.yaml > candidate.yaml
  holdfast policy replay --policy candidate.yaml --history examples/policies/history.jsonl
  holdfast policy replay --policy candidate.yaml --data-dir ./data`,
    )
    .action(async (options: HistoryOptions & { readonly policy: string }) => {
      const output = createOutput(options.json);
      const window = windowOf(options);
      const policy = await readPolicyOf(options.policy);
      const replay = replayPolicy(policy, (await readHistory(options, window, output)).events, window);
      output.result(replay);
      printReplay(replay, output);
    });
}

function reportCommand(): Command {
  return withHistory(new Command('report'))
    .description('Tell how many exceptions settled themselves, by kind, and why the others did not.')
    .addHelpText('after', '\nExample:\n  holdfast policy report --data-dir ./data --from 2026-11-01')
    .action(async (options: HistoryOptions) => {
      const output = createOutput(options.json);
      const window = windowOf(options);
      const { events, looked } = await readHistory(options, window, output);
      const rates = zeroTouch(events, window);
      output.result({ window, kinds: rates });
      if (rates.every(({ exceptions, pending }) => exceptions + pending === 0)) {
        output.line(`${looked} read, no exceptions`);
      } else printRates(rates, output);
    });
}

function printReplay(replay: Replay, { line }: Output): void {
  const { policyVersion, orders, decisions, changed, notComparable, expectedCost, kinds, changes } = replay;
  line(
    `policy ${policyVersion}: ${changed} of ${counted(decisions, 'decision')} on ${counted(orders, 'order')} otherwise; ` +
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
    outcome === undefined ? 'open' : `${endOf(outcome)}, ${money(outcome.cost)}`,
  ];
}

function endOf({ breached, reversed, underWay }: Outcome): string {
  if (reversed) return 'reversed';
  if (breached) return 'late';
  return underWay === undefined ? 'well' : 'under way';
}

function printRates(rates: readonly KindZeroTouch[], { line }: Output): void {
  const rows = rates.map(({ kind, exceptions, pending, zeroTouch: settled, rate, strictRate, cost, reversedCost }) => [
    kind,
    exceptions,
    settled,
    percent(rate),
    percent(strictRate),
    pending,
    money(cost),
    money(reversedCost),
  ]);
  const header = ['kind', 'exceptions', 'zero-touch', 'rate', 'first promise kept', 'pending', 'cost', 'of reversed'];
  line(table(header, rows));
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
