// Membership over a register that is slow, fails, loses answers and is written by others.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BrokenMemberView, formatView, join, leave, MemberRefused, type MemberView, setStatus } from './members.ts';
import { Membership, MembershipContended, MembershipStopped, type RegisterPort } from './membership.ts';
import { memberOf, viewOf } from './testing/given-members.ts';
import { FakeRegister, type Fate, ManualClock, settle } from './testing/membership-world.ts';

const POLL_MS = 250;

function world(fate?: () => Fate) {
  const clock = new ManualClock();
  const register = new FakeRegister(clock);
  const lines: string[] = [];
  const open = (port: RegisterPort = register.port(fate)) =>
    new Membership({ register: port, runtime: clock, log: (line) => lines.push(line) });
  return { clock, register, lines, open };
}

function versionsTold(membership: Membership): number[] {
  const versions: number[] = [];
  membership.onChange((view) => versions.push(view.version));
  return versions;
}

const joins = (id: string) => (view: MemberView) => join(view, memberOf(id));

describe('seeing the members', () => {
  test('given another worker that changes them, then it is told once, within the polling interval', async () => {
    const { clock, register, open } = world();
    const membership = open();
    const told = versionsTold(membership);
    membership.start();
    await settle();
    expect(membership.view).toEqual({ version: 0, members: [] });

    register.put(formatView(viewOf('a')));
    await clock.advance(POLL_MS);
    expect(membership.view).toEqual(viewOf('a'));

    await clock.advance(5 * POLL_MS);
    expect(told).toEqual([1]);
  });

  test('given an answer that overtakes an older one, then the older one is not told', async () => {
    const fates: Fate[] = [
      { thereMs: 0, backMs: 500 },
      { thereMs: 0, backMs: 10 },
    ];
    const { clock, register, open, lines } = world(() => fates.shift() ?? { thereMs: 0, backMs: 0 });
    const membership = open();
    const told = versionsTold(membership);
    register.put(formatView(viewOf('a')));
    const slow = membership.refresh();
    await settle();
    register.put(formatView(viewOf('a', 'b')));
    await Promise.all([membership.update((view) => view), clock.advance(10)]);
    expect(told).toEqual([2]);

    await clock.advance(500);
    expect((await slow).version).toBe(2);
    expect(told).toEqual([2]);
    expect(lines).toEqual([]);
  });

  test('given many who ask while a read is under way, then they share one that begins after they asked', async () => {
    const { clock, register, open } = world(() => ({ thereMs: 0, backMs: 20 }));
    const membership = open();
    const first = membership.refresh();
    await settle();
    register.put(formatView(viewOf('a')));
    const later = Array.from({ length: 50 }, () => membership.refresh());
    await clock.advance(40);

    expect((await first).version).toBe(0);
    for (const view of await Promise.all(later)) expect(view.version).toBe(1);
    expect(register.reads).toBe(2);
  });

  test('given an outage, then it is logged once with its end, polling goes on, and the view stands', async () => {
    let down = false;
    const { clock, register, open, lines } = world(() => ({ thereMs: 0, backMs: 0, ...(down && { lost: 'call' }) }));
    const membership = open();
    register.put(formatView(viewOf('a')));
    membership.start();
    await settle();

    for (let outage = 1; outage <= 2; outage++) {
      down = true;
      await clock.advance(4 * POLL_MS);
      expect(membership.view.version).toBe(outage);
      down = false;
      register.put(formatView(viewOf('a', `b${outage}`)));
      await clock.advance(POLL_MS);
      expect(membership.view.version).toBe(outage + 1);
    }

    expect(lines).toEqual([
      'the members cannot be read (the store is down); version 1 stands until they can',
      'the members can be read again, after 1000 ms',
      'the members cannot be read (the store is down); version 2 stands until they can',
      'the members can be read again, after 1000 ms',
    ]);
  });

  test('given a broken value, then it is logged once, refused to those who ask, and never overwritten', async () => {
    const { clock, register, open, lines } = world();
    const membership = open();
    register.put(formatView(viewOf('a')));
    membership.start();
    await settle();
    register.put('{"members":7}');
    await clock.advance(4 * POLL_MS);

    expect(membership.view).toEqual(viewOf('a'));
    await expect(membership.refresh()).rejects.toThrow(BrokenMemberView);
    await expect(membership.update(joins('b'))).rejects.toThrow(BrokenMemberView);
    expect(register.writes).toBe(0);
    expect(lines).toEqual(['the members cannot be read (members: not a list); version 1 stands until they can']);
  });

  test.each([
    { loss: 'went back', version: 1, members: ['a'] },
    { loss: 'came to the same version another way', version: 2, members: ['a', 'c'] },
  ])(
    'given a store that $loss, then it is said once, and what it has is written as a version that is newer',
    async ({ version, members }) => {
      const { clock, register, open, lines } = world();
      const membership = open();
      const told = versionsTold(membership);
      register.put(formatView(viewOf('a', 'b')), 2);
      membership.start();
      await settle();

      register.put(formatView(viewOf(...members)), version);
      await clock.advance(4 * POLL_MS);

      expect(told).toEqual([2, 3]);
      expect(membership.view.members.map(({ id }) => id)).toEqual(members);
      expect([register.version, register.writes]).toEqual([version + 1, 1]);
      expect(lines).toEqual([
        `the store has lost changes of the members: version 2 was read, and now another ${version}`,
      ]);
      await membership.update((view) => leave(view, 'a'));
      expect(told).toEqual([2, 3, 4]);
    },
  );

  test('given a listener that fails and one that leaves, then the others are told all the same', async () => {
    const { register, open, lines } = world();
    const membership = open();
    const leaving = versionsTold(membership);
    membership.onChange(() => {
      throw new Error('not today');
    });
    const stop = membership.onChange((view) => leaving.push(view.version));
    const told = versionsTold(membership);
    stop();
    register.put(formatView(viewOf('a')));
    await membership.refresh();

    expect([leaving, told]).toEqual([[1], [1]]);
    expect(lines).toEqual(['a listener failed on version 1 of the members: not today']);
  });

  test('given it is stopped, then nothing is read or told any more, and no timer is left', async () => {
    const { clock, register, open } = world(() => ({ thereMs: 0, backMs: 30 }));
    const membership = open();
    const told = versionsTold(membership);
    membership.start();
    await clock.advance(POLL_MS);
    const updating = expect(membership.update(joins('a'))).rejects.toThrow(MembershipStopped);
    await settle();
    register.put(formatView(viewOf('b')));
    await clock.advance(70);
    register.put(formatView(viewOf('b', 'c')));
    const { reads, writes } = register;
    membership.stop();
    await clock.advance(10 * POLL_MS);

    await updating;
    await expect(membership.refresh()).rejects.toThrow(MembershipStopped);
    await expect(membership.update(joins('a'))).rejects.toThrow(MembershipStopped);
    expect(told).toEqual([1]);
    expect([register.reads, register.writes]).toEqual([reads, writes]);
    expect(clock.timers).toBe(0);
  });
});

