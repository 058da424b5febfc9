// Demand as running processes know it: what any of them was asked to source, followed in the log that they share.
import type { BusinessClock } from '../fulfilment/ports.ts';
import { follow } from '../shared/follower.ts';
import type { SharedLog } from '../shared/log.ts';
import type { Order } from '../sourcing/order.ts';
import { type Demand, DemandSeen, demandEntryOf } from './demand.ts';

export interface LiveDemandOptions {
  readonly log: SharedLog;
  readonly clock: BusinessClock;
  readonly saves: boolean;
  readonly say: (line: string) => void;
  readonly pollMs?: number;
}

export interface LiveDemand {
  /** An order is sourced for the first time. Never rejects. */
  asked(order: Order): Promise<void>;
  demand(now: number): Demand;
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws where the log cannot be read at all */
export async function liveDemand({ log, clock, saves, say, pollMs }: LiveDemandOptions): Promise<LiveDemand> {
  const following = await follow({
    log,
    restore: (bytes) => new DemandSeen(bytes),
    saves,
    onFailure: (message) => say(`demand: ${message}`),
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  return {
    asked: (order) => following.append([JSON.parse(JSON.stringify(demandEntryOf(order, clock.now())))]),
    demand: (now) => following.state.demand(now),
    look: () => following.look(),
    stop: () => following.stop(),
  };
}
