// What the lanes of a region share, in a small environment of its own so that its commits wait for no lane's: the
// region's layout, the list of its lanes, and its register. Every change is one transaction, safe between processes.
import type { RegionLayout, Registered } from '../port.ts';
import type { Environment } from './environment.ts';
import { checkLayout } from './ownership.ts';
import { json, readJson } from './records.ts';

/**
 * Fixes the region's layout, unless it is fixed already.
 * @param first the layout of the first lane, where an older version kept it alone
 * @throws LayoutMismatch
 */
export function fixLayout(members: Environment, first: RegionLayout | undefined, asked: RegionLayout): void {
  members.refresh();
  const { region, partitions, hash } = asked;
  const fix = (): RegionLayout => {
    const fixed = readJson<RegionLayout>(members, 'layout');
    if (fixed !== undefined) return fixed;
    const layout = first ?? { region, partitions, hash };
    members.tables.state.putSync('layout', json(layout), 1);
    return layout;
  };
  checkLayout(readJson<RegionLayout>(members, 'layout') ?? members.transact(fix), asked, members.directory);
}

/** Sorted; of an older version's region, the first lane need not be listed. */
export function listedLanes(members: Environment): readonly string[] {
  members.refresh();
  return readJson<string[]>(members, 'lanes') ?? [];
}

export function listLane(members: Environment, lane: string): void {
  if (listedLanes(members).includes(lane)) return;
  members.transact(() => {
    const lanes = new Set(readJson<string[]>(members, 'lanes')).add(lane);
    members.tables.state.putSync('lanes', json([...lanes].sort()), 1);
  });
}

export function readRegister(members: Environment): Registered {
  members.refresh();
  return readJson<Registered>(members, 'register') ?? NEVER_WRITTEN;
}

export function writeRegister(members: Environment, expected: number, value: string): boolean {
  return members.transact(() => {
    const { version } = readJson<Registered>(members, 'register') ?? NEVER_WRITTEN;
    if (version !== expected) return false;
    members.tables.state.putSync('register', json({ version: expected + 1, value }), 1);
    return true;
  });
}

export const NEVER_WRITTEN: Registered = { version: 0, value: '' };
