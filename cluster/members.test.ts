// The member view: its changes, and its form in the register.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BrokenMemberView,
  durabilitiesOf,
  EMPTY_VIEW,
  eligible,
  formatView,
  join,
  leave,
  type Member,
  MemberRefused,
  type MemberView,
  parseView,
  replace,
  setStatus,
} from './members.ts';
import { anyMember, memberOf, viewOf } from './testing/given-members.ts';

const anyView: fc.Arbitrary<MemberView> = fc
  .uniqueArray(anyMember, {
    maxLength: 12,
    comparator: (left, right) => left.id === right.id || left.lane === right.lane,
  })
  .map((members) => viewOf(...members));

describe('changes of the view', () => {
  test('given any members in any order, when all have joined, then the view is the same', () => {
    const shuffled = anyView.chain(({ members }) =>
      fc.tuple(fc.constant(members), fc.shuffledSubarray([...members], { minLength: members.length })),
    );
    fc.assert(
      fc.property(shuffled, ([members, order]) => {
        expect(viewOf(...order)).toEqual(viewOf(...members));
      }),
    );
  });

  test('given any view, when it is changed, then there is a next version that can be read back, or the very same view', () => {
    const change = fc.oneof(
      anyMember.map((member) => (view: MemberView) => join(view, member)),
      fc.nat(12).map((i) => (view: MemberView) => leave(view, view.members[i]?.id ?? 'nobody')),
      fc.tuple(fc.nat(12), fc.constantFrom('up' as const, 'draining' as const)).map(
        ([i, status]) =>
          (view: MemberView) =>
            setStatus(view, view.members[i]?.id ?? 'nobody', status),
      ),
      fc.tuple(fc.nat(12), anyMember).map(
        ([i, member]) =>
          (view: MemberView) =>
            replace(view, view.members[i]?.id ?? 'nobody', member),
      ),
    );
    fc.assert(
      fc.property(anyView, change, (view, apply) => {
        const before = formatView(view);
        const once = attempt(() => apply(view));
        fc.pre(once !== undefined);

        expect([view.version, view.version + 1]).toContain(once.version);
        expect(once === view).toBe(once.version === view.version);
        expect(formatView(view)).toBe(before);
        expect(parseView(formatView(once), once.version)).toEqual(once);
      }),
    );
  });

  test('given a change that landed already, when it is applied again, then there is nothing to change', () => {
    const view = viewOf('a', 'b');
    const c = memberOf('c');
    for (const apply of [
      (at: MemberView) => join(at, c),
      (at: MemberView) => leave(at, 'a'),
      (at: MemberView) => setStatus(at, 'b', 'draining'),
      (at: MemberView) => replace(at, 'a', c),
      (at: MemberView) => replace(at, 'a', memberOf('a', { url: 'ws://elsewhere' })),
    ]) {
      const once = apply(view);

      expect(once.version).toBe(view.version + 1);
      expect(apply(once)).toBe(once);
    }
  });

  test('given a member that came back, when it replaces itself, then it keeps its lane and nobody saw it leave', () => {
    const view = viewOf('a', 'b');

    const next = replace(view, 'a', memberOf('a2', { lane: 'lane-a' }));

    expect(next.version).toBe(view.version + 1);
    expect(next.members.map(({ id, lane }) => [id, lane])).toEqual([
      ['a2', 'lane-a'],
      ['b', 'lane-b'],
    ]);
  });

  test('given an id or a lane that is taken, when another joins with it, then it is refused', () => {
    const view = viewOf('a', 'b');

    expect(() => join(view, memberOf('a', { host: 'host-2' }))).toThrow(MemberRefused);
    expect(() => join(view, memberOf('c', { lane: 'lane-a' }))).toThrow('lane lane-a is the home of a');
    expect(() => replace(view, 'a', memberOf('c', { lane: 'lane-b' }))).toThrow(MemberRefused);
  });

  test('given as many members as there may be, when one more joins, then it is refused', () => {
    const members = Array.from({ length: 1_024 }, (_, i) => memberOf(`w${i}`));
    const view = parseView(JSON.stringify({ members }), 7);

    expect(() => join(view, memberOf('more'))).toThrow(MemberRefused);
    expect(replace(view, 'w7', memberOf('more')).members).toHaveLength(1_024);
    expect(() => parseView(JSON.stringify({ members: [...members, memberOf('more')] }), 7)).toThrow(BrokenMemberView);
  });

  test('given the most members with the longest texts, then what is written can be read', () => {
    const members = Array.from({ length: 1_024 }, (_, i) =>
      memberOf(`${i}`.padEnd(64, '"'), {
        mesh: '"'.repeat(512),
        url: '"'.repeat(512),
        lane: `${i}`.padEnd(64, '"'),
        host: '"'.repeat(255),
        version: '"'.repeat(64),
        joinedAt: Number.MAX_SAFE_INTEGER,
        regionsMesh: '"'.repeat(512),
      }),
    );

    expect(parseView(JSON.stringify({ members }), 1).members).toHaveLength(1_024);
  });

  test.each([
    { field: 'id', value: '__proto__' },
    { field: 'id', value: '' },
    { field: 'lane', value: 'with space' },
    { field: 'url', value: 'u'.repeat(513) },
    { field: 'joinedAt', value: -1 },
    { field: 'regionsMesh', value: '' },
    { field: 'durability', value: 'some' },
  ])(
    'given a member whose $field is malformed, when it joins, then it is refused, since nobody could read it',
    (given) => {
      const member = { ...memberOf('a'), [given.field]: given.value } as Member;

      expect(() => join(EMPTY_VIEW, member)).toThrow(`${given.field} is missing or malformed`);
      expect(() => replace(EMPTY_VIEW, 'a', member)).toThrow(RangeError);
    },
  );
});

