// The mesh over real sockets: calls both ways, bounds, deadlines, restarts, and the address it listens at.
import { existsSync, linkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MESH_KIND, MeshFailure } from './port.ts';
import { ask, failureOf, MeshWorld, type Worker } from './testing/harness.ts';

const { request, push, control } = MESH_KIND;
const WAIT = { timeout: 10_000, interval: 5 };

let world: MeshWorld;
beforeEach(async () => {
  world = await MeshWorld.open();
});
afterEach(() => world.close());

/** Answers with its own name and what it was asked. */
function echo({ mesh }: Worker, name: string): void {
  mesh.handle(request, (body, reply, from) => reply(Buffer.from(`${name} ${from === '' ? '?' : ''}${body}`)));
}

async function pair(): Promise<[Worker, Worker]> {
  const [a, b] = [await world.worker('a'), await world.worker('b')];
  echo(a, 'a');
  echo(b, 'b');
  return [a, b];
}

describe('calls', () => {
  it('given one link, then both sides call over it, each knowing the other by its address', async () => {
    const [a, b] = await pair();
    const froms: string[] = [];
    b.mesh.handle(control, (_body, reply, from, leftMs) => {
      froms.push(from);
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(5_000);
      reply(Buffer.from('ok'));
    });
    expect(await ask(a.mesh, b.mesh.address, control, '', 5_000)).toBe('ok');
    expect(froms).toEqual([a.mesh.address]);
    expect(await ask(b.mesh, a.mesh.address, request, 'x')).toBe('a x');
    // The answerer dialled nobody.
    expect([a.mesh.figures().links, b.mesh.figures().links]).toEqual([1, 1]);
  });

  it('given any bodies in flight at once, when they are answered in any order, then each gets its own answer', async () => {
    const [a, b] = await pair();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(200), fc.nat(150_000))), { minLength: 1, maxLength: 200 }),
        async (calls) => {
          const held: { order: number; answer: () => void }[] = [];
          b.mesh.handle(request, (body, reply) => {
            const answer = Buffer.from(body);
            held.push({ order: answer.readUInt32LE(0), answer: () => reply(answer) });
            if (held.length < calls.length) return;
            for (const one of held.splice(0).sort((x, y) => x.order - y.order)) one.answer();
          });
          const answers = calls.map(([order, length], i) => {
            const body = Buffer.alloc(8 + length, i);
            body.writeUInt32LE(order >>> 0, 0);
            body.writeUInt32LE(i, 4);
            const expected = Buffer.from(body);
            return new Promise<boolean>((resolve) => {
              a.mesh.call(b.mesh.address, request, body, 20_000, (answer) => {
                resolve(!(answer instanceof MeshFailure) && Buffer.compare(answer, expected) === 0);
              });
              // The mesh has its copy.
              body.fill(0);
            });
          });
          expect(await Promise.all(answers)).toEqual(calls.map(() => true));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('given a call, then it is never answered before it returns, whatever is wrong with it', async () => {
    const [a, b] = await pair();
    await ask(a.mesh, b.mesh.address, request, 'link');
    const cases: [string, Uint8Array, number, RegExp][] = [
      ['nonsense', Buffer.from(''), 1_000, /no address of a worker/],
      [b.mesh.address, Buffer.from(''), 0, /no time was left/],
      [world.address('nobody'), Buffer.from(''), Number.NaN, /no time was left/],
      [b.mesh.address, Buffer.alloc(8 * 1024 * 1024), 1_000, /a message of 8388624 bytes; at most 8388608 are sent/],
    ];
    for (const [address, body, timeoutMs, why] of cases) {
      let hasReturned = false;
      const answer = await new Promise<Uint8Array | MeshFailure>((resolve) => {
        a.mesh.call(address, request, body, timeoutMs, (said) => {
          expect(hasReturned).toBe(true);
          resolve(said);
        });
        hasReturned = true;
      });
      expect(failureOf(answer)).toMatch(why);
    }
    expect(a.mesh.figures()).toMatchObject({ calls: cases.length + 1, failures: cases.length });
  });

  it('given the largest body that fits a frame, then it goes there and back', async () => {
    const [a, b] = await pair();
    b.mesh.handle(push, (body, reply) => reply(body));
    const body = Buffer.alloc(8 * 1024 * 1024 - 16, 0x5a);
    const same = await new Promise<boolean>((resolve) => {
      a.mesh.call(b.mesh.address, push, body, 20_000, (answer) => {
        resolve(!(answer instanceof MeshFailure) && Buffer.compare(answer, body) === 0);
      });
    });
    expect(same).toBe(true);
  });

  it('given a kind that nobody handles, or a handler that throws, then the caller is told by name', async () => {
    const [a, b] = await pair();
    b.mesh.handle(control, () => {
      throw new Error('a bug');
    });
    expect(failureOf(await ask(a.mesh, b.mesh.address, push, ''))).toMatch(/does not know messages of kind 6/);
    expect(failureOf(await ask(a.mesh, b.mesh.address, control, ''))).toMatch(/failed: a bug/);
    expect(b.lines).toContainEqual(expect.stringMatching(/kind 10 was not handled: a bug/));
    expect(await ask(a.mesh, b.mesh.address, request, 'still there')).toBe('b still there');
  });

  it('given no answer, when the time is up, then the call fails once, and the late answer is nobody’s', async () => {
    const [a, b] = await pair();
    let late = (): void => {};
    b.mesh.handle(control, (_body, reply) => {
      late = () => reply(Buffer.from('late'));
    });
    const told: (Uint8Array | MeshFailure)[] = [];
    const startedAt = performance.now();
    a.mesh.call(b.mesh.address, control, Buffer.from(''), 100, (answer) => told.push(answer));
    await vi.waitFor(() => expect(told).toHaveLength(1), WAIT);
    expect(performance.now() - startedAt).toBeGreaterThan(99);
    expect(failureOf(told[0])).toMatch(/no answer from .* in time/);
    late();
    expect(await ask(a.mesh, b.mesh.address, request, 'next')).toBe('b next');
    expect(told).toHaveLength(1);
  });

  it('given both dial at once, then two links do no harm', async () => {
    const [a, b] = await pair();
    const answers = await Promise.all([
      ask(a.mesh, b.mesh.address, request, '1'),
      ask(b.mesh, a.mesh.address, request, '2'),
    ]);
    expect(answers).toEqual(['b 1', 'a 2']);
    await b.mesh.close();
    await vi.waitFor(() => expect(a.downs).toEqual([b.mesh.address]), WAIT);
    expect(a.mesh.figures().links).toBe(0);
  });

  it('given a worker that calls itself, then it answers', async () => {
    const [a] = await pair();
    expect(await ask(a.mesh, a.mesh.address, request, 'me')).toBe('a me');
  });

  it('given a message without an answer, then it arrives, also when it must wait for the link', async () => {
    const [a, b] = await pair();
    const heard: string[] = [];
    b.mesh.handle(push, (body) => heard.push(Buffer.from(body).toString()));
    a.mesh.notify(b.mesh.address, push, Buffer.from('1'));
    a.mesh.notify(b.mesh.address, push, Buffer.from('2'));
    expect(await ask(a.mesh, b.mesh.address, request, 'then')).toBe('b then');
    a.mesh.notify(b.mesh.address, push, Buffer.from('3'));
    await vi.waitFor(() => expect(heard).toEqual(['1', '2', '3']), WAIT);
    expect(a.mesh.figures().dropped).toBe(0);
  });
});

