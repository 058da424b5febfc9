// One SKU's pooled stock over its regions, for people: what each region says of itself, what is on its way, and what is
// known by hearsay of the regions that did not answer or were not asked. Puts answers together; asking is the command's.
import { type PoolReport, type PoolView, poolView } from '../../cluster/escrow/index.ts';
import type { GetReply } from '../../protocol/index.ts';
import { duration, grouped, table } from './output.ts';

/** What another region last heard of a region that does not answer. */
export interface Hearsay {
  readonly region: string;
  /** Rights that it said it had, units. */
  readonly rights: number;
  readonly heardMsAgo: number;
  readonly heardBy: string;
}

/** On its way, units; at most so many where the giver has not heard yet what arrived. */
type Transfer = PoolView['inFlight'][number] & { readonly isAtMost?: true };

export interface PoolStatus {
  readonly sku: string;
  readonly pool: PoolView & { readonly inFlight: readonly Transfer[] };
  /** The latest word of each region without an answer, where there is one. */
  readonly hearsay: readonly Hearsay[];
}

/** Puts the answers of the regions together; undefined when in none of them the SKU has pooled stock. */
export function poolStatus(sku: string, answers: readonly GetReply[]): PoolStatus | undefined {
  const reports = answers.flatMap(reportOf);
  if (reports.length === 0) return undefined;
  const answered = new Set(reports.map(({ region }) => region));
  const hearsay = new Map<string, Hearsay>();
  for (const { region: heardBy, pool } of answers) {
    for (const { region, rights, heardMsAgo } of pool?.regions ?? []) {
      if (answered.has(region) || rights === undefined || heardMsAgo === undefined) continue;
      if (heardMsAgo < (hearsay.get(region)?.heardMsAgo ?? Number.POSITIVE_INFINITY)) {
        hearsay.set(region, { region, rights, heardMsAgo, heardBy });
      }
    }
  }
  const pool = poolView(reports);
  const inFlight = pool.inFlight.flatMap((transfer) =>
    pool.missing.includes(transfer.to) ? transferByHearsay(transfer, answers) : [transfer],
  );
  return { sku, pool: { ...pool, inFlight }, hearsay: [...hearsay.values()] };
}

/** To a region without an answer all counts that was ever given, unless the giver has heard what arrived. */
function transferByHearsay(transfer: Transfer, answers: readonly GetReply[]): Transfer[] {
  const giver = answers.find(({ region }) => region === transfer.from);
  const qty = giver?.pool?.regions.find(({ region }) => region === transfer.to)?.inFlight;
  if (qty === undefined) return [{ ...transfer, isAtMost: true }];
  return qty > 0 ? [{ ...transfer, qty }] : [];
}

function reportOf({ region, pool, nodes }: GetReply): PoolReport[] {
  if (pool === undefined) return [];
  const { minted, rights, consumed, regions } = pool;
  const shortfall = nodes.reduce((sum, node) => sum + (node.node === 'pool' ? (node.shortfall ?? 0) : 0), 0);
  const accounts = regions.map(({ region: other, given, taken }) => ({ region: other, given, taken }));
  return [{ region, minted, rights, consumed, shortfall, accounts }];
}

/** Whether units have come from nowhere or are gone (I14). With a region missing, or answers torn, nobody can tell. */
export function isUnbalanced({ pool }: PoolStatus): boolean {
  return pool.missing.length === 0 && pool.torn.length === 0 && pool.difference !== 0;
}

/** How the regions were asked, which says why one is missing. */
export interface PoolAsked {
  /** Regions that gave an answer, also that they have no such stock. */
  readonly answered: readonly string[];
  /** An address that was asked gave none: nobody knows which region is there. */
  readonly isAnySilent: boolean;
}

export function poolLines(status: PoolStatus, asked: PoolAsked): string[] {
  const { sku, pool, hearsay } = status;
  const moving = (region: string): string => onTheWay(pool.inFlight.filter(({ to }) => to === region));
  const columns = ['region', 'rights', 'on the way to it', 'consumed', 'minted', ''];
  const rows = pool.regions.map(({ region, rights, consumed, minted, shortfall }) => [
    region,
    grouped(rights),
    moving(region),
    grouped(consumed),
    grouped(minted),
    shortfall > 0 ? `${grouped(shortfall)} units are promised twice` : '',
  ]);
  for (const region of pool.missing) {
    const word = hearsay.find((other) => other.region === region);
    const why = asked.answered.includes(region) ? 'not pooled there' : asked.isAnySilent ? 'no answer' : 'not asked';
    const said =
      word === undefined
        ? why
        : `${why}; ${word.heardBy} heard of ${grouped(word.rights)} rights ${duration(word.heardMsAgo)} ago`;
    rows.push([region, '?', moving(region), '?', '?', said]);
  }
  rows.push(['all', grouped(pool.rights), onTheWay(pool.inFlight), grouped(pool.consumed), grouped(pool.minted), '']);
  const lines = [`pooled stock of ${sku}`, table(columns, rows)];
  for (const { from, to } of pool.torn) {
    lines.push(`${from} and ${to} were asked at different moments, with a transfer between: ask again`);
  }
  if (isUnbalanced(status)) {
    lines.push(`${grouped(Math.abs(pool.difference))} units ${pool.difference > 0 ? 'are gone' : 'came from nowhere'}`);
  }
  return lines;
}

function onTheWay(transfers: readonly Transfer[]): string {
  const qty = grouped(transfers.reduce((sum, transfer) => sum + transfer.qty, 0));
  return transfers.some(({ isAtMost }) => isAtMost) ? `at most ${qty}` : qty;
}
