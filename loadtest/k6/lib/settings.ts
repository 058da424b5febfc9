// What is asked for on the command line (`npm run loadtest -- …` passes it on as variables).
import type { Encoding } from '../../../protocol/encoding.ts';

export const ENCODING: Encoding = __ENV.PROTOCOL === 'json' ? 'json' : 'msgpack';
/** Of the grid, ws://host:port. */
export const URL = (__ENV.URL ?? 'ws://127.0.0.1:7400').replace(/\/$/, '');
export const HTTP_URL = URL.replace(/^ws/, 'http');
export const REGION = __ENV.REGION ?? 'eu-west';
/** Without a file name's ending: where the summary and the report go. */
export const REPORT = __ENV.REPORT ?? 'loadtest-report';
export const SCENARIO = __ENV.SCENARIO ?? 'loadtest';
/** So that runs against the same grid do not meet. */
export const RUN = __ENV.RUN ?? String(Date.now());

/** A positive number that may be asked for. @throws Error naming the variable */
export function setting(name: string, usual: number): number {
  const asked = __ENV[name];
  if (asked === undefined || asked === '') return usual;
  const value = Number(asked);
  if (!(value > 0)) throw new Error(`${name} must be a positive number, not ${asked}`);
  return value;
}

/** `30s`, `5m` or `2h` in ms. @throws Error naming the variable */
export function duration(name: string, usualMs: number): number {
  const asked = __ENV[name];
  if (asked === undefined || asked === '') return usualMs;
  const [, count, unit] = /^(\d+)(s|m|h)$/.exec(asked) ?? [];
  if (count === undefined) throw new Error(`${name} must be like 30s, 5m or 2h, not ${asked}`);
  return Number(count) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
}