describe('bounds', () => {
  it('given a full queue, then calls fail at once and say so, messages are dropped and counted, and all ends well', async () => {
    const limits = { queueBytesMax: 10_000, callsMax: 5 };
    const a = await world.worker('a', { limits });
    const b = await world.worker('b');
    echo(b, 'b');
    await ask(a.mesh, b.mesh.address, request, 'link');
    const big = 'x'.repeat(4_000);
    const byBytes = [1, 2, 3].map(() => ask(a.mesh, b.mesh.address, request, big));
    a.mesh.notify(b.mesh.address, push, Buffer.from(big));
    const answers = await Promise.all(byBytes);
    expect(answers.slice(0, 2)).toEqual([`b ${big}`, `b ${big}`]);
    expect(failureOf(answers[2])).toMatch(/the queue to .* is full: 8032 bytes wait to be written/);
    expect(a.mesh.figures().dropped).toBe(1);

    const byCalls = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => ask(a.mesh, b.mesh.address, request, `${n}`)));
    expect(byCalls.slice(0, 5)).toEqual(['b 1', 'b 2', 'b 3', 'b 4', 'b 5']);
    expect(failureOf(byCalls[5])).toMatch(/the queue to .* is full: 5 calls wait/);
    expect(await ask(a.mesh, b.mesh.address, request, 'again')).toBe('b again');
    expect(a.mesh.figures()).toMatchObject({ failures: 2, queuedBytes: 0 });
  });

  it('given nobody there, then only so many calls wait, and they fail when their time is up', async () => {
    const a = await world.worker('a', { limits: { callsMax: 2 } });
    const answers = await Promise.all([1, 2, 3].map(() => ask(a.mesh, world.address('nobody'), request, '', 150)));
    expect(failureOf(answers[2])).toMatch(/is full/);
    for (const answer of answers.slice(0, 2)) expect(failureOf(answer)).toMatch(/no link to .*ENOENT/);
    expect(a.mesh.figures()).toMatchObject({ queuedBytes: 0, failures: 3 });
    // It may only be starting.
    expect(a.lines).toEqual([]);
  });

  it('given answers that nobody reads, then they are dropped with a refusal, and the memory is bounded', async () => {
    const limits = { queueBytesMax: 20_000 };
    const a = await world.worker('a');
    const b = await world.worker('b', { limits });
    b.mesh.handle(request, (_body, reply) => reply(Buffer.alloc(8_000)));
    await ask(a.mesh, b.mesh.address, request, 'link');
    const answers = await Promise.all([1, 2, 3, 4].map((n) => ask(a.mesh, b.mesh.address, request, `${n}`)));
    expect(answers.filter((answer) => answer instanceof MeshFailure)).toHaveLength(2);
    expect(failureOf(answers[3])).toMatch(/the answer of .* was dropped: the queue to .* is full/);
    expect(b.mesh.figures().dropped).toBe(2);
  });
});

