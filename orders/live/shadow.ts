// Rules in the shadow of those that count, beside a process that sources: each order is planned by them as well, after its own plan is made and
// off its path, and what they would do otherwise is summed up and told.
import type { Order } from '../sourcing/order.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import { compareShadow, type ShadowReport, ShadowSummary } from '../sourcing/shadow.ts';
import type { Situation } from '../sourcing/situation.ts';
import type { Plan } from '../sourcing/source.ts';
import { SHADOW_TOLD_EVERY_MS, SHADOW_WAITING_MAX } from './limits.ts';

export interface LiveShadowOptions {
  /** Those that count, as they are now. */
  readonly rules: () => SourcingRules;
  readonly shadow: SourcingRules;
  /** Told from time to time, and at the end, where there is something new. */
  readonly onReport: (report: ShadowReport) => void;
  readonly everyMs?: number;
}

export interface LiveShadow {
  /** Never waits, and never throws. */
  offer(order: Order, plan: Plan, situation: Situation): void;
  readonly report: ShadowReport;
  /** Orders that were not compared: too many waited, or their comparison failed. */
  readonly skipped: number;
  /** Compares what waits, and tells a last time. */
  stop(): void;
}

interface Waiting {
  readonly order: Order;
  readonly plan: Plan;
  readonly rules: SourcingRules;
  readonly situation: Situation;
}

export function liveShadow({ rules, shadow, onReport, everyMs = SHADOW_TOLD_EVERY_MS }: LiveShadowOptions): LiveShadow {
  const summary = new ShadowSummary(rules(), shadow);
  const waiting: Waiting[] = [];
  let skipped = 0;
  let told = 0;
  let isScheduled = false;

  const compare = (): void => {
    const next = waiting.shift();
    if (next === undefined) return;
    const { order, plan, ...around } = next;
    try {
      summary.add(compareShadow(order, plan, { ...around, shadow }));
    } catch {
      skipped += 1;
    }
  };
  /** One at a time, so that whatever else is to be done comes in between. */
  const later = (): void => {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      compare();
      later();
    });
  };
  const tell = (): void => {
    const report = summary.report();
    if (report.orders === told) return;
    told = report.orders;
    onReport(report);
  };
  const timer = setInterval(tell, everyMs);
  timer.unref();

  return {
    offer(order, plan, situation) {
      if (waiting.length >= SHADOW_WAITING_MAX) {
        skipped += 1;
        return;
      }
      const current = rules();
      waiting.push({ order, plan, rules: current, situation: frozen(situation, [...current.nodes, ...shadow.nodes]) });
      later();
    },
    get report() {
      return summary.report();
    },
    get skipped() {
      return skipped;
    },
    stop() {
      clearInterval(timer);
      while (waiting.length > 0) compare();
      tell();
    },
  };
}

/** Packages of nodes go on being counted while an order waits for its comparison. */
function frozen(
  situation: Situation,
  nodes: readonly { node: string; packagesPerDay?: number | undefined }[],
): Situation {
  const packages = new Map(
    nodes.flatMap(({ node, packagesPerDay }) =>
      packagesPerDay === undefined ? [] : [[node, situation.packagesOf(node)] as const],
    ),
  );
  return { ...situation, packagesOf: (node) => packages.get(node) ?? 0 };
}
