// Members for tests: whole ones from an id, and arbitrary ones.
import fc from 'fast-check';
import { EMPTY_VIEW, join, type Member, type MemberView } from '../members.ts';

/** A member with everything that follows from its id. */
export function memberOf(id: string, fields: Partial<Member> = {}): Member {
  return {
    id,
    mesh: `tcp:10.0.0.1:${id}`,
    url: `ws://10.0.0.1/${id}`,
    lane: `lane-${id}`,
    host: 'host-1',
    status: 'up',
    version: '0.1.0',
    joinedAt: 1_790_000_000_000,
    ...fields,
  };
}

export function viewOf(...members: (string | Member)[]): MemberView {
  return members.reduce<MemberView>(
    (view, member) => join(view, typeof member === 'string' ? memberOf(member) : member),
    EMPTY_VIEW,
  );
}

function printable(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
  return fc.string({ unit, minLength: 1, maxLength });
}

/** Any member that may be in a view. */
export const anyMember: fc.Arbitrary<Member> = fc.record(
  {
    id: printable(64),
    mesh: printable(512),
    url: printable(512),
    lane: printable(64),
    host: printable(255),
    status: fc.constantFrom('up', 'draining'),
    version: printable(64),
    joinedAt: fc.maxSafeNat(),
    regionsMesh: printable(512),
    durability: fc.constantFrom('memory', 'fsync', 'replicated'),
  },
  { requiredKeys: ['id', 'mesh', 'url', 'lane', 'host', 'status', 'version', 'joinedAt'] },
);
