// Placement by example, and against a small model of lanes, workers that see the view late, crashes and moves.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_VIEW, find, join, leave, type MemberView, setStatus } from './members.ts';
import { adopterOf, type HeldLane, type Holdings, type Move, nextMoves, ownersOf } from './placement.ts';
import { anyMember, memberOf, viewOf } from './testing/given-members.ts';

const PARTITIONS = 24;
const MOVES_MAX = 2;

function holdings(fields: Partial<Holdings>): Holdings {
  const view = fields.view ?? viewOf('a', 'b');
  return { view, owners: ownersOf(view, PARTITIONS), home: 'lane-a', lanes: [], moving: [], ...fields };
}

function move(partition: number, from: string, to: string): Move {
  return { partition, fromLane: `lane-${from}`, toMember: to, toLane: `lane-${to}` };
}

describe('the next moves', () => {
  test('given partitions of the home lane that belong to another, then they move there, two at a time', () => {
    const lanes = [{ lane: 'lane-a', open: [5, 3, 4, 1] }];
    const owners = ['b', 'b', 'b', 'a', 'b', 'b'];

    expect(nextMoves(holdings({ owners, lanes }))).toEqual([move(1, 'a', 'b'), move(4, 'a', 'b')]);
    expect(nextMoves(holdings({ owners, lanes }), 1)).toEqual([move(1, 'a', 'b')]);
  });

  test('given moves under way, then only as many more are started as may be, and none of a partition that moves', () => {
    const lanes = [{ lane: 'lane-a', open: [1, 2, 3] }];
    const owners = ['b', 'b', 'b', 'b'];

    expect(nextMoves(holdings({ owners, lanes, moving: [move(1, 'a', 'b')] }))).toEqual([move(2, 'a', 'b')]);
    expect(nextMoves(holdings({ owners, lanes, moving: [move(7, 'a', 'b'), move(8, 'a', 'b')] }))).toEqual([]);
  });

  test('given an adopted lane, then it is emptied first, and what belongs to this worker moves to its home', () => {
    const lanes = [
      { lane: 'lane-a', open: [0] },
      { lane: 'lane-y', open: [2] },
      { lane: 'lane-x', open: [1] },
    ];
    const owners = ['b', 'a', 'b'];

    expect(nextMoves(holdings({ owners, lanes }), 9)).toEqual([
      move(1, 'x', 'a'),
      move(2, 'y', 'b'),
      move(0, 'a', 'b'),
    ]);
  });

  test('given owners that are draining or gone, then nothing moves to them', () => {
    const view = viewOf('a', memberOf('b', { status: 'draining' }));
    const lanes = [{ lane: 'lane-a', open: [0, 1] }];

    expect(nextMoves(holdings({ view, owners: ['b', 'gone'], lanes }))).toEqual([]);
    expect(nextMoves(holdings({ view: EMPTY_VIEW, owners: [], lanes }))).toEqual([]);
  });

  test('given a member that still is in the view though this worker adopted its home, then nothing moves into that', () => {
    const lanes = [
      { lane: 'lane-a', open: [0] },
      { lane: 'lane-b', open: [1, 2] },
    ];

    expect(nextMoves(holdings({ owners: ['b', 'b', 'a'], lanes }))).toEqual([move(2, 'b', 'a')]);
  });

  test('given the lanes, partitions and members in any order, then the moves are the same', () => {
    const given = fc
      .tuple(
        fc.uniqueArray(fc.nat(PARTITIONS - 1)),
        fc.array(fc.constantFrom('a', 'x', 'y'), { minLength: PARTITIONS }),
      )
      .chain(([open, laneOf]) => {
        const lanes = ['a', 'x', 'y'].map((lane) => ({
          lane: `lane-${lane}`,
          open: open.filter((partition) => laneOf[partition] === lane),
        }));
        const shuffled = fc.tuple(
          ...lanes.map(({ lane, open }) =>
            fc.shuffledSubarray(open, { minLength: open.length }).map((open): HeldLane => ({ lane, open })),
          ),
        );
        return fc.tuple(
          fc.constant(lanes),
          shuffled.chain((held) => fc.shuffledSubarray([...held], { minLength: held.length })),
        );
      });
    fc.assert(
      fc.property(given, ([lanes, otherwise]) => {
        const view = viewOf('a', 'b', 'c');

        expect(nextMoves(holdings({ view, lanes: otherwise }))).toEqual(nextMoves(holdings({ view, lanes })));
      }),
    );
  });
});

describe('who adopts a lane', () => {
  const anyView = fc
    .uniqueArray(anyMember, {
      minLength: 1,
      maxLength: 12,
      comparator: (left, right) => left.id === right.id || left.lane === right.lane,
    })
    .map((members) => viewOf(...members));

  test('given any view, then all but the dead one, in an order that does not depend on the dead one, draining last', () => {
    fc.assert(
      fc.property(anyView, fc.string(), (view, lane) => {
        const dead = view.members[0]?.id ?? '';
        const adopters = adopterOf(lane, view, dead);

        expect([...adopters].sort()).toEqual(view.members.slice(1).map(({ id }) => id));
        expect(adopters).toEqual(adopterOf(lane, leave(view, dead)));
        expect(adopters).toEqual(adopterOf(lane, view).filter((id) => id !== dead));
        const draining = adopters.map((id) => find(view, id)?.status === 'draining');
        expect(draining).toEqual([...draining].sort());
      }),
    );
  });

  test('given many lanes, then each member is the first to adopt some of them', () => {
    const view = viewOf('a', 'b', 'c', 'd');
    const first = Array.from({ length: 60 }, (_, i) => adopterOf(`lane-${i}`, view)[0]);

    expect([...new Set(first)].sort()).toEqual(['a', 'b', 'c', 'd']);
  });
});

