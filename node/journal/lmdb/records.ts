// The small records of the state table: JSON values, and the version of the head.
import { getLastVersion } from 'lmdb';
import type { Environment, StateKey } from './environment.ts';

export function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function readJson<T>(environment: Environment, key: Exclude<StateKey, 'head'>): T | undefined {
  const value = environment.tables.state.get(key);
  return value === undefined ? undefined : (JSON.parse(value.toString('utf8')) as T);
}

/** The head's version is the lane's last seq. */
export function lastSeqOf(environment: Environment): number {
  return environment.tables.state.get('head') === undefined ? 0 : getLastVersion();
}
