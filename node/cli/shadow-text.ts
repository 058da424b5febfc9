// Plans and comparisons of rules as people read them.
import type { CostTerms } from '../../orders/sourcing/candidates.ts';
import type { ShadowReport } from '../../orders/sourcing/shadow.ts';
import { counted, table } from './output.ts';

/** Terms of cost, in the order in which they are shown. */
export const TERMS = [
  'freight',
  'fuel',
  'handling',
  'capacity',
  'scarcity',
  'lateness',
] as const satisfies readonly (keyof CostTerms)[];

/** Of several lines. */
export function shadowText(report: ShadowReport): string {
  const { first, second, orders, same, incomparable, nodes, examples } = report;
  const leftOut = `; ${incomparable} left out, whose nodes or services rules ${report.rules} do not have`;
  const change = (a: number, b: number, show: (value: number) => string): string[] => [
    show(a),
    show(b),
    `${b > a ? '+' : ''}${show(b - a)}`,
  ];
  const terms = [...TERMS, 'splits'] as const;
  const rows = [
    ...terms.map((term) => [term, ...change(first.cost[term], second.cost[term], money)]),
    ['total', ...change(first.total, second.total, money)],
    ['on time', ...change(first.onTime, second.onTime, percent)],
    ['packages', ...change(first.packages, second.packages, (value) => value.toFixed(2))],
    ['units not sent', ...change(first.unfilled, second.unfilled, (value) => value.toFixed(2))],
  ];
  const units = Object.entries(nodes).map(([node, of]) => [node, of.first, of.second, of.second - of.first]);
  const lines = [
    `${counted(orders, 'order')}: ${same} sent in the same way by rules ${report.rules} and ${report.shadow}${incomparable === 0 ? '' : leftOut}`,
    `\n${table(['an order, by the costs of the first', report.rules, report.shadow, 'change'], rows)}`,
    `\n${table(['units from', report.rules, report.shadow, 'change'], units)}`,
  ];
  if (examples.length > 0) lines.push('\norders that differ most:');
  for (const one of examples) {
    const from = (side: typeof one.first | undefined): string => Object.keys(side?.nodes ?? {}).join(' + ');
    lines.push(
      `  ${one.orderId}: ${money(one.first.total)} from ${from(one.first)}; ${money(one.second?.total ?? 0)} from ${from(one.second)}`,
    );
  }
  return lines.join('\n');
}

/** Minor units as major ones. */
export function money(minor: number): string {
  return (minor / 100).toFixed(2);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
