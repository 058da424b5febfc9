// Capacity: how many packages a ship node can hand over on a day, as its system says. Pure.
import { z } from 'zod';
import { CAPACITY_STALE_AFTER_MS, RECORDS_MAX } from './limits.ts';
import { FeedMalformed, type Reading, readingAt } from './reading.ts';

const capacity = z.object({
  /** When it was planned. */
  asOf: z.iso.datetime({ offset: true }),
  nodes: z
    .array(z.object({ node: z.string().min(1).max(32), date: z.iso.date(), packages: z.number().int().min(0) }))
    .max(RECORDS_MAX),
});

export interface Capacity {
  readonly asOf: number;
  /** By `<node> <date>`. */
  readonly packages: ReadonlyMap<string, number>;
}

/** Of `{"asOf":…,"nodes":[{"node","date","packages"}]}`. @throws FeedMalformed naming the places */
export function readCapacity(text: string): Capacity {
  const read = capacity.safeParse(jsonOf(text));
  if (!read.success) {
    throw new FeedMalformed(
      read.error.issues.map(({ path, message }) => `${path.join('.') || 'capacity'}: ${message}`).join('; '),
    );
  }
  const { asOf, nodes } = read.data;
  return {
    asOf: Date.parse(asOf),
    packages: new Map(nodes.map(({ node, date, packages }) => [`${node} ${date}`, packages])),
  };
}

export interface CapacityTerms {
  readonly staleAfterMs?: number;
  /** The packages a day that count where nothing is known; undefined: any number. */
  readonly fallback: number | undefined;
}

/** @param date of the node's calendar, such as 2026-11-27 */
export function capacityOf(
  known: Capacity | undefined,
  node: string,
  date: string,
  terms: CapacityTerms,
  now: number,
): Reading<number | undefined> {
  const { staleAfterMs = CAPACITY_STALE_AFTER_MS, fallback } = terms;
  if (known === undefined) return readingAt<number | undefined>(undefined, { staleAfterMs, fallback }, now);
  const value = known.packages.get(`${node} ${date}`);
  if (value === undefined)
    return { value: fallback, source: 'default', reason: `nothing is said of ${node} on ${date}` };
  return readingAt<number | undefined>([{ at: known.asOf, value }], { staleAfterMs, fallback }, now);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FeedMalformed('it is no JSON');
  }
}