describe('workers that come and go', () => {
  it('given a worker that starts late, when it is called before, then the call waits for it, and at length it is told', async () => {
    const a = await world.worker('a', { limits: { redialMs: [5, 20] } });
    const answer = ask(a.mesh, world.address('b'), request, 'early');
    await vi.waitFor(() => expect(a.lines.join()).toMatch(/no link to .*ENOENT/), WAIT);
    echo(await world.worker('b'), 'b');
    expect(await answer).toBe('b early');
    expect(a.downs).toEqual([]);
  });

  it('given a worker that restarts, then its end is told once, what was pending fails once, and calls reach the new one', async () => {
    const [a, b] = await pair();
    b.mesh.handle(control, () => {});
    await ask(a.mesh, b.mesh.address, request, 'link');
    const told: (Uint8Array | MeshFailure)[] = [];
    for (let i = 0; i < 100; i++) a.mesh.call(b.mesh.address, control, Buffer.from(''), 30_000, (x) => told.push(x));
    await b.mesh.close();
    await vi.waitFor(() => expect(told).toHaveLength(100), WAIT);
    expect(told.every((answer) => answer instanceof MeshFailure)).toBe(true);
    expect(failureOf(told[0])).toMatch(/has ended: its worker says: it is stopping/);
    expect(a.downs).toEqual([b.mesh.address]);
    // Who takes leave is no fault.
    expect(a.lines).toEqual([]);
    const again = await world.worker('b');
    echo(again, 'the new b');
    expect(await ask(a.mesh, b.mesh.address, request, 'x')).toBe('the new b x');
    expect(told).toHaveLength(100);
    expect(a.downs).toEqual([b.mesh.address]);
    expect(a.mesh.figures().links).toBe(1);
  });

  it('given calls pending both ways, when one side closes, then every call of both is told exactly once, what was answered arrives', async () => {
    const [a, b] = await pair();
    b.mesh.handle(control, (_body, reply) => {
      reply(Buffer.from('answered'));
      void b.mesh.close();
    });
    a.mesh.handle(control, () => {});
    await ask(a.mesh, b.mesh.address, request, 'link');
    const pending = ask(b.mesh, a.mesh.address, control, '');
    expect(await ask(a.mesh, b.mesh.address, control, '')).toBe('answered');
    expect(failureOf(await pending)).toMatch(/the mesh is closed/);
    expect(failureOf(await ask(b.mesh, a.mesh.address, request, 'x'))).toBe('the mesh is closed');
    await vi.waitFor(() => expect(a.downs).toEqual([b.mesh.address]), WAIT);
    expect(b.downs).toEqual([]);
  });

  it('given calls waiting for nobody, when the mesh closes, then they fail at once', async () => {
    const a = await world.worker('a');
    const answer = ask(a.mesh, world.address('nobody'), request, '', 60_000);
    await a.mesh.close();
    expect(failureOf(await answer)).toMatch(/the mesh is closed/);
  });
});

