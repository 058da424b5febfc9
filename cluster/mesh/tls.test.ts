// TLS between workers over real TCP sockets: who is let in, who is not, and that both logs say why.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FRAME } from './frame.ts';
import { encodeHello, MESH_PROTOCOL } from './handshake.ts';
import { MESH_KIND } from './port.ts';
import { TestAuthority } from './testing/certificates.ts';
import { ask, CLUSTER, failureOf, MeshWorld, RawPeer, type Worker } from './testing/harness.ts';
import { checkMeshTls, type MeshTls, MeshTlsUnusable } from './tls.ts';

const WAIT = { timeout: 5_000, interval: 10 };
const ADDRESS = 'tcp:127.0.0.1:0';
const kind = MESH_KIND.request;

let ours: TestAuthority;
let others: TestAuthority;
let world: MeshWorld;
beforeAll(() => {
  ours = new TestAuthority('ours');
  others = new TestAuthority('others');
});
afterAll(() => {
  ours.remove();
  others.remove();
});
afterEach(() => world.close());

/** A worker over TCP that answers with what it is asked, and keeps it. */
async function worker(name: string, tls?: MeshTls): Promise<Worker & { readonly heard: string[] }> {
  const made = await world.worker(name, { address: ADDRESS, ...(tls === undefined ? {} : { tls }) });
  const heard: string[] = [];
  made.mesh.handle(kind, (body, reply) => {
    heard.push(body.toString());
    reply(Buffer.from(body));
  });
  return { ...made, heard };
}

/** What the stranger is told, what its log and the listener's log say, when it dials. */
async function refusedBy(listener: Worker, stranger: Worker) {
  const failure = failureOf(await ask(stranger.mesh, listener.mesh.address, kind, 'let me in', 400));
  await vi.waitFor(() => expect(listener.lines).not.toEqual([]), WAIT);
  return { failure, log: stranger.lines.join('\n'), listenerLog: listener.lines.join('\n') };
}

