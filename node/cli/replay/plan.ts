// A first look through the order file: how many lines of each kind, over which time, and how many units each
// (sku, region) needs so that nothing runs out. The stock that is loaded follows from it.
import { type DeedKind, deedOf, type RawLine, type Skipped } from './lines.ts';

export interface Plan {
  readonly lines: number;
  readonly counts: Readonly<Record<DeedKind | Skipped, number>>;
  /** The first lines whose date cannot be read; counts.undated says how many there are. */
  readonly undated: readonly { readonly line: number; readonly date: string }[];
  /** Milliseconds since the epoch, of the first and the last deed. */
  readonly from: number;
  readonly to: number;
  /** Units that leave, by positionKey: orders and write-offs, returns not set against them. */
  readonly outgoing: ReadonlyMap<string, number>;
}

const UNDATED_LISTED_MAX = 10;

/** A position of the replay as a key: neither part contains a space. */
export function positionKey(sku: string, region: string): string {
  return `${sku} ${region}`;
}

export function keyParts(key: string): { sku: string; region: string } {
  const at = key.indexOf(' ');
  return { sku: key.slice(0, at), region: key.slice(at + 1) };
}

export async function planReplay(rawLines: AsyncIterable<RawLine>): Promise<Plan> {
  const counts: Record<DeedKind | Skipped, number> = {
    order: 0,
    return: 0,
    writeOff: 0,
    nonStock: 0,
    unreadable: 0,
    undated: 0,
  };
  const undated: { line: number; date: string }[] = [];
  const outgoing = new Map<string, number>();
  let lines = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for await (const raw of rawLines) {
    lines += 1;
    const deed = deedOf(raw);
    if (typeof deed === 'string') {
      counts[deed] += 1;
      if (deed === 'undated' && undated.length < UNDATED_LISTED_MAX) {
        undated.push({ line: raw.line, date: raw.InvoiceDate });
      }
      continue;
    }
    counts[deed.kind] += 1;
    from = Math.min(from, deed.at);
    to = Math.max(to, deed.at);
    const key = positionKey(deed.sku, deed.region);
    outgoing.set(key, (outgoing.get(key) ?? 0) + (deed.kind === 'return' ? 0 : deed.qty));
  }
  return { lines, counts, undated, from, to, outgoing };
}
