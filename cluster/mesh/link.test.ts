// Links with peers that misbehave: strangers, the silent, the dead, the greedy.
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FRAME, HEAD_BYTES, writeHead } from './frame.ts';
import { encodeHello, MESH_PROTOCOL, proofOf } from './handshake.ts';
import { MESH_KIND, MeshFailure } from './port.ts';
import { ask, CLUSTER, failureOf, MeshWorld, RawPeer, SECRET, type Worker } from './testing/harness.ts';

const { request, push } = MESH_KIND;
const WAIT = { timeout: 10_000, interval: 5 };
const RAW = 'unix:/raw';

let world: MeshWorld;
beforeEach(async () => {
  world = await MeshWorld.open();
});
afterEach(() => world.close());

/** A worker that answers requests and whose handler says whether anything got through. */
async function answering(name: string, options = {}): Promise<Worker & { readonly handled: string[] }> {
  const worker = await world.worker(name, options);
  const handled: string[] = [];
  worker.mesh.handle(request, (body, reply) => {
    handled.push(Buffer.from(body).toString());
    reply(body);
  });
  return { ...worker, handled };
}

/** A raw peer that listens where workers dial, and proves itself as `said`. */
async function listening(name: string, said: object = {}): Promise<{ peers: RawPeer[]; address: string }> {
  const address = world.address(name);
  const peers: RawPeer[] = [];
  const server = createServer((socket) => {
    const peer = new RawPeer(socket);
    peers.push(peer);
    void accept(peer, { address, ...said });
  });
  await new Promise<void>((resolve) => server.listen(world.path(name), resolve));
  world.onClose(() => {
    for (const { socket } of peers) socket.destroy();
    server.close();
  });
  return { peers, address };
}

async function accept(peer: RawPeer, said: object): Promise<void> {
  const theirs = await peer.next(FRAME.hello);
  if (theirs === undefined) return;
  const hello = { protocol: MESH_PROTOCOL, cluster: CLUSTER, address: '', instance: 'raw', nonce: 'n', ...said };
  const own = encodeHello(hello);
  peer.send(FRAME.hello, own);
  peer.send(FRAME.proof, proofOf('acceptor', theirs.body, own, Buffer.alloc(0), SECRET));
}