describe('eligible', () => {
  test('given members that are up and draining, then those that are up', () => {
    expect(eligible(viewOf('b', memberOf('a', { status: 'draining' }), 'c'))).toEqual(['b', 'c']);
  });

  test('given none that is up, then all: partitions must be somewhere', () => {
    const draining = ['b', 'a'].map((id) => memberOf(id, { status: 'draining' }));

    expect(eligible(viewOf(...draining))).toEqual(['a', 'b']);
    expect(eligible(EMPTY_VIEW)).toEqual([]);
  });
});

describe('the durabilities of a region', () => {
  test('given members of several levels, then each level is named once, the weakest first; who says none is left out', () => {
    const [weak, strong, same] = (['fsync', 'replicated', 'replicated'] as const).map((durability, n) =>
      memberOf(`m${n}`, { durability }),
    ) as [Member, Member, Member];

    expect(durabilitiesOf(viewOf(strong, same, weak, 'old'))).toEqual(['fsync', 'replicated']);
    expect(durabilitiesOf(viewOf(strong, same))).toEqual(['replicated']);
    expect(durabilitiesOf(viewOf('old'))).toEqual([]);
  });
});

describe('the form in the register', () => {
  test('given any view, when written and read, then it is the same, and equal views have one form', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        expect(parseView(formatView(view), view.version)).toEqual(view);
        const reversed = JSON.stringify({ version: view.version, members: view.members.toReversed() });
        expect(formatView(parseView(reversed, 0))).toBe(formatView(view));
      }),
    );
  });

  test('given a register that begins again behind the view in it, then the version does not go back', () => {
    expect(parseView(formatView({ version: 7, members: [] }), 2).version).toBe(7);
    expect(parseView(formatView({ version: 7, members: [] }), 8).version).toBe(8);
    expect(parseView('{"members":[]}', 2).version).toBe(2);
    for (const version of ['"7"', '-1', '0.5', 'null']) {
      expect(() => parseView(`{"version":${version},"members":[]}`, 2)).toThrow(BrokenMemberView);
    }
  });

  test('given a register that was never written, then the view is empty', () => {
    expect(parseView('', 0)).toEqual(EMPTY_VIEW);
  });

  test('given fields of later software, then they are left out', () => {
    const value = JSON.stringify({ shape: 2, members: [{ ...memberOf('a'), weight: 3 }] });

    expect(parseView(value, 4)).toEqual({ version: 4, members: [memberOf('a')] });
  });

  test('given any field of any member missing or of another type, then the error names it', () => {
    const broken = fc.constantFrom(undefined, null, true, {}, [], '', 'a b', 'é', 'x'.repeat(600), -1, 0.5, 2 ** 53);
    fc.assert(
      fc.property(fc.nat(2), fc.constantFrom(...Object.keys(memberOf('a'))), broken, (place, field, value) => {
        const members: object[] = ['a', 'b', 'c'].map((id) => memberOf(id));
        members[place] = { ...members[place], [field]: value };

        expect(() => parseView(JSON.stringify({ members }), 1)).toThrow(
          new BrokenMemberView(`member ${place}: ${field} is missing or malformed`),
        );
      }),
    );
  });

  test.each([
    ['{', 'not JSON'],
    ['null', 'not a list'],
    ['[]', 'not a list'],
    ['{"members":{}}', 'not a list'],
    ['{"members":[7]}', 'member 0: not an object'],
    [JSON.stringify({ members: [memberOf('a'), memberOf('a')] }), 'member a is there twice'],
    [JSON.stringify({ members: [memberOf('a'), memberOf('b', { lane: 'lane-a' })] }), 'lane lane-a is the home of a'],
    [' '.repeat(5 * 2 ** 20 + 1), 'longer than'],
  ])('given a value that is no view, then it is a clear error: %.40s', (value, message) => {
    expect(() => parseView(value, 1)).toThrow(BrokenMemberView);
    expect(() => parseView(value, 1)).toThrow(message);
  });

  test('given any text, then it is a view or a clear error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (value) => {
        const view = attempt(() => parseView(value, 1), BrokenMemberView);
        if (view !== undefined) expect(view.version).toBe(1);
      }),
    );
  });
});

/** The result, or undefined when it was refused. */
function attempt(
  run: () => MemberView,
  refused: new (message: string) => Error = MemberRefused,
): MemberView | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof refused) return undefined;
    throw error;
  }
}
