// Rounds of gossip: who asks when, how much may be said, and that what arrives is never taken for younger than it is.
import { describe, expect, it } from 'vitest';
import { BadGossip, type Changed } from '../../cluster/gossip/index.ts';
import { MESH_KIND } from '../../cluster/mesh/port.ts';
import { MemoryNetwork } from '../../cluster/mesh/testing/memory-mesh.ts';
import { ManualRuntime } from '../shell/testing/harness.ts';
import { Gossip, type RoundResult } from './gossip.ts';

const LIMITS = {
  gossipRoundMs: 200,
  gossipTimeoutMs: 1_000,
  gossipAnswerBytesMax: 600,
  gossipMoreMs: 25,
  gossipBytesPerSecond: 1_000,
};

function world(limits: Partial<typeof LIMITS> = {}) {
  const runtime = new ManualRuntime();
  const network = new MemoryNetwork(runtime);
  const start = (name: string, peers: readonly string[], answerBytes = 10) => {
    const state = {
      lagMs: 0,
      sent: 0,
      received: 0,
      absorbedAt: [] as number[],
      results: [] as RoundResult[],
      absorb: (_answer: Uint8Array): readonly Changed[] => [],
    };
    const gossip = new Gossip({
      mesh: network.join(name),
      replica: {
        digest: () => Uint8Array.of(1, 2, 3),
        answer: () => new Uint8Array(answerBytes),
        absorb: (answer, askedAt) => {
          state.absorbedAt.push(askedAt);
          return state.absorb(answer);
        },
      },
      runtime,
      limits: { ...LIMITS, ...limits },
      prepare: () => {},
      asks: () => peers.map((address) => ({ address, regions: ['eu-west'] })),
      lagMs: () => state.lagMs,
      absorbed: () => {},
      asked: (_, result) => state.results.push(result),
      bytes: (direction, count) => {
        state[direction] += count;
      },
    });
    gossip.start();
    return { gossip, state };
  };
  return { runtime, network, start };
}

describe('rounds of gossip', () => {
  it('given two workers, then each asks the other five times a second, and until it is stopped', async () => {
    const { runtime, start } = world();
    const a = start('a', ['b']);
    const b = start('b', ['a']);
    await runtime.advance(2_000);
    expect(a.state.results.filter((result) => result === 'ok').length).toBeGreaterThanOrEqual(9);
    expect(b.state.results).not.toContain('failed');
    a.gossip.stop();
    b.gossip.stop();
    const { length } = a.state.results;
    await runtime.advance(2_000);
    expect(a.state.results.length).toBe(length);
  });

  it('given an answer on its way for long, from one that is behind its actors, then it counts from before it was asked, and from as far behind', async () => {
    const { runtime, start } = world();
    const b = start('b', []);
    const a = start('a', ['b']);
    b.state.lagMs = 70.5;
    await runtime.advance(0);
    expect(a.state.absorbedAt).toEqual([runtime.ms - 71]);
  });

  it('given one who never answers, then it is not asked again before that is given up', async () => {
    const { runtime, network, start } = world();
    const a = start('a', ['b']);
    start('b', []);
    network.cut.add('b>a');
    await runtime.advance(2_500);
    expect(a.state.results).toEqual(['failed', 'failed']);
  });

  it('given more questions than may be answered, then the rest is put off, and a second has no more bytes than it may, and one answer', async () => {
    const { runtime, start } = world();
    const b = start('b', [], 300);
    const askers = Array.from({ length: 8 }, (_, n) => start(`a${n}`, ['b']));
    await runtime.advance(1_000);
    const first = b.state.sent;
    await runtime.advance(5_000);
    expect(first).toBeLessThanOrEqual(2 * LIMITS.gossipBytesPerSecond + 304);
    expect(b.state.sent - first).toBeLessThanOrEqual(5 * LIMITS.gossipBytesPerSecond + 304);
    expect(b.state.sent).toBeGreaterThanOrEqual(5 * LIMITS.gossipBytesPerSecond);
    const results = askers.flatMap(({ state }) => state.results);
    expect(new Set(results)).toEqual(new Set(['ok', 'refused']));
  });

  it('given answers that are full, then it asks again before the next round, and no more once they are not', async () => {
    const { runtime, start } = world({ gossipBytesPerSecond: 1_000_000 });
    start('b', [], 151);
    const a = start('a', ['b']);
    await runtime.advance(190);
    expect(a.state.results.length).toBe(8);
    const c = start('c', ['a']);
    await runtime.advance(190);
    expect(c.state.results.length).toBe(1);
  });

  it('given an answer that makes no sense, then nothing of it is taken and the rounds go on', async () => {
    const { runtime, network, start } = world();
    const a = start('a', ['b']);
    network.join('b').handle(MESH_KIND.gossip, (_, reply) => reply(Uint8Array.of(1)));
    await runtime.advance(150);
    expect(a.state.results).toEqual(['malformed']);
    a.state.absorb = () => {
      throw new BadGossip('not an answer');
    };
    start('b', []);
    await runtime.advance(200);
    expect(a.state.results).toEqual(['malformed', 'malformed']);
    a.state.absorb = () => [];
    await runtime.advance(200);
    expect(a.state.results).toEqual(['malformed', 'malformed', 'ok']);
  });
});