describe('the handshake', () => {
  it.each([
    ['another secret', { secret: 'wrong' }, /does not know the secret/],
    [
      'another cluster',
      { cluster: 'us-east' },
      /a worker of another cluster: (us-east, not eu-west|eu-west, not us-east)/,
    ],
  ])(
    'given a worker with %s, then both say so, nothing is carried, and calls fail with the reason',
    async (_, options, why) => {
      const a = await answering('a', options);
      const b = await answering('b');
      expect(failureOf(await ask(a.mesh, b.mesh.address, request, 'x', 200))).toMatch(why);
      await vi.waitFor(() => expect(b.lines.join()).toMatch(why), WAIT);
      expect(a.lines.join()).toMatch(why);
      expect([a.handled, b.handled]).toEqual([[], []]);
      expect([a.mesh.figures().links, b.mesh.figures().links]).toEqual([0, 0]);
      expect([a.downs, b.downs]).toEqual([[], []]);
    },
  );

  it.each([
    ['another version', { protocol: MESH_PROTOCOL - 1 }, /it speaks mesh protocol 1, not 2/],
    ['no address', { address: '' }, /its hello lacks/],
    ['an address that is no text', { address: 7 as never }, /its hello lacks/],
  ])('given a peer with %s, then it is told why and refused', async (_, said, why) => {
    const b = await answering('b');
    const peer = await world.stranger('b');
    peer.send(
      FRAME.hello,
      encodeHello({ protocol: MESH_PROTOCOL, cluster: CLUSTER, address: RAW, instance: 'i', nonce: 'n', ...said }),
    );
    const bye = await peer.next(FRAME.bye);
    expect(bye?.body.toString()).toMatch(why);
    await vi.waitFor(() => expect(b.lines.join()).toMatch(why), WAIT);
    expect(await peer.next(FRAME.hello)).toBeUndefined();
  });

  it('given a peer that knows the secret, then it is let in; that is what the refusals are measured against', async () => {
    await answering('b');
    expect(await (await world.stranger('b')).introduce()).toBe(true);
    expect(await (await world.stranger('b')).introduce({}, 'wrong')).toBe(false);
  });

  it('given the acceptor’s own proof sent back to it, then it is refused', async () => {
    const b = await answering('b');
    const peer = await world.stranger('b');
    peer.send(
      FRAME.hello,
      encodeHello({ protocol: MESH_PROTOCOL, cluster: CLUSTER, address: RAW, instance: 'i', nonce: 'n' }),
    );
    const proof = await peer.next(FRAME.proof);
    peer.send(FRAME.proof, proof?.body);
    expect((await peer.next(FRAME.bye))?.body.toString()).toMatch(/does not know the secret/);
    expect(b.mesh.figures().links).toBe(0);
  });

  it('given the proof of another link, then it is refused: nonces are new each time', async () => {
    await answering('b');
    const hello = encodeHello({ protocol: MESH_PROTOCOL, cluster: CLUSTER, address: RAW, instance: 'i', nonce: 'n' });
    const first = await world.stranger('b');
    first.send(FRAME.hello, hello);
    const theirs = await first.next(FRAME.hello);
    const proof = proofOf('dialer', hello, theirs?.body ?? Buffer.alloc(0), Buffer.alloc(0), SECRET);
    const second = await world.stranger('b');
    second.send(FRAME.hello, hello);
    second.send(FRAME.proof, proof);
    expect((await second.next(FRAME.bye))?.body.toString()).toMatch(/does not know the secret/);
  });

  it('given calls before the proof, then they are not carried out', async () => {
    const b = await answering('b');
    for (const withHello of [false, true]) {
      const peer = await world.stranger('b');
      if (withHello) {
        peer.send(
          FRAME.hello,
          encodeHello({ protocol: MESH_PROTOCOL, cluster: CLUSTER, address: RAW, instance: 'i', nonce: 'n' }),
        );
      }
      peer.send(FRAME.call, Buffer.from('x'), { kind: request, call: 1, leftMs: 1_000 });
      expect((await peer.next(FRAME.bye))?.body.toString()).toMatch(/instead of a (hello|proof)/);
    }
    expect(b.handled).toEqual([]);
  });

  it('given a peer that is silent, then it is closed within the time for handshakes', async () => {
    const b = await answering('b', { limits: { handshakeMs: 100 } });
    const peer = await world.stranger('b');
    expect(await peer.next(FRAME.bye)).toBeUndefined();
    expect(b.lines.join()).toMatch(/no handshake within 100 ms/);
  });

  it('given a listener that never answers, when it is called, then the call fails in time', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(world.path('mute'), resolve));
    world.onClose(() => server.close());
    const a = await world.worker('a', { limits: { handshakeMs: 50 } });
    const why = failureOf(await ask(a.mesh, world.address('mute'), request, 'x', 300));
    expect(why).toMatch(/no handshake within 50 ms/);
  });

  it('given a peer that says it is reached elsewhere than where it was dialled, then it is refused', async () => {
    const { address } = await listening('b', { address: 'unix:/elsewhere' });
    const a = await world.worker('a');
    expect(failureOf(await ask(a.mesh, address, request, 'x', 200))).toMatch(
      /says that it is reached at unix:\/elsewhere/,
    );
  });

  it('given too many that have not proved themselves, then no more are let in, and the place is free again later', async () => {
    const b = await answering('b', { limits: { handshakesMax: 2, handshakeMs: 200 } });
    const peers = [await world.stranger('b'), await world.stranger('b'), await world.stranger('b')];
    expect(await peers[2]?.next(FRAME.bye)).toBeUndefined();
    expect(b.lines.join()).toMatch(/2 have not proved themselves/);
    for (const peer of peers) await peer.next(FRAME.bye);
    expect(await (await world.stranger('b')).introduce()).toBe(true);
  });

  it('given any garbage, before or after the proof, then the worker lives on and serves others', async () => {
    const b = await answering('b', { limits: { logEveryMs: 0 } });
    const a = await world.worker('a');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), fc.boolean(), async (garbage, isProved) => {
        const peer = await world.stranger('b');
        if (isProved) expect(await peer.introduce()).toBe(true);
        peer.socket.write(garbage);
        expect(await ask(a.mesh, b.mesh.address, request, 'fine')).toBe('fine');
        peer.socket.destroy();
      }),
      { numRuns: 40 },
    );
    expect(new Set(b.handled)).toEqual(new Set(['fine']));
  });
});

