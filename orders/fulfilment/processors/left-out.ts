// Ship nodes that an order leaves out for a while because they rejected units of it, or did not find all when they picked: for how long depends
// on the reason, and then they are asked again.
import { NOT_THERE } from '../../order/index.ts';
import type { OrderDetail } from '../../order/view.ts';
import type { SourcingRules } from '../../sourcing/rules.ts';
import type { BusinessClock } from '../ports.ts';

const HOUR_MS = 3_600_000;

export interface LeftOut {
  has(node: string, sku: string): boolean;
  /** It is left out for now, and nobody has said that it has not got it. */
  isBusy(node: string, sku: string): boolean;
  /** When the first of them is asked again, ms of business; undefined where none is left out. */
  readonly until: number | undefined;
  /** For people: which and why. */
  readonly reasons: readonly string[];
}

/** A node that has not got the units, or not all of them, is left out for their SKUs, one that cannot send them for all. */
export function leftOut(
  { packages, exceptions }: Pick<OrderDetail, 'packages' | 'exceptions'>,
  { rejectedHours }: Pick<SourcingRules, 'rejectedHours'>,
  clock: Pick<BusinessClock, 'now' | 'fromGrid'>,
): LeftOut {
  const byId = new Map(packages.map((one) => [one.packageId, one]));
  const now = clock.now();
  const all = new Set<string>();
  const positions = new Set<string>();
  const reasons: string[] = [];
  let until: number | undefined;
  for (const { kind, packageId = '', evidence, openedAt } of exceptions) {
    const asked = byId.get(packageId);
    const missing = missingIn(evidence);
    if (asked === undefined || (kind !== 'rejection' && missing === undefined)) continue;
    const reason = String(evidence['reasonCode']);
    const hours = rejectedHours[reason] ?? rejectedHours['other'] ?? 0;
    const ends = clock.fromGrid(openedAt) + hours * HOUR_MS;
    if (ends <= now) continue;
    until = Math.min(until ?? ends, ends);
    reasons.push(`${asked.node} (${reason})`);
    if (!NOT_THERE.has(reason)) all.add(asked.node);
    else
      for (const { lineId, sku } of asked.lines) {
        if (missing?.has(lineId) !== false) positions.add(`${asked.node} ${sku}`);
      }
  }
  return {
    has: (node, sku) => all.has(node) || positions.has(`${node} ${sku}`),
    isBusy: (node, sku) => all.has(node) && !positions.has(`${node} ${sku}`),
    until,
    reasons,
  };
}

/** The lines that a short pick lacks; undefined of what is none. */
function missingIn({ missing }: Readonly<Record<string, unknown>>): ReadonlySet<string> | undefined {
  if (!Array.isArray(missing)) return undefined;
  return new Set((missing as readonly { readonly lineId: string }[]).map(({ lineId }) => lineId));
}
