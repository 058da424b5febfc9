// Judges what workers showed of other regions: each figure with an age that is not less than the truth, never backward,
// and never from before what the same worker has acknowledged (I13). That the figures are the journal's is check.ts's.
import type { Version } from '../../protocol/index.ts';
import type { Violation } from './history.ts';
import type { RegionsHistory, RemoteRead } from './regions-history.ts';

const NEVER: Version = { epoch: 0, seq: 0 };

/** @param times when each event landed, see landingTimes */
export function checkRemoteReads(
  { reads, writes }: RegionsHistory,
  times: ReadonlyMap<string, readonly number[]>,
  violations: Violation[],
): void {
  const say = (read: RemoteRead, text: string): void => {
    const { by, region, sku, at, view } = read;
    const what = view === undefined ? 'as unknown' : `at ${show(view.version)}, ${view.ageMs} ms old`;
    violations.push({
      invariant: 'I13',
      text: `${by} showed ${sku} of ${region} ${what} at ${at.toFixed(3)} ms; ${text}`,
    });
  };
  for (const read of reads) checkAge(read, times, say);
  /** By reader, region and sku: the latest it had heard of, had shown, and had acknowledged. */
  const heard = new Map<string, Version>();
  const seen = new Map<string, Version>();
  const written = new Map<string, number>();
  const moments = [...reads.map((read) => ({ turn: read.turn, read, write: undefined }))];
  const all = [...moments, ...writes.map((write) => ({ turn: write.turn, read: undefined, write }))];
  all.sort((left, right) => left.turn - right.turn);
  for (const { read, write } of all) {
    if (write !== undefined) {
      const key = `${write.through} ${write.region}/${write.sku}`;
      written.set(key, Math.max(written.get(key) ?? 0, write.seq));
    }
    if (read === undefined) continue;
    const key = `${read.by} ${read.region}/${read.sku}`;
    const version = read.view?.version ?? NEVER;
    const before = seen.get(key);
    // Who asked in vain, or cannot ask, shows what was heard, and how old that is; what was heard goes forward alone.
    const [isHeard, isBest] = [read.isAtOnce, read.isAtOnce && read.isReached];
    const heardBefore = heard.get(key);
    if (isHeard && heardBefore !== undefined && isEarlier(version, heardBefore)) {
      say(read, `it had heard of ${show(heardBefore)} before`);
    } else if (isBest && before !== undefined && isEarlier(version, before)) {
      say(read, `it had shown ${show(before)} before`);
    }
    const own = written.get(key) ?? 0;
    if (isBest && version.seq < own) say(read, `it had acknowledged seq ${own} before`);
    if (isHeard) heard.set(key, version);
    if (before === undefined || isEarlier(before, version)) seen.set(key, version);
  }
}

/** Whatever landed longer ago than the age is in what is shown. */
function checkAge(
  read: RemoteRead,
  times: ReadonlyMap<string, readonly number[]>,
  say: (read: RemoteRead, text: string) => void,
): void {
  const { region, sku, at, view } = read;
  if (view === undefined) return;
  if (view.ageMs === undefined) {
    say(read, 'without an age');
    return;
  }
  const next = times.get(`${region}/${sku}`)?.[view.version.seq];
  if (next !== undefined && next < at - view.ageMs) {
    say(read, `seq ${view.version.seq + 1} landed ${(at - next).toFixed(3)} ms earlier`);
  }
}

function isEarlier(a: Version, b: Version): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq);
}

function show({ epoch, seq }: Version): string {
  return `(${epoch}, ${seq})`;
}