describe('frames that are too large', () => {
  it('given a length beyond the bound, then the link ends at its head, with the reason', async () => {
    const b = await answering('b');
    const peer = await world.stranger('b');
    await peer.introduce();
    const head = Buffer.alloc(HEAD_BYTES);
    writeHead(head, 0, FRAME.call, request, 1, 1_000, 8 * 1024 * 1024);
    peer.socket.write(head);
    expect((await peer.next(FRAME.bye))?.body.toString()).toMatch(
      /a frame of 8388624 bytes; from 16 to 8388608 are taken/,
    );
    await vi.waitFor(() => expect(b.downs).toEqual([RAW]), WAIT);
  });

  it('given a hello of more than a few kilobytes, then it is refused at its head', async () => {
    const b = await answering('b');
    const peer = await world.stranger('b');
    const head = Buffer.alloc(HEAD_BYTES);
    writeHead(head, 0, FRAME.hello, 0, 0, 0, 1_000_000);
    peer.socket.write(head);
    expect((await peer.next(FRAME.bye))?.body.toString()).toMatch(/from 16 to 4096 are taken/);
    expect(b.mesh.figures().links).toBe(0);
  });
});

describe('peers that die', () => {
  it('given calls pending, when the socket is destroyed, then each is told once and onDown once', async () => {
    const { peers, address } = await listening('b');
    const a = await world.worker('a');
    const told: number[] = new Array(1_000).fill(0);
    for (let i = 0; i < told.length; i++) {
      a.mesh.call(address, request, Buffer.from(`${i}`), 60_000, (answer) => {
        expect(answer instanceof MeshFailure).toBe(i >= 100);
        told[i] = (told[i] as number) + 1;
      });
    }
    await vi.waitFor(() => expect(peers).toHaveLength(1), WAIT);
    const [peer] = peers as [RawPeer];
    for (let n = 0; n < told.length; n++) {
      const call = await peer.next(FRAME.call);
      if (call !== undefined && n < 100) peer.send(FRAME.reply, call.body, { call: call.call });
    }
    await vi.waitFor(() => expect(told.reduce((x, y) => x + y)).toBe(100), WAIT);
    peer.socket.destroy();
    await vi.waitFor(() => expect(told).toEqual(told.map(() => 1)), WAIT);
    expect(a.downs).toEqual([address]);
    expect(a.mesh.figures()).toMatchObject({ calls: 1_000, failures: 900, links: 0, queuedBytes: 0 });
  });

  it('given answers to no call, twice, or late, then they are nobody’s', async () => {
    const { peers, address } = await listening('b');
    const a = await world.worker('a');
    const answers: (string | MeshFailure)[] = [];
    const first = ask(a.mesh, address, request, '1').then((answer) => answers.push(answer));
    await vi.waitFor(() => expect(peers).toHaveLength(1), WAIT);
    const [peer] = peers as [RawPeer];
    const call = await peer.next(FRAME.call);
    const number = { call: call?.call ?? 0 };
    peer.send(FRAME.reply, Buffer.from('nobody’s'), { call: number.call + 7 });
    for (const body of ['right', 'wrong']) peer.send(FRAME.reply, Buffer.from(body), number);
    peer.send(FRAME.refused, Buffer.from('wrong'), number);
    await first;
    const second = ask(a.mesh, address, request, '2');
    const next = await peer.next(FRAME.call);
    peer.send(FRAME.reply, Buffer.from('also right'), { call: next?.call ?? 0 });
    expect(await second).toBe('also right');
    expect(answers).toEqual(['right']);
  });

  it('given a link that fell silent, then it is found within 1.6 s; one that beats stays', async () => {
    const { peers, address } = await listening('silent');
    const b = await answering('b');
    const a = await world.worker('a');
    await ask(a.mesh, b.mesh.address, request, 'link');
    const startedAt = performance.now();
    const why = failureOf(await ask(a.mesh, address, request, 'x', 60_000));
    expect(why).toMatch(/has ended: nothing came from it for 1200 ms/);
    // The machine may be slow, but not fast.
    expect(performance.now() - startedAt).toBeGreaterThan(1_100);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(peers).toHaveLength(1);
    expect(a.downs).toEqual([address]);
    expect(a.lines.join()).toMatch(/a link to .* has ended: nothing came from it/);
    expect(a.mesh.figures().links).toBe(1);
  });

  it('given a peer that speaks and stopped reading, then the link ends, and the calls and messages in the queue with it', async () => {
    const { peers, address } = await listening('deaf');
    const a = await world.worker('a');
    a.mesh.notify(address, push, Buffer.from('link'));
    await vi.waitFor(() => expect(a.mesh.figures().links).toBe(1), WAIT);
    const [peer] = peers as [RawPeer];
    peer.beat();
    peer.socket.pause();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask(a.mesh, address, request, 'x'.repeat(1024 * 1024), 60_000)),
    );
    for (const answer of answers)
      expect(failureOf(answer)).toMatch(/it took nothing for 1200 ms while \d+ bytes waited/);
    expect(a.downs).toEqual([address]);
  });

  it('given a peer that asks and never reads, then its answers are bounded and its link ends', async () => {
    const limits = { queueBytesMax: 100_000, refusalBytesMax: 10_000 };
    const b = await world.worker('b', { limits });
    b.mesh.handle(request, (_body, reply) => reply(Buffer.alloc(50_000)));
    const peer = await world.stranger('b');
    await peer.introduce();
    peer.socket.pause();
    for (let call = 1; call < 2_000; call++)
      peer.send(FRAME.call, Buffer.from('x'), { kind: request, call, leftMs: 9 });
    await vi.waitFor(() => expect(b.lines.join()).toMatch(/asks and reads no answers|it took nothing/), WAIT);
    expect(b.lines.join()).toMatch(/asks and reads no answers: 1\d{5} bytes wait/);
  });
});

