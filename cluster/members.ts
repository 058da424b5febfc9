// The members of a region as they all see them: a pure, versioned list and its form in the store's register. Who may
// own partitions follows from it (`eligible`), and so does the ring. Pure: no clock, no I/O.
import type { Durability } from '../protocol/index.ts';
import {
  MEMBER_ADDRESS_CHARS_MAX,
  MEMBER_HOST_CHARS_MAX,
  MEMBER_NAME_CHARS_MAX,
  MEMBER_VIEW_CHARS_MAX,
  MEMBERS_MAX,
  PARTITIONS_MAX,
} from './member-limits.ts';

/** up: may own partitions. draining: still serves what it has, and is being emptied. */
export type MemberStatus = 'up' | 'draining';

/** One worker. All texts are printable ASCII without spaces. */
export interface Member {
  /** Unique in the region. */
  readonly id: string;
  /** Where other workers reach it: `unix:/path` or `tcp:host:port`. */
  readonly mesh: string;
  /** Where clients reach this very worker. */
  readonly url: string;
  /** Its home lane: the journal lane that the partitions it owns are in. No two members have the same. */
  readonly lane: string;
  /** The machine it runs on. */
  readonly host: string;
  readonly status: MemberStatus;
  /** Of its software. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly joinedAt: number;
  /** Where workers of other regions reach it, as `mesh`; absent when none can. */
  readonly regionsMesh?: string;
  /** What its acknowledgements survive; absent where earlier software wrote the entry. */
  readonly durability?: Durability;
}

export interface MemberView {
  /**
   * Grows with each change; 0 before the first. That of the register it was read from, or greater: once the store has lost
   * changes its own version comes again, and this must not.
   */
  readonly version: number;
  /** Sorted by id. */
  readonly members: readonly Member[];
  /** The id that each partition belongs to: index = partition. Absent where nothing has been placed. */
  readonly placement?: readonly string[];
}

/** The change does not fit the view: a member of this id or with this lane is there, or there are too many. */
export class MemberRefused extends Error {
  override readonly name = 'MemberRefused';
}

/** What is in the register is not a member view; the message says where it is broken. Never overwrite it. */
export class BrokenMemberView extends Error {
  override readonly name = 'BrokenMemberView';
}

export const EMPTY_VIEW: MemberView = { version: 0, members: [] };

// Each change returns the view itself when there is nothing to change, and otherwise a view of the next version. So a
// change may be applied again to a view that it already landed in.

/**
 * Adds a member. The very same member twice is one.
 * @throws MemberRefused when another has its id or lane (a worker that came back uses `replace`), or there are too many
 * @throws RangeError when the member itself is malformed
 */
export function join(view: MemberView, member: Member): MemberView {
  const known = find(view, member.id);
  if (known === undefined) return withMembers(view, [...view.members, checked(member)]);
  if (isSame(known, member)) return view;
  throw new MemberRefused(`member ${member.id} has joined already, from ${known.host}`);
}

/** Removes a member. */
export function leave(view: MemberView, id: string): MemberView {
  if (find(view, id) === undefined) return view;
  return withMembers(
    view,
    view.members.filter((member) => member.id !== id),
  );
}

/** Changes the status of a member; who is not there has none to change. */
export function setStatus(view: MemberView, id: string, status: MemberStatus): MemberView {
  const known = find(view, id);
  if (known === undefined || known.status === status) return view;
  return withMembers(
    view,
    view.members.map((member) => (member.id === id ? { ...member, status } : member)),
  );
}

/**
 * Puts `successor` in the place of the member `id`, in one version: a worker that came back, under its old id or a new
 * one, is not seen as a leave and a join. Joins it when there is no such member.
 * @throws MemberRefused, RangeError as join
 */
export function replace(view: MemberView, id: string, successor: Member): MemberView {
  const known = find(view, successor.id);
  if (known !== undefined && isSame(known, successor) && (id === successor.id || find(view, id) === undefined)) {
    return view;
  }
  const others = view.members.filter((member) => member.id !== id && member.id !== successor.id);
  return withMembers(view, [...others, checked(successor)]);
}

export function find(view: MemberView, id: string): Member | undefined {
  return view.members.find((member) => member.id === id);
}

/** The ids that partitions may be placed on, sorted: of those that are up, or of all when none is. */
export function eligible(view: MemberView): readonly string[] {
  const up = view.members.filter((member) => member.status === 'up');
  return (up.length > 0 ? up : view.members).map((member) => member.id);
}

/** The weakest first. */
const DURABILITIES: readonly Durability[] = ['memory', 'fsync', 'replicated'];

/** The levels of the members, each once, the weakest first; empty where none is known. */
export function durabilitiesOf(view: MemberView): readonly Durability[] {
  return DURABILITIES.filter((level) => view.members.some(({ durability }) => durability === level));
}

/** The register's value for a view. */
export function formatView({ version, members, placement }: MemberView): string {
  const places = new Map(members.map(({ id }, place) => [id, place]));
  return JSON.stringify({ version, members, placement: placement?.map((id) => places.get(id)) });
}

/**
 * Reads what formatView wrote. Fields that this software does not know are left out.
 * @param registered the version of the register; an empty value is the empty view
 * @throws BrokenMemberView
 */
