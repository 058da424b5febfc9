// The keys of effects outside the order, by which each is made once (I16): unique among all regions, orders and tasks, and in letters that
// every service takes.
import { createHash } from 'node:crypto';
import { orderOfTask, taskName } from '../order/task-id.ts';

/** So long at most, as the grid takes it for a requestId; carriers take longer ones. */
const KEY_LENGTH_MAX = 64;
const PRINTABLE = /^[!-~]+$/;

/**
 * The key of one effect of a task: ASCII, 64 characters at most, the same whenever it is asked for. To be read by people where it can be
 * (`us-east/o-1/book#1`), else a hash of the same.
 * @param part what tells several effects of one task apart
 */
export function effectKey(region: string, taskId: string, ...part: readonly string[]): string {
  const names = [region, orderOfTask(taskId), taskName(taskId), ...part];
  const text = names.join('/');
  const isPlain = text.length <= KEY_LENGTH_MAX && PRINTABLE.test(text) && names.every((one) => !one.includes('/'));
  return isPlain ? text : createHash('sha256').update(JSON.stringify(names)).digest('base64url');
}

/**
 * A UUIDv7 of this time, the same for the same key: the grid refuses it for ever once it is older than its memory, and carries it out once
 * at most.
 * @param at ms since the epoch, by the grid's clock
 */
export function requestIdAt(at: number, key: string): string {
  const time = Math.trunc(at).toString(16).padStart(12, '0');
  const hash = createHash('sha256').update(key).digest('hex');
  const variant = ((Number.parseInt(hash.slice(3, 4), 16) & 3) | 8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${hash.slice(0, 3)}`,
    `${variant}${hash.slice(4, 7)}`,
    hash.slice(7, 19),
  ].join('-');
}