describe('a mesh with TLS', () => {
  it('given certificates of one authority, then workers speak through TLS in both directions', async () => {
    world = await MeshWorld.open();
    const a = await worker('a', ours.worker('a'));
    const b = await worker('b', ours.worker('b'));
    expect(await ask(a.mesh, b.mesh.address, kind, 'x'.repeat(500_000))).toBe('x'.repeat(500_000));
    expect(await ask(b.mesh, a.mesh.address, kind, 'back')).toBe('back');
    expect([...a.lines, ...b.lines]).toEqual([]);
  });

  it.each([
    {
      who: 'a certificate of another authority',
      tls: () => others.worker('c'),
      own: /not one of this cluster's authority/,
      listeners: /broke off the TLS handshake/,
    },
    {
      who: 'a certificate of another authority, and trusts ours',
      tls: () => ({ ...others.worker('c'), ca: ours.worker('x').ca }),
      own: /it refuses this worker: the certificate that was shown is not one of this cluster's authority/,
      listeners: /from 127.0.0.1: the certificate that was shown is not one of this cluster's authority/,
    },
    {
      who: 'a certificate that has expired',
      tls: () => ours.worker('late', -1),
      own: /it refuses this worker: the certificate that was shown has expired/,
      listeners: /from 127.0.0.1: the certificate that was shown has expired/,
    },
    {
      who: 'no TLS',
      tls: () => undefined,
      own: /it hung up without a word; if it speaks TLS, this worker must too/,
      listeners: /it speaks no TLS, and this worker does/,
    },
  ])('given a peer with $who, then it is refused, unheard, and both logs say why', async ({ tls, own, listeners }) => {
    world = await MeshWorld.open();
    const b = await worker('b', ours.worker('b'));
    const stranger = await worker('stranger', tls());
    const { failure, log, listenerLog } = await refusedBy(b, stranger);
    expect(failure).toMatch(own);
    expect(log).toMatch(own);
    expect(listenerLog).toMatch(listeners);
    expect(b.heard).toEqual([]);
    expect(b.mesh.figures().links).toBe(0);
  });

  it('given a listener whose certificate has expired, then whoever dials it refuses and says so', async () => {
    world = await MeshWorld.open();
    const b = await worker('b', ours.worker('b', -1));
    const a = await worker('a', ours.worker('a'));
    const { failure } = await refusedBy(b, a);
    expect(failure).toMatch(/the certificate that was shown has expired/);
    expect(b.heard).toEqual([]);
  });

  it('given a listener without TLS, then a dialer with it is refused, and both logs say why', async () => {
    world = await MeshWorld.open();
    const b = await worker('b');
    const a = await worker('a', ours.worker('a'));
    const { failure, listenerLog } = await refusedBy(b, a);
    expect(failure).toMatch(/it speaks no TLS, and this worker does/);
    expect(listenerLog).toMatch(/it speaks TLS, and this worker does not/);
  });

  it('given a stranger without a certificate, also one that resumes its session, then no hello is answered', async () => {
    world = await MeshWorld.open();
    const b = await worker('b', ours.worker('b'));
    const port = Number(b.mesh.address.split(':').at(-1));
    let session: Buffer | undefined;
    for (const expected of [/no certificate was shown/, /resumes a TLS session/]) {
      const socket: TLSSocket = connectTls({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        ...(session === undefined ? {} : { session }),
      });
      const resumable = session ?? once(socket, 'session').then(([given]) => given as Buffer);
      const peer = new RawPeer(socket);
      const hello = {
        protocol: MESH_PROTOCOL,
        cluster: CLUSTER,
        address: 'tcp:127.0.0.1:1',
        instance: 'i',
        nonce: 'n',
      };
      peer.send(FRAME.hello, encodeHello(hello));
      const answer = await peer.next(FRAME.hello, FRAME.bye);
      expect(answer?.type).toBe(FRAME.bye);
      expect(answer?.body.toString()).toMatch(expected);
      session = await resumable;
    }
  });

  it('given a connection that never begins TLS, then closing does not wait for it', async () => {
    world = await MeshWorld.open();
    const b = await worker('b', ours.worker('b'));
    const socket = connect(Number(b.mesh.address.split(':').at(-1)), '127.0.0.1');
    await once(socket, 'connect');
    const over = once(socket, 'close');
    socket.on('error', () => {});
    socket.resume();
    await b.mesh.close();
    await over;
  });

  it('given a listener that is no worker and hangs up, then the call fails and says what may be the matter', async () => {
    world = await MeshWorld.open();
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    world.onClose(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const a = await worker('a');
    expect(failureOf(await ask(a.mesh, `tcp:127.0.0.1:${port}`, kind, 'x', 300))).toMatch(/if it speaks TLS/);
  });
});

describe('checkMeshTls', () => {
  const problem = (tls: MeshTls, now = Date.now()): string => {
    try {
      checkMeshTls(tls, now);
    } catch (error) {
      if (error instanceof MeshTlsUnusable) return `${error.part} ${error.message}. ${error.hint}`;
      throw error;
    }
    return 'none';
  };

  it('given what cannot work, then it says which file, why, and what to do', async () => {
    world = await MeshWorld.open();
    const good = ours.worker('a');
    expect(problem(good)).toBe('none');
    expect(problem({ ...good, ca: others.worker('x').ca + good.ca })).toBe('none');
    expect(problem({ ...good, key: ours.worker('b').key })).toMatch(/^key is not the key of the certificate/);
    expect(problem(ours.worker('late', -1))).toMatch(/^cert has expired, on .*Make a new one/);
    expect(problem(good, Date.now() - 10 * 86_400_000)).toMatch(/^cert is not valid before/);
    expect(problem({ ...good, ca: others.worker('x').ca })).toMatch(
      /^cert was not signed by the authority: its issuer is CN=ours, and .* CN=others/,
    );
    expect(problem({ ...good, key: good.cert })).toMatch(/^key is no key/);
    expect(problem({ ...good, cert: good.key })).toMatch(/^cert holds no certificate/);
    expect(problem({ ...good, ca: '' })).toMatch(/^ca holds no certificate/);
    expect(problem({ ...good, cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' })).toMatch(
      /^cert is damaged/,
    );
    expect(
      problem({ ...good, key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----' }),
    ).toMatch(/^key is protected by a passphrase/);
  });
});
