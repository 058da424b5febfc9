// A mesh within one process, for tests: every message is delivered in a later turn, in order, unless the test cuts it.
import { type Mesh, type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from '../port.ts';

/** What the mesh needs of a clock and its turns. */
export interface Turns {
  defer(run: () => void): void;
  after(ms: number, run: () => void): () => void;
}

export class MemoryNetwork {
  readonly turns: Turns;
  readonly meshes = new Map<string, MemoryMesh>();
  /** Pairs `from>to` through which nothing gets. */
  readonly cut = new Set<string>();

  constructor(turns: Turns) {
    this.turns = turns;
  }

  join(address: string): MemoryMesh {
    const mesh = new MemoryMesh(this, address);
    this.meshes.set(address, mesh);
    return mesh;
  }

  /** Ends a worker's links, as when its process dies: nothing it sends or is sent arrives any more. */
  kill(address: string): void {
    this.meshes.get(address)?.die();
    this.meshes.delete(address);
    for (const mesh of this.meshes.values()) mesh.lost(address);
  }

  /** @internal */
  reach(from: string, to: string): MemoryMesh | undefined {
    return this.cut.has(`${from}>${to}`) ? undefined : this.meshes.get(to);
  }
}

export class MemoryMesh implements Mesh {
  readonly address: string;
  readonly #network: MemoryNetwork;
  readonly #handlers = new Map<MeshKind, MeshHandler>();
  readonly #listeners: ((address: string) => void)[] = [];
  readonly #pending = new Set<{ to: string; finish: (answer: Uint8Array | MeshFailure) => void }>();
  #isDead = false;

  constructor(network: MemoryNetwork, address: string) {
    this.#network = network;
    this.address = address;
  }

  handle(kind: MeshKind, handler: MeshHandler): void {
    this.#handlers.set(kind, handler);
  }

  call(to: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    const { turns } = this.#network;
    const sent = Uint8Array.from(body);
    const entry = {
      to,
      finish: (answer: Uint8Array | MeshFailure): void => {
        if (!this.#pending.delete(entry)) return;
        cancel();
        turns.defer(() => {
          if (!this.#isDead) done(answer);
        });
      },
    };
    this.#pending.add(entry);
    const cancel = turns.after(timeoutMs, () =>
      entry.finish(new MeshFailure(`no answer from ${to} in ${timeoutMs} ms`)),
    );
    turns.defer(() => {
      const peer = this.#isDead ? undefined : this.#network.reach(this.address, to);
      if (peer === undefined) {
        if (!this.#network.meshes.has(to)) entry.finish(new MeshFailure(`no way to ${to}`));
        return;
      }
      peer.receive(kind, sent, this.address, timeoutMs, (answer) => {
        const copy = Uint8Array.from(answer);
        turns.defer(() => {
          if (this.#network.reach(to, this.address) === this) entry.finish(copy);
        });
      });
    });
  }

  notify(to: string, kind: MeshKind, body: Uint8Array): void {
    const sent = Uint8Array.from(body);
    this.#network.turns.defer(() => {
      if (!this.#isDead) this.#network.reach(this.address, to)?.receive(kind, sent, this.address, 0, () => {});
    });
  }

  /** @internal */
  receive(kind: MeshKind, body: Uint8Array, from: string, leftMs: number, reply: (body: Uint8Array) => void): void {
    if (!this.#isDead) this.#handlers.get(kind)?.(body, reply, from, leftMs);
  }

  onDown(listener: (address: string) => void): void {
    this.#listeners.push(listener);
  }

  /** @internal */
  lost(address: string): void {
    for (const entry of [...this.#pending]) {
      if (entry.to === address) entry.finish(new MeshFailure(`the link to ${address} broke`));
    }
    for (const listener of this.#listeners) listener(address);
  }

  /** @internal */
  die(): void {
    this.#isDead = true;
    this.#pending.clear();
  }

  async close(): Promise<void> {
    this.#network.kill(this.address);
  }
}
