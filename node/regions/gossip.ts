// Rounds of gossip: some times a second this worker asks a few others what it does not know yet, of its own region and of
// others, and answers those that ask it. What is exchanged is the replica's business; here it is when, with whom, how
// much, and how old it is.
//
// An answer begins with how far what its sender tells of its own actors is behind them, ms in four bytes; empty, it says
// that the sender has said as much as it may for now.
import { type Ask, BadGossip, type Changed, type Replica } from '../../cluster/gossip/index.ts';
import { MESH_KIND, type Mesh, MeshFailure } from '../../cluster/mesh/port.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { RegionsLimits } from './limits.ts';

export type RoundResult = 'ok' | 'failed' | 'refused' | 'malformed';

export interface GossipDeps {
  readonly mesh: Mesh;
  readonly replica: Pick<Replica, 'digest' | 'answer' | 'absorb'>;
  readonly runtime: Runtime;
  readonly limits: Pick<
    RegionsLimits,
    'gossipRoundMs' | 'gossipTimeoutMs' | 'gossipAnswerBytesMax' | 'gossipMoreMs' | 'gossipBytesPerSecond'
  >;
  /** Called before each round: the replica is brought up to date with this worker. */
  readonly prepare: () => void;
  /** Whom to ask in this round, and for what. */
  readonly asks: () => readonly Ask[];
  /** See Publisher. */
  readonly lagMs: () => number;
  readonly absorbed: (changes: readonly Changed[]) => void;
  readonly asked: (address: string, result: RoundResult) => void;
  /** Bytes of answers that were sent and that came. */
  readonly bytes: (direction: 'sent' | 'received', count: number) => void;
}

const HEAD_BYTES = 4;
/** An answer that its limit cut has at least this part of it: the limit is kept by upper bounds. */
const FULL = 1 / 4;
const LAG_MS_MAX = 2 ** 32 - 1;
const NOT_NOW = new Uint8Array(0);

export class Gossip {
  readonly #deps: GossipDeps;
  /** Addresses that have not answered yet. */
  readonly #asking = new Set<string>();
  /** Bytes that may be sent now, and when that was reckoned. */
  #allowance: number;
  #reckonedAt: number;
  #cancelRound: () => void = () => {};
  #isRunning = false;

  constructor(deps: GossipDeps) {
    this.#deps = deps;
    this.#allowance = deps.limits.gossipBytesPerSecond;
    this.#reckonedAt = deps.runtime.monotonic();
    deps.mesh.handle(MESH_KIND.gossip, (body, reply) => reply(this.#isRunning ? this.#answer(body) : NOT_NOW));
  }

  start(): void {
    this.#isRunning = true;
    this.#round();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelRound();
  }

  readonly #round = (): void => {
    const { runtime, limits, prepare, asks } = this.#deps;
    this.#cancelRound = runtime.after(limits.gossipRoundMs, this.#round);
    prepare();
    for (const ask of asks()) this.#askUnlessAsking(ask);
  };

  #ask({ address, regions }: Ask): void {
    const { mesh, replica, runtime, limits, asked } = this.#deps;
    // Before the digest leaves: what is answered was so later than this.
    const askedAt = runtime.monotonic();
    this.#asking.add(address);
    mesh.call(address, MESH_KIND.gossip, replica.digest(regions), limits.gossipTimeoutMs, (answer) => {
      this.#asking.delete(address);
      if (!this.#isRunning) return;
      const result = answer instanceof MeshFailure ? 'failed' : this.#absorb(answer, askedAt);
      asked(address, result);
      if (result === 'ok' && (answer as Uint8Array).length > limits.gossipAnswerBytesMax * FULL) {
        runtime.after(limits.gossipMoreMs, () => this.#askUnlessAsking({ address, regions }));
      }
    });
  }

  #askUnlessAsking(ask: Ask): void {
    if (this.#isRunning && !this.#asking.has(ask.address)) this.#ask(ask);
  }

  #absorb(body: Uint8Array, askedAt: number): RoundResult {
    const { replica, bytes, absorbed } = this.#deps;
    bytes('received', body.length);
    if (body.length === 0) return 'refused';
    if (body.length < HEAD_BYTES) return 'malformed';
    const lagMs = viewOf(body).getUint32(0);
    let changes: readonly Changed[];
    try {
      changes = replica.absorb(body.subarray(HEAD_BYTES), askedAt - lagMs);
    } catch (error) {
      if (error instanceof BadGossip) return 'malformed';
      throw error;
    }
    if (changes.length > 0) absorbed(changes);
    return 'ok';
  }

  #answer(digest: Uint8Array): Uint8Array {
    const { replica, runtime, limits, lagMs, bytes } = this.#deps;
    const now = runtime.monotonic();
    const perSecond = limits.gossipBytesPerSecond;
    const earned = ((now - this.#reckonedAt) * perSecond) / 1_000;
    this.#allowance = Math.min(perSecond, this.#allowance + earned);
    this.#reckonedAt = now;
    if (this.#allowance <= 0) return NOT_NOW;
    const answer = replica.answer(digest, now);
    const body = new Uint8Array(HEAD_BYTES + answer.length);
    viewOf(body).setUint32(0, Math.min(LAG_MS_MAX, Math.ceil(lagMs())));
    body.set(answer, HEAD_BYTES);
    this.#allowance -= body.length;
    bytes('sent', body.length);
    return body;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
