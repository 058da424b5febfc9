// What an audit finds, and how it reads. Data and text; the checks are in image.ts, rebuild.ts and live.ts.
import { nameOfKey } from '../../shell/keys.ts';
import { grouped, table } from '../output.ts';

/** Differences that are printed unless all are asked for. */
export const DIFFERENCES_SHOWN = 10;
/** Differences that are kept to be listed; beyond it they are only counted. */
export const DIFFERENCES_LISTED_MAX = 1_000;

export interface Difference {
  /** Which check found it, with the invariant it stands for. */
  readonly check:
    | 'journal (I8)'
    | 'snapshots (I7)'
    | 'invariants (I1, I2)'
    | 'hand-off (I9)'
    | 'live grid (I6, I7)'
    | 'orders (I15)';
  /** The lane it was found in; undefined in a region of one lane, and for what concerns several. */
  readonly lane?: string;
  readonly sku: string | undefined;
  /** The actor's seq; of a damaged journal, the journal's. */
  readonly seq: number;
  readonly expected: string;
  readonly found: string;
}

/** Where a check reports what it finds. */
export interface DifferenceSink {
  add(difference: Difference): void;
}

export class Differences implements DifferenceSink {
  readonly listed: Difference[] = [];
  total = 0;

  add(difference: Difference): void {
    this.total += 1;
    if (this.listed.length < DIFFERENCES_LISTED_MAX) this.listed.push(difference);
  }

  /** Takes what is found in one lane of several. */
  inLane(lane: string): DifferenceSink {
    return { add: (difference) => this.add({ ...difference, lane }) };
  }
}

export interface LaneReport {
  readonly lane: string;
  /** How many partitions the lane has. */
  readonly partitions: number;
  readonly epoch: number;
  readonly lastSeq: number;
  readonly records: number;
}

export interface RegionReport {
  readonly region: string;
  readonly ok: boolean;
  readonly store: string;
  /** The greatest of its lanes. */
  readonly epoch: number;
  /** Summed over its lanes, as are batches and records: how much was ever written. */
  readonly lastSeq: number;
  readonly batches: number;
  readonly records: number;
  /** Where its partitions are, when it has more than one lane. */
  readonly lanes?: readonly LaneReport[];
  /** SKUs and orders. */
  readonly actors: number;
  readonly orders: number;
  readonly positions: number;
  readonly liveReservations: number;
  readonly units: {
    readonly onHand: number;
    readonly reserved: number;
    readonly allocated: number;
    readonly shipped: number;
  };
  /** Of all lanes, newest first in each. */
  readonly snapshots: readonly {
    readonly lane?: string;
    readonly slot: string;
    readonly coveredSeq: number;
    readonly actors: number;
    readonly at: number;
  }[];
  /** Actors compared with the live grid; undefined offline. */
  readonly comparedLive: number | undefined;
  /** Records that the grid wrote while it was being audited, and that were read to catch up. */
  readonly caughtUp: number;
  readonly ms: number;
  readonly differences: readonly Difference[];
  readonly differencesTotal: number;
}

/** What each check means, for people who do not know the invariants by number. */
const MEANINGS: Readonly<Record<Difference['check'], string>> = {
  'journal (I8)': 'the journal must be one unbroken chain',
  'snapshots (I7)': 'replaying the journal must give the same bytes from any snapshot',
  'invariants (I1, I2)': 'nothing is oversold, and totals are the sums of their parts',
  'hand-off (I9)': 'each partition is in one lane, and moves to another whole',
  'live grid (I6, I7)': 'what the grid shows must be durable, and what the journal comes to',
  'orders (I15)': 'what was reserved for an order ends as the order decided, on all its lines',
};

/** The summary table and the first differences of all regions (or every one that was kept), as text. */
export function describeReports(reports: readonly RegionReport[], shownMax: number = DIFFERENCES_SHOWN): string {
  const columns = [
    'region',
    'verdict',
    'epoch',
    'journal seq',
    'records read',
    'actors',
    'orders',
    'positions',
    'reservations',
    'on hand',
    'shipped',
    'live',
  ];
  const rows = reports.map((report) => [
    report.region,
    report.ok ? 'whole' : 'DIFFERS',
    report.epoch,
    grouped(report.lastSeq),
    grouped(report.records),
    grouped(report.actors),
    grouped(report.orders),
    grouped(report.positions),
    grouped(report.liveReservations),
    grouped(report.units.onHand),
    grouped(report.units.shipped),
    report.comparedLive === undefined
      ? 'offline'
      : `${grouped(report.comparedLive)} agree`.replace(/agree$/, report.ok ? 'agree' : 'compared'),
  ]);
  const lines = [table(columns, rows)];
  const lanes = reports.flatMap(({ region, lanes = [] }) => lanes.map((lane) => ({ region, ...lane })));
  if (lanes.length > 0) {
    const laneRows = lanes.map(({ region, lane, partitions, epoch, lastSeq, records }) => [
      region,
      lane,
      grouped(partitions),
      epoch,
      grouped(lastSeq),
      grouped(records),
    ]);
    lines.push('', table(['region', 'lane', 'partitions', 'epoch', 'journal seq', 'records read'], laneRows));
  }
  let left = shownMax;
  for (const { region, differences, differencesTotal } of reports) {
    const shown = differences.slice(0, left);
    left -= shown.length;
    for (const { check, lane, sku, seq, expected, found } of shown) {
      const where = lane === undefined ? '' : ` in lane ${lane}`;
      lines.push(
        '',
        `${region} ${sku === undefined ? 'journal' : nameOfKey(sku)} at seq ${seq}${where}, ${check}: ${MEANINGS[check]}`,
        `  expected ${expected}`,
        `  found    ${found}`,
      );
    }
    if (differencesTotal > shown.length) {
      const hint = shown.length < differences.length ? ' (`holdfast audit --all` lists them)' : '';
      lines.push(`… and ${grouped(differencesTotal - shown.length)} more in ${region}${hint}`);
    }
  }
  return lines.join('\n');
}
