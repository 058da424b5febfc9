// The op map through real sockets: what it answers, who is told of changes, and that nobody else notices.
import { expect, test } from 'vitest';
import type { PartitionMap } from '../../protocol/index.ts';
import type { Placement } from '../shell/grid.ts';
import { start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const MAP: PartitionMap = {
  region: 'eu-west',
  view: 70_001,
  hash: 'fnv1a32-fmix32',
  workers: ['ws://a:1/v1', 'ws://b:2/v1'],
  owners: [0, 1, 1, -1],
  self: 0,
};

class FakePlacement implements Placement {
  latest = MAP;
  readonly listeners = new Set<() => void>();

  map(): PartitionMap {
    return this.latest;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  change(view: number): void {
    this.latest = { ...MAP, view };
    for (const listener of this.listeners) listener();
  }
}

test.each(['json', 'msgpack'] as const)(
  'given a connection in %s that follows, when partitions move, then it is told the latest map, and others nothing',
  async (encoding) => {
    const placement = new FakePlacement();
    const { connect } = await start({ placement });
    const follower = await connect({ encoding });
    const other = await connect({ encoding });
    expect(await follower.ask({ op: 'hello' })).toMatchObject({ partitions: { count: 128, view: MAP.view } });
    expect(await follower.ask({ op: 'map', follow: true })).toEqual({ ok: true, ...MAP });
    expect(await other.ask({ op: 'map' })).toEqual({ ok: true, ...MAP });

    placement.change(2);
    placement.change(3);
    while (follower.maps.length === 0) await follower.ask({ op: 'hello' });
    await other.ask({ op: 'hello' });

    expect(follower.maps).toEqual([{ push: 'moved', ...MAP, view: 3 }]);
    expect(other.maps).toEqual([]);
  },
);

test('given followers, when the last one leaves, then changes are not listened for any more', async () => {
  const placement = new FakePlacement();
  const { connect } = await start({ placement });
  const follower = await connect();
  await follower.ask({ op: 'map', follow: true });
  expect(placement.listeners.size).toBe(1);

  follower.socket.close();
  await follower.closed;
  const next = await connect();
  while (placement.listeners.size > 0) await next.ask({ op: 'hello' });
  await next.ask({ op: 'map', follow: true });
  placement.change(9);
  while (next.maps.length === 0) await next.ask({ op: 'hello' });
  expect(next.maps).toMatchObject([{ view: 9 }]);
});

test('given a grid without placement, then its map names nobody; over HTTP it can be asked for and not followed', async () => {
  const { connect, port } = await start();
  const client = await connect();
  const reply = await client.ask({ op: 'map', follow: true });
  expect(reply).toMatchObject({ ok: true, view: 7, workers: [], self: -1, owners: new Array(128).fill(-1) });

  const post = async (request: object): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${port}/v1/requests`, { method: 'POST', body: JSON.stringify(request) })).json();
  expect(await post({ op: 'map' })).toEqual(reply);
  expect(await post({ op: 'map', follow: true })).toMatchObject({
    code: 'BAD_REQUEST',
    message: expect.stringContaining('needs a connection'),
  });
});
