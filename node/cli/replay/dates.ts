// When a line of the order file happened. The one rule of the replay and of its recomputation: were there two, they
// would leave out different lines, and a grid that is right would be accused.

/** What a date looks like, for people. */
export const DATE_FORMATS = 'YYYY-MM-DD HH:MM[:SS] (or with a T between) or M/D/YYYY H:MM[:SS]';

const ISO = /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)[ T](?<hour>\d\d):(?<minute>\d\d)(:(?<second>\d\d))?$/;
const AMERICAN =
  /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4}) (?<hour>\d{1,2}):(?<minute>\d\d)(:(?<second>\d\d))?$/;

/** Milliseconds since the epoch, the file's local time read as UTC; undefined when it is no date of DATE_FORMATS. */
export function instantOf(text: string): number | undefined {
  const parts = (ISO.exec(text) ?? AMERICAN.exec(text))?.groups;
  if (parts === undefined) return undefined;
  const part = (name: string): number => Number(parts[name] ?? 0);
  const [day, hour, minute, second] = [part('day'), part('hour'), part('minute'), part('second')];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const at = Date.UTC(part('year'), part('month') - 1, day, hour, minute, second);
  // A month or a day that there is not rolls over into another.
  return new Date(at).getUTCDate() === day && new Date(at).getUTCMonth() === part('month') - 1 ? at : undefined;
}
