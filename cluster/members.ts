// Who works in a region: one small value in the region's register, which every worker reads and changes by
// compare-and-set. The same view gives the same ring everywhere.

export type MemberStatus = 'up' | 'draining';

export interface Member {
  /** The same over restarts of the worker. */
  readonly id: string;
  /** Where other workers reach it. */
  readonly mesh: string;
  /** Where clients reach it and no other. */
  readonly url: string;
  /** Its home lane. */
  readonly lane: string;
  readonly host: string;
  readonly status: MemberStatus;
  /** Of its software. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly joinedAt: number;
}

export interface MemberView {
  /** Of the register. */
  readonly version: number;
  /** Sorted by id. */
  readonly members: readonly Member[];
}

/** The register holds something that is no view. */
export class ViewUnreadable extends Error {
  override readonly name = 'ViewUnreadable';
}

const MEMBERS_MAX = 1_024;

export const EMPTY_VIEW: MemberView = { version: 0, members: [] };

/** Adds a member, or takes its new particulars. @throws RangeError beyond 1,024 members */
export function join(view: MemberView, member: Member): MemberView {
  const others = view.members.filter(({ id }) => id !== member.id);
  if (others.length >= MEMBERS_MAX) throw new RangeError(`a region has at most ${MEMBERS_MAX} workers`);
  return { ...view, members: [...others, member].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** The same view when there is no such member. */
export function leave(view: MemberView, id: string): MemberView {
  const members = view.members.filter((member) => member.id !== id);
  return members.length === view.members.length ? view : { ...view, members };
}

/** The same view when there is no such member, or it has that status. */
export function setStatus(view: MemberView, id: string, status: MemberStatus): MemberView {
  const member = view.members.find((other) => other.id === id);
  return member === undefined || member.status === status ? view : join(view, { ...member, status });
}

/** Those that partitions may be placed on: who is not leaving, or all when all are. */
export function eligible(view: MemberView): readonly Member[] {
  const up = view.members.filter(({ status }) => status === 'up');
  return up.length > 0 ? up : view.members;
}

export function formatView(view: MemberView): string {
  return JSON.stringify({ members: view.members });
}

/** @throws ViewUnreadable */
export function parseView(version: number, text: string): MemberView {
  if (text === '') return { version, members: [] };
  try {
    const { members } = JSON.parse(text) as { members: Member[] };
    for (const member of members) {
      for (const field of ['id', 'mesh', 'url', 'lane', 'host', 'version'] as const) {
        if (typeof member[field] !== 'string') throw new Error(`${field} of a member is no text`);
      }
      if (member.status !== 'up' && member.status !== 'draining') throw new Error(`status ${member.status}`);
    }
    return { version, members };
  } catch (error) {
    throw new ViewUnreadable(`the region's register holds no view of its workers: ${(error as Error).message}`);
  }
}