describe('the address', () => {
  it('given a socket file that a killed process left, then it is replaced; and close removes its own', async () => {
    await leaveStale(world.path('a'));
    expect(existsSync(world.path('a'))).toBe(true);
    const a = await world.worker('a');
    expect(a.mesh.address).toBe(world.address('a'));
    await a.mesh.close();
    expect(existsSync(world.path('a'))).toBe(false);
  });

  it('given a socket file of a live worker, or another file, then it is refused and left alone', async () => {
    const [a, b] = await pair();
    await expect(world.worker('a')).rejects.toThrow(/a worker that is alive listens there/);
    expect(await ask(b.mesh, a.mesh.address, request, 'x')).toBe('a x');
    await writeFile(world.path('data'), 'precious');
    await expect(world.worker('data')).rejects.toThrow(/a file that is no socket/);
    expect(existsSync(world.path('data'))).toBe(true);
  });

  it('given port 0, then the address says which was taken, and it is in use', async () => {
    const a = await world.worker('a', { address: 'tcp:127.0.0.1:0' });
    const b = await world.worker('b', { address: 'tcp:[::1]:0' }).catch(() => world.worker('b'));
    echo(a, 'a');
    expect(a.mesh.address).toMatch(/^tcp:127\.0\.0\.1:[1-9]\d+$/);
    expect(await ask(b.mesh, a.mesh.address, request, 'x')).toBe('a x');
    await expect(world.worker('c', { address: a.mesh.address })).rejects.toThrow(/another process listens there/);
  });

  it('given an address at which nobody could reach it, then it says so; given one that others use, then it is that', async () => {
    await expect(world.worker('a', { address: 'tcp:0.0.0.0:0' })).rejects.toThrow(/name one of them/);
    await expect(world.worker('a', { address: 'tcp:[::]:0' })).rejects.toThrow(/name one of them/);
    await expect(world.worker('a', { address: 'http://x' })).rejects.toThrow(/takes unix:\/path or tcp:host:port/);
    await expect(world.worker('a'.repeat(200))).rejects.toThrow(/too long/);
    await expect(world.worker('a', { secret: '' })).rejects.toThrow(/needs a secret/);
    const a = await world.worker('a', { address: 'tcp:0.0.0.0:0', advertise: 'tcp:localhost:0' });
    echo(a, 'a');
    expect(a.mesh.address).toMatch(/^tcp:localhost:[1-9]\d+$/);
    const b = await world.worker('b');
    expect(await ask(b.mesh, a.mesh.address, request, 'x')).toBe('a x');
  });
});

/** What a process leaves behind that was killed while it listened. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.born`, resolve));
  // Closing removes the name under which it was born, and no other.
  linkSync(`${path}.born`, path);
  await new Promise((resolve) => server.close(resolve));
}