/** Workers, lanes and moves as ADR 10 has them. A worker acts on the view it read last. */
class Region {
  view: MemberView = EMPTY_VIEW;
  readonly seen = new Map<string, MemberView>();
  readonly holderOf = new Map<string, string>();
  /** The lane that has a partition; it still counts as open there while it moves, as it does until the seal is durable. */
  readonly laneOf: string[] = Array.from({ length: PARTITIONS }, () => 'lane-w0');
  moving: Move[] = [];
  #joined = 0;

  get workers(): string[] {
    return [...this.seen.keys()];
  }

  join(): void {
    const id = `w${this.#joined++}`;
    this.view = join(this.view, memberOf(id));
    this.holderOf.set(`lane-${id}`, id);
    this.seen.set(id, this.view);
  }

  drain(id: string): void {
    this.view = setStatus(this.view, id, 'draining');
  }

  /** A leave and a crash are the same to the others; the last one stays. */
  end(id: string): void {
    if (this.seen.size === 1) return;
    this.seen.delete(id);
    this.view = leave(this.view, id);
    for (const [lane, holder] of this.holderOf) if (holder === id) this.holderOf.delete(lane);
  }

  /** Orphan lanes that have a partition, or are to get one, are adopted. */
  adopt(): void {
    for (const lane of [...this.laneOf, ...this.moving.flatMap(({ fromLane, toLane }) => [fromLane, toLane])]) {
      if (this.holderOf.has(lane)) continue;
      this.holderOf.set(lane, adopterOf(lane, this.view)[0] as string);
    }
  }

  look(id: string): void {
    this.seen.set(id, this.view);
  }

  /** Has a worker start what it should; returns those moves. */
  place(id: string): readonly Move[] {
    const view = this.seen.get(id) as MemberView;
    const held = [...this.holderOf].filter(([, holder]) => holder === id).map(([lane]) => lane);
    const open = (lane: string) => [...this.laneOf.keys()].filter((partition) => this.laneOf[partition] === lane);
    const moving = this.moving.filter(({ fromLane }) => held.includes(fromLane));
    const lanes = held.map((lane) => ({ lane, open: open(lane) }));
    const moves = nextMoves({ view, owners: ownersOf(view, PARTITIONS), home: `lane-${id}`, lanes, moving }, MOVES_MAX);

    expect(moves.length).toBeLessThanOrEqual(Math.max(0, MOVES_MAX - moving.length));
    for (const next of moves) {
      expect(this.moving.map(({ partition }) => partition)).not.toContain(next.partition);
      expect(this.laneOf[next.partition]).toBe(next.fromLane);
      expect(next.toLane).not.toBe(next.fromLane);
      expect(find(view, next.toMember)).toMatchObject({ status: 'up', lane: next.toLane });
      this.moving.push(next);
    }
    return moves;
  }

  /** Finishes a move, if anybody holds both its lanes. */
  complete(done: Move): void {
    if (!this.holderOf.has(done.fromLane) || !this.holderOf.has(done.toLane)) return;
    this.moving = this.moving.filter((other) => other !== done);
    this.laneOf[done.partition] = done.toLane;
  }

  completeAll(): void {
    for (const each of this.moving) this.complete(each);
  }
}

/** `pick` chooses the worker or the move. */
interface Step {
  readonly kind: 'join' | 'adopt' | 'drain' | 'end' | 'look' | 'place' | 'complete';
  readonly pick: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  // Changes of the view are as frequent as steps of the moves, but ends are rarer than joins, so that there are workers.
  kind: fc.constantFrom(
    'join',
    'join',
    'adopt',
    'adopt',
    'drain',
    'end',
    'look',
    'place',
    'place',
    'place',
    'complete',
  ),
  pick: fc.nat(99),
});

function apply(region: Region, step: Step): void {
  if (step.kind === 'join') return region.join();
  if (step.kind === 'adopt') return region.adopt();
  const worker = region.workers[step.pick % region.workers.length] as string;
  if (step.kind === 'complete') {
    const done = region.moving[step.pick % region.moving.length];
    if (done !== undefined) region.complete(done);
  } else if (step.kind === 'place') region.place(worker);
  else region[step.kind](worker);
}

describe('placement against the model (I10)', () => {
  test('given any history, when the view rests, then all reach the ring, each partition by one move, and rest', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const region = new Region();
        region.join();
        for (const step of steps) apply(region, step);

        for (const id of region.workers) region.look(id);
        region.adopt();
        region.completeAll();
        region.adopt();
        const moved: number[] = [];
        for (let started = 1; started > 0; ) {
          const moves = region.workers.flatMap((id) => region.place(id));
          region.completeAll();
          moved.push(...moves.map(({ partition }) => partition));
          started = moves.length;
        }

        expect(region.moving).toEqual([]);
        expect(new Set(moved).size, 'a partition moved twice').toBe(moved.length);
        if (region.view.members.some(({ status }) => status === 'up')) {
          const owners = ownersOf(region.view, PARTITIONS);
          expect(region.laneOf).toEqual(owners.map((id) => `lane-${id}`));
        } else {
          expect(moved).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