describe('changing the members', () => {
  test('given a change, then it is written, returned and told, and one that changes nothing is not written', async () => {
    const { register, open } = world();
    const membership = open();
    const told = versionsTold(membership);

    expect(await membership.update(joins('a'))).toEqual(viewOf('a'));
    expect(await membership.update(joins('a'))).toEqual(viewOf('a'));
    expect(membership.view).toEqual(viewOf('a'));
    expect(told).toEqual([1]);
    expect([register.value, register.writes]).toEqual([formatView(viewOf('a')), 1]);
  });

  test('given a change that is refused, then it fails at once and nothing is written', async () => {
    const { register, open } = world();
    const membership = open();
    await membership.update(joins('a'));

    await expect(membership.update((view) => join(view, memberOf('b', { lane: 'lane-a' })))).rejects.toThrow(
      MemberRefused,
    );
    expect([register.reads, register.writes]).toEqual([2, 1]);
  });

  test('given a store that is down for seconds, then the change is made once it is back', async () => {
    let down = true;
    const { clock, open } = world(() => ({ thereMs: 0, backMs: 0, ...(down && { lost: 'call' }) }));
    const membership = open();
    const updating = membership.update(joins('a'));
    await clock.advance(5_000);
    down = false;
    await clock.advance(POLL_MS);

    expect(await updating).toEqual(viewOf('a'));
  });

  test('given a store that stays down, then the change fails with its error after a bounded time', async () => {
    const { clock, open, lines } = world(() => ({ thereMs: 0, backMs: 0, lost: 'call' }));
    const updating = expect(open().update(joins('a'))).rejects.toThrow('the store is down');
    await clock.advance(16_000);

    await updating;
    expect(clock.timers).toBe(0);
    expect(lines).toHaveLength(1);
  });

  test('given others who are always faster, then it gives up after a bounded number of attempts', async () => {
    const { clock, register, open } = world();
    const { read } = register.port();
    const membership = open({ read, write: () => Promise.resolve(false) });
    const updating = expect(membership.update(joins('a'))).rejects.toThrow(MembershipContended);
    await clock.advance(16_000);

    await updating;
    expect(register.reads).toBe(64);
  });

  test('given a region whose 48 workers start at once, then all have joined in the end', async () => {
    const { clock, open } = world(() => ({ thereMs: 2, backMs: 2 }));
    const ids = Array.from({ length: 48 }, (_, i) => `w${i}`);
    const joined = Promise.all(ids.map((id) => open().update(joins(id))));
    await clock.advance(16_000);

    expect((await joined).map(({ version }) => version).sort((left, right) => left - right)).toEqual(
      ids.map((_, i) => i + 1),
    );
  });

  test('given any delays, losses and concurrent changes, then each lands once and all see them, never backward', async () => {
    const anyFate = fc.record(
      {
        thereMs: fc.nat(40),
        backMs: fc.nat(400),
        lost: fc.constantFrom('call' as const, 'answer' as const),
      },
      { requiredKeys: ['thereMs', 'backMs'] },
    );
    const workers = ['a', 'b', 'c', 'd'];
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(anyFate),
        fc.array(fc.nat(300), { minLength: 4, maxLength: 4 }),
        async (fates, startsAt) => {
          let faulty = true;
          const { clock, open, register, lines } = world(() =>
            faulty ? fates.next().value : { thereMs: 1, backMs: 1 },
          );
          const told = workers.map((id, i) => {
            const membership = open();
            const versions = versionsTold(membership);
            membership.start();
            clock.after(startsAt[i] ?? 0, () => {
              void membership
                .update(joins(id))
                .then(() => membership.update((view) => setStatus(view, id, 'draining')))
                .then(() => (i === 0 ? membership.update((view) => leave(view, id)) : undefined));
            });
            return { membership, versions };
          });
          await clock.advance(4_000);
          faulty = false;
          await clock.advance(4_000);

          // Two changes of each, and the leave: none lost, none made twice.
          expect(register.version).toBe(2 * workers.length + 1);
          for (const { membership, versions } of told) {
            expect(membership.view.version).toBe(register.version);
            expect(membership.view.members.map(({ id, status }) => [id, status])).toEqual(
              workers.slice(1).map((id) => [id, 'draining']),
            );
            expect(versions).toEqual([...new Set(versions)].sort((left, right) => left - right));
            expect(versions.at(-1)).toBe(register.version);
          }
          expect(lines.filter((line) => line.includes('lost changes'))).toEqual([]);
          for (const { membership } of told) membership.stop();
        },
      ),
      { numRuns: 40 },
    );
  });
});
