// Functional acknowledgements (997): for each group that came, whether its sets could be read, and where not. They speak of syntax
// alone; an order that the grid refuses was understood.
import { type Group, type Interchange, type SetToWrite, writeInterchange } from './envelope.ts';
import type { SegmentNote } from './order-850.ts';
import { freeText } from './segments.ts';

/** What was found in a set; undefined where it was not read, since it is of a kind that nobody takes here. */
export interface SetResult {
  readonly control: string;
  readonly id: string;
  readonly problems: readonly string[];
  readonly notes: readonly SegmentNote[] | undefined;
  /** Of a set of several parts: some could be read, though others could not. */
  readonly isTakenInPart?: boolean;
}

export interface Acknowledged {
  readonly group: Group;
  readonly results: readonly SetResult[];
}

/**
 * AK501 and its reasons: 1 the kind of set is not supported, 5 a segment has errors. E: there were errors, and it was accepted, since what was
 * right in it counts.
 */
function verdictOf({ problems, notes, isTakenInPart }: SetResult, group: Group): readonly string[] {
  // A group whose end is wrong may lack sets: none of it is taken.
  if (group.problems.length > 0) return ['R', ...problems.slice(0, 5)];
  const reasons = [...problems, ...(notes === undefined ? ['1'] : notes.length > 0 ? ['5'] : [])];
  const wrong = isTakenInPart === true ? 'E' : 'R';
  return [reasons.length === 0 ? 'A' : wrong, ...reasons.slice(0, 5)];
}

/** The answer to one interchange: a set for each of its groups. */
export function write997(
  interchange: Interchange,
  acknowledged: readonly Acknowledged[],
  control: number,
  at: number,
): string {
  return writeInterchange({
    sender: interchange.receiver,
    receiver: interchange.sender,
    control,
    at,
    test: interchange.test,
    functionalId: 'FA',
    sets: acknowledged.map(setOf),
  });
}

function setOf({ group, results }: Acknowledged): SetToWrite {
  const segments: [string, ...string[]][] = [['AK1', freeText(group.functionalId, 2), group.control]];
  const verdicts: string[] = [];
  for (const result of results) {
    segments.push(['AK2', result.id, result.control]);
    for (const { tag, position, code, element } of result.notes ?? []) {
      segments.push(['AK3', tag, String(position), '', code]);
      if (element !== undefined) {
        segments.push(['AK4', String(element.position), '', element.code, freeText(element.value, 99)]);
      }
    }
    const verdict = verdictOf(result, group);
    verdicts.push(verdict[0] ?? 'R');
    segments.push(['AK5', ...verdict]);
  }
  // A set that was accepted with errors noted was accepted.
  const accepted = verdicts.filter((one) => one !== 'R').length;
  const isWhole = accepted === results.length && group.problems.length === 0;
  const whole = isWhole ? (verdicts.includes('E') ? 'E' : 'A') : accepted === 0 ? 'R' : 'P';
  const counts = [group.included, results.length, accepted].map(String);
  segments.push(['AK9', whole, ...counts, ...group.problems]);
  return { id: '997', segments };
}
