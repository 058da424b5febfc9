// The journeys of a region's orders, from its store alone, whether its grid runs or not.
import type { OrderEvent } from '../../../protocol/index.ts';
import type { JournalStore } from '../../journal/port.ts';
import { UserError } from '../exit.ts';
import { readLanes } from './lanes.ts';
import { LaneMoved, readNewest } from './rebuild.ts';
import { RegionImage } from './region-image.ts';
import { Differences } from './report.ts';

/** The lanes are read one after the other: a partition that moves meanwhile makes it begin again. */
const ATTEMPTS_MAX = 3;

export interface Journeys {
  readonly orders: number;
  /** Of each order, those on which nobody has ever decided about an exception empty. */
  read(): Generator<readonly OrderEvent[], void, undefined>;
}

/** @throws UserError where the journal is damaged, or moves on faster than it is read; RegionUnknown */
export async function openJourneys(store: JournalStore, region: string): Promise<Journeys> {
  for (let attempt = 1; ; attempt++) {
    const differences = new Differences();
    let why: string;
    try {
      const { lanes, partitions } = await readLanes({ store, region }, readNewest, differences);
      const image = RegionImage.of(lanes, partitions, differences);
      if (differences.total === 0) return journeysOf(image);
      const { check, expected, found } = differences.listed[0] ?? { check: '', expected: '', found: '' };
      why = `${check}: ${found} instead of ${expected}`;
    } catch (error) {
      if (!(error instanceof LaneMoved)) throw error;
      why = error.message;
    }
    if (attempt < ATTEMPTS_MAX) continue;
    throw new UserError(
      `the orders of ${region} cannot be read (${why})`,
      'See what `holdfast audit` says, or try again when the grid is less busy.',
    );
  }
}

function journeysOf(image: RegionImage): Journeys {
  const keys = [...image.orders()];
  return {
    orders: keys.length,
    *read() {
      for (const key of keys) {
        const texts = image.order(key)?.texts ?? [];
        const isDecided = texts.some((text) => text.includes('"exceptionDecided"'));
        yield isDecided ? texts.map((text) => JSON.parse(text) as OrderEvent) : [];
      }
    },
  };
}