export function parseView(value: string, registered: number): MemberView {
  if (value === '') return { version: registered, members: [] };
  if (value.length > MEMBER_VIEW_CHARS_MAX)
    throw new BrokenMemberView(`longer than ${MEMBER_VIEW_CHARS_MAX} characters`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw new BrokenMemberView('not JSON');
  }
  // Views of earlier software have no version of their own and no placement.
  const { members, version: own = 0, placement } = isRecord(parsed) ? parsed : {};
  if (!Number.isSafeInteger(own) || (own as number) < 0) throw new BrokenMemberView('version: not a whole number');
  const version = Math.max(own as number, registered);
  if (!Array.isArray(members)) throw new BrokenMemberView('members: not a list');
  // Before its members are looked at one by one.
  if (members.length > MEMBERS_MAX) throw new BrokenMemberView(`members: more than ${MEMBERS_MAX}`);
  try {
    const sorted = inOrder(members.map(memberOf));
    return {
      version,
      members: sorted,
      ...(placement === undefined ? {} : { placement: placementIn(placement, sorted) }),
    };
  } catch (error) {
    if (error instanceof RangeError || error instanceof MemberRefused) throw new BrokenMemberView(error.message);
    throw error;
  }
}

/** @throws BrokenMemberView */
function placementIn(places: unknown, members: readonly Member[]): readonly string[] {
  if (!Array.isArray(places) || places.length > PARTITIONS_MAX)
    throw new BrokenMemberView(`placement: not a list of at most ${PARTITIONS_MAX}`);
  return places.map((place: unknown, partition) => {
    const id = Number.isSafeInteger(place) ? members[place as number]?.id : undefined;
    if (id === undefined) throw new BrokenMemberView(`placement: partition ${partition} belongs to nobody`);
    return id;
  });
}

function withMembers(view: MemberView, members: readonly Member[]): MemberView {
  return { ...view, version: view.version + 1, members: inOrder(members) };
}

/** Sorted, so that equal sets are equal views. @throws MemberRefused when they cannot be in one view */
function inOrder(members: readonly Member[]): readonly Member[] {
  if (members.length > MEMBERS_MAX) throw new MemberRefused(`a region has at most ${MEMBERS_MAX} members`);
  const sorted = members.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const laneOwners = new Map<string, string>();
  for (const [i, { id, lane }] of sorted.entries()) {
    if (sorted[i - 1]?.id === id) throw new MemberRefused(`member ${id} is there twice`);
    const other = laneOwners.get(lane);
    if (other !== undefined)
      throw new MemberRefused(`lane ${lane} is the home of ${other} and cannot be that of ${id}`);
    laneOwners.set(lane, id);
  }
  return sorted;
}

const PRINTABLE = /^[\x21-\x7e]+$/;

/** The fields of a member, each with what it must be: a total record, so that a new field cannot be forgotten. */
const FIELDS: { readonly [Field in keyof Member]-?: (value: unknown) => Member[Field] | undefined } = {
  // The ring's package cannot tell this one from the absence of a member.
  id: (value) => (value === '__proto__' ? undefined : text(value, MEMBER_NAME_CHARS_MAX)),
  mesh: (value) => text(value, MEMBER_ADDRESS_CHARS_MAX),
  url: (value) => text(value, MEMBER_ADDRESS_CHARS_MAX),
  lane: (value) => text(value, MEMBER_NAME_CHARS_MAX),
  host: (value) => text(value, MEMBER_HOST_CHARS_MAX),
  status: (value) => (value === 'up' || value === 'draining' ? value : undefined),
  version: (value) => text(value, MEMBER_NAME_CHARS_MAX),
  joinedAt: (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined),
  regionsMesh: (value) => text(value, MEMBER_ADDRESS_CHARS_MAX),
  durability: (value) => DURABILITIES.find((level) => level === value),
};
/** What a member may lack. */
const OPTIONAL: ReadonlySet<keyof Member> = new Set(['regionsMesh', 'durability'] as const);
const FIELD_NAMES = Object.keys(FIELDS) as (keyof Member)[];

function text(value: unknown, charsMax: number): string | undefined {
  return typeof value === 'string' && value.length <= charsMax && PRINTABLE.test(value) ? value : undefined;
}

/** @throws RangeError naming the member by its place, and the field */
function memberOf(value: unknown, place: number): Member {
  if (!isRecord(value)) throw new RangeError(`member ${place}: not an object`);
  const member: Record<string, unknown> = {};
  for (const field of FIELD_NAMES) {
    if (OPTIONAL.has(field) && !Object.hasOwn(value, field)) continue;
    const own = Object.hasOwn(value, field) ? FIELDS[field](value[field]) : undefined;
    if (own === undefined) throw new RangeError(`member ${place}: ${field} is missing or malformed`);
    member[field] = own;
  }
  return member as unknown as Member;
}

/** What a caller passes in is held to the same as what is read, or nobody could read it. @throws RangeError */
function checked(member: Member): Member {
  return memberOf(member, 0);
}

function isSame(left: Member, right: Member): boolean {
  return FIELD_NAMES.every((field) => left[field] === right[field]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
