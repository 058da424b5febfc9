// Meshes over real sockets for tests: in a directory of their own, closed when the test ends.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME, FrameReader, HEAD_BYTES, writeHead } from '../frame.ts';
import { encodeHello, type Hello, MESH_PROTOCOL, proofOf } from '../handshake.ts';
import { MESH_LIMITS } from '../limits.ts';
import { MeshFailure, type MeshKind } from '../port.ts';
import { listenMesh, type MeshOptions, type SocketMesh } from '../sockets.ts';

export const SECRET = 'a secret';
export const CLUSTER = 'eu-west';

export interface Worker {
  readonly mesh: SocketMesh;
  readonly lines: string[];
  readonly downs: string[];
}

export class MeshWorld {
  readonly #directory: string;
  readonly #endings: (() => unknown)[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<MeshWorld> {
    return new MeshWorld(await mkdtemp(join(tmpdir(), 'mesh-')));
  }

  address(name: string): string {
    return `unix:${this.path(name)}`;
  }

  path(name: string): string {
    return join(this.#directory, `${name}.sock`);
  }

  async worker(name: string, options: Partial<MeshOptions> = {}): Promise<Worker> {
    const lines: string[] = [];
    const downs: string[] = [];
    const mesh = await listenMesh({
      address: this.address(name),
      secret: SECRET,
      cluster: CLUSTER,
      log: (line) => lines.push(line),
      ...options,
    });
    mesh.onDown((address) => downs.push(address));
    this.#endings.push(() => mesh.close());
    return { mesh, lines, downs };
  }

  /** A peer of which every byte is the test's to choose. */
  async stranger(name: string): Promise<RawPeer> {
    const socket = connect(this.path(name));
    this.#endings.push(() => socket.destroy());
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  onClose(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async close(): Promise<void> {
    for (const ending of this.#endings.splice(0).reverse()) await ending();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export interface RawFrame {
  readonly type: number;
  readonly kind: number;
  readonly call: number;
  readonly leftMs: number;
  readonly body: Buffer;
}

/** The other end of a link, frame by frame. */
export class RawPeer {
  readonly socket: Socket;
  readonly #reader = new FrameReader(MESH_LIMITS.frameBytesMax);
  readonly #frames: RawFrame[] = [];
  #wake = (): void => {};
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    socket.on('data', (chunk: Buffer) => {
      this.#reader.read(chunk, (type, kind, call, leftMs, body) => {
        this.#frames.push({ type, kind, call, leftMs, body: Buffer.from(body) });
      });
      this.#wake();
    });
  }

  send(type: number, body: Uint8Array = new Uint8Array(0), { kind = 0, call = 0, leftMs = 0 } = {}): void {
    const bytes = Buffer.alloc(HEAD_BYTES + body.length);
    writeHead(bytes, 0, type, kind, call, leftMs, body.length);
    bytes.set(body, HEAD_BYTES);
    this.socket.write(bytes);
  }

  /** The next frame of one of the types; undefined when the link ended first. */
  async next(...types: readonly number[]): Promise<RawFrame | undefined> {
    for (;;) {
      for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
        if (types.includes(frame.type)) return frame;
      }
      if (this.isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives signs of life from now on. */
  beat(): void {
    const beats = setInterval(() => this.send(FRAME.beat), MESH_LIMITS.beatMs / 2);
    this.socket.on('close', () => clearInterval(beats));
  }

  /** Introduces itself as the dialer it is. Returns false when it was refused. */
  async introduce(said: Partial<Hello> = {}, secret = SECRET): Promise<boolean> {
    const hello = {
      protocol: MESH_PROTOCOL,
      cluster: CLUSTER,
      address: 'unix:/raw',
      instance: 'raw',
      nonce: 'nonce',
      ...said,
    };
    const own = encodeHello(hello);
    this.send(FRAME.hello, own);
    const peer = await this.next(FRAME.hello, FRAME.bye);
    if (peer?.type !== FRAME.hello) return false;
    this.send(FRAME.proof, proofOf('dialer', own, peer.body, Buffer.alloc(0), secret));
    return (await this.next(FRAME.beat, FRAME.bye))?.type === FRAME.beat;
  }
}

/** The answer as text, or the failure. */
export function ask(
  from: SocketMesh,
  to: string,
  kind: MeshKind,
  body: string,
  timeoutMs = 10_000,
): Promise<string | MeshFailure> {
  return new Promise((resolve) => {
    from.call(to, kind, Buffer.from(body), timeoutMs, (answer) => {
      resolve(answer instanceof MeshFailure ? answer : Buffer.from(answer).toString());
    });
  });
}

/** Why there is no answer. @throws when there is one */
export function failureOf(answer: string | Uint8Array | MeshFailure | undefined): string {
  if (answer instanceof MeshFailure) return answer.message;
  throw new Error(`a failure was expected, not ${answer}`);
}
