// The events of all regions in the order in which they became durable: what anybody may know, and when.

import type { JournaledEvent } from './journal.ts';
import type { Landing } from './region.ts';

/** The events of one batch. */
export interface Landed {
  readonly region: string;
  /** When it landed, ms. */
  readonly at: number;
  readonly events: readonly JournaledEvent[];
}

/** @param lanes the events of each lane, as readLane gives them; by `region/lane` */
export function inOrderOfLanding(
  landings: readonly Landing[],
  lanes: ReadonlyMap<string, readonly JournaledEvent[]>,
): readonly Landed[] {
  const next = new Map<string, number>();
  return landings.map(({ lane, batch, at }) => {
    const all = lanes.get(lane) ?? [];
    const from = next.get(lane) ?? 0;
    let to = from;
    while (to < all.length && (all[to] as JournaledEvent).journalSeq <= batch.lastSeq) to += 1;
    next.set(lane, to);
    return { region: lane.slice(0, lane.indexOf('/')), at, events: all.slice(from, to) };
  });
}

/** When each event of each sku landed, ms: by `region/sku`, the event with seq n at n − 1. */
export function landingTimes(landed: readonly Landed[]): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, number[]>();
  for (const { region, at, events } of landed) {
    for (const { sku, seq } of events) {
      const key = `${region}/${sku}`;
      const of = times.get(key) ?? [];
      times.set(key, of);
      of[seq - 1] = at;
    }
  }
  return times;
}