describe('another process at the same address', () => {
  it('given a link that does not know yet that its process is gone, when the next one links, then the end is told first', async () => {
    const b = await world.worker('b');
    const events: string[] = [];
    b.mesh.onDown((address) => events.push(`down ${address}`));
    const before = await world.stranger('b');
    await before.introduce({ instance: 'before' });
    before.beat();
    const pending = ask(b.mesh, RAW, request, 'x').then((answer) => events.push(failureOf(answer)));
    const after = await world.stranger('b');
    await after.introduce({ instance: 'after' });
    after.beat();
    await pending;
    expect(events[0]).toBe(`down ${RAW}`);
    expect(events[1]).toMatch(/another process took its place/);
    void ask(b.mesh, RAW, request, 'to the new one');
    expect((await after.next(FRAME.call))?.body.toString()).toBe('to the new one');
    expect(b.mesh.figures().links).toBe(1);
  });

  it('given two links of one process, when one ends, then nobody is told and calls take the other', async () => {
    const b = await world.worker('b');
    const first = await world.stranger('b');
    await first.introduce();
    first.beat();
    const second = await world.stranger('b');
    await second.introduce();
    void ask(b.mesh, RAW, request, 'to the newest');
    expect((await second.next(FRAME.call))?.body.toString()).toBe('to the newest');
    second.socket.destroy();
    await vi.waitFor(() => expect(b.mesh.figures().links).toBe(1), WAIT);
    void ask(b.mesh, RAW, request, 'x');
    expect((await first.next(FRAME.call))?.body.toString()).toBe('x');
    expect(b.downs).toEqual([]);
    first.socket.destroy();
    await vi.waitFor(() => expect(b.downs).toEqual([RAW]), WAIT);
  });
});
