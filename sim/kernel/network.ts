// The simulated network: links between endpoints, each ordered in itself and independent of all others. A link may be
// slow, may be cut in one direction, and may break: then what was on its way is gone and both ends are told later.
// Client links (`send`) lose single messages; mesh links are ordered and lose only by breaking, as TCP does. On far links,
// where a message may have come by several connections, single notifies may also be lost or overtaken.
import { type Mesh, type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from '../../cluster/mesh/port.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** What may go wrong on the network; all may be changed while it runs. */
export interface NetworkFaults {
  /** The share of client messages that is lost. */
  lost: number;
  /** The share of notifies that arrives twice. */
  doubled: number;
  /** The shares of notifies on far links that are lost, and that arrives late and out of order. */
  farLost: number;
  farLate: number;
  /** Factor on every delay. */
  slowness: number;
}

/** Mean delay of a message, ms. */
const DELAY_MS = 0.3;
/** What is late on a far link is so by this much at most, ms. */
const FAR_LATE_MS_MAX = 4_000;
/** Calls that one worker may have open to another. */
const CALLS_MAX = 10_000;

interface Link {
  /** Messages of an earlier generation were on the way when the link broke. */
  generation: number;
  isUp: boolean;
  arrivesAt: number;
  /** What the distance adds to each delay, ms; 0 within a region. */
  readonly farMs: number;
  /** While there are any it stays cut, whatever else is healed. */
  bars: number;
  /** Not undefined while the direction is cut: what waits to be sent again. */
  held: (() => void)[] | undefined;
}

export class Network {
  readonly faults: NetworkFaults = { lost: 0, doubled: 0, farLost: 0, farLate: 0, slowness: 1 };
  /** What the distance between two addresses adds to each delay, ms. Asked once for each direction. */
  distance: (from: string, to: string) => number = () => 0;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly #random: Random;
  readonly #links = new Map<string, Link>();
  readonly #endpoints = new Map<string, SimMesh>();

  constructor(scheduler: Scheduler, random: Random, trace: Trace) {
    this.scheduler = scheduler;
    this.trace = trace;
    this.#random = random;
  }

  /** A mesh endpoint of `process`, in the place of the one that had the address before. */
  mesh(address: string, process: SimProcess): SimMesh {
    const mesh = new SimMesh(this, address, process);
    this.#endpoints.set(address, mesh);
    process.onEnd(() => {
      if (this.#endpoints.get(address) === mesh) this.#endpoints.delete(address);
      for (const peer of this.#endpoints.keys()) this.break(address, peer);
    });
    return mesh;
  }

  endpoint(address: string): SimMesh | undefined {
    return this.#endpoints.get(address);
  }

  /** A message of a client to a worker, or back: it arrives in order or not at all. */
  send(from: string, to: string, arrive: () => void): void {
    const link = this.#link(from, to);
    if (this.#random.chance(this.faults.lost)) return;
    this.#carry(link, arrive);
  }

  /** As `send` on a mesh link: lost only when the link breaks. */
  carry(from: string, to: string, arrive: () => void): void {
    const link = this.#link(from, to);
    link.isUp = true;
    this.#carry(link, arrive);
  }

  doubles(): boolean {
    return this.#random.chance(this.faults.doubled);
  }

  /** As `carry`, of a notify: on a far link it may also be lost, or come out of order. */
  carryNotify(from: string, to: string, arrive: () => void): void {
    const { farLost, farLate } = this.faults;
    const link = this.#link(from, to);
    if (link.farMs === 0) {
      this.carry(from, to, arrive);
      return;
    }
    const fate = this.#random.unit();
    if (fate < farLost) return;
    if (fate >= farLost + farLate) this.carry(from, to, arrive);
    else this.scheduler.after(this.#random.between(link.farMs, FAR_LATE_MS_MAX), () => this.carry(from, to, arrive));
  }

  /** From now on nothing gets from `from` to `to`; what was sent waits. */
  cut(from: string, to: string): void {
    this.#link(from, to).held ??= [];
  }

  /** What waited goes on its way. */
  heal(from: string, to: string): void {
    const link = this.#link(from, to);
    if (link.bars > 0) return;
    const { held } = link;
    link.held = undefined;
    for (const send of held ?? []) send();
  }

  /** As `cut`, until it is unbarred as often, or all is healed. */
  bar(from: string, to: string): void {
    this.cut(from, to);
    this.#link(from, to).bars += 1;
  }

  unbar(from: string, to: string): void {
    const link = this.#link(from, to);
    link.bars = Math.max(0, link.bars - 1);
    this.heal(from, to);
  }

  healAll(): void {
    for (const key of [...this.#links.keys()]) {
      const [from, to] = key.split('>') as [string, string];
      this.#link(from, to).bars = 0;
      this.heal(from, to);
    }
  }

  /** Breaks the link between two addresses: what was on the way is lost, and both ends learn of it. */
  break(one: string, other: string): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const link = this.#link(from, to);
      const wasUp = link.isUp;
      link.generation += 1;
      link.isUp = false;
      if (link.held !== undefined) link.held = [];
      const mesh = this.#endpoints.get(from);
      if (!wasUp || mesh === undefined) continue;
      const failed = mesh.takeOpen(to);
      mesh.process.deliver(this.#delay(), () => mesh.down(to, failed));
    }
  }

  #carry(link: Link, arrive: () => void): void {
    const { generation } = link;
    const go = (): void => {
      link.arrivesAt = Math.max(link.arrivesAt, this.scheduler.now + this.#delay() + this.#farDelay(link));
      this.scheduler.at(link.arrivesAt, () => {
        if (link.generation !== generation) return;
        if (link.held === undefined) arrive();
        else link.held.push(go);
      });
    };
    if (link.held === undefined) go();
    else link.held.push(go);
  }

  #delay(): number {
    return (0.02 + this.#random.exponential(DELAY_MS)) * this.faults.slowness;
  }

  #farDelay({ farMs }: Link): number {
    return farMs === 0 ? 0 : farMs * this.#random.between(0.9, 1.3);
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const farMs = this.distance(from, to);
      link = { generation: 0, isUp: false, arrivesAt: 0, farMs, bars: 0, held: undefined };
      this.#links.set(key, link);
    }
    return link;
  }
}

/** The mesh port of one simulated process. */
export class SimMesh implements Mesh {
  readonly address: string;
  readonly process: SimProcess;
  readonly #network: Network;
  readonly #handlers = new Map<MeshKind, MeshHandler>();
  readonly #down: ((address: string) => void)[] = [];
  readonly #open = new Map<string, Set<(failure: MeshFailure) => void>>();
  #isClosed = false;

  constructor(network: Network, address: string, process: SimProcess) {
    this.#network = network;
    this.address = address;
    this.process = process;
  }

  handle(kind: MeshKind, handler: MeshHandler): void {
    this.#handlers.set(kind, handler);
  }

  call(address: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void {
    if (!this.process.isAlive) return;
    const open = this.#openTo(address);
    let isDone = false;
    const finish = (answer: Uint8Array | MeshFailure): void => {
      if (isDone) return;
      isDone = true;
      open.delete(finish);
      cancel();
      done(answer);
    };
    const fail = (why: string): void => finish(new MeshFailure(`${address}: ${why}`));
    const cancel = this.process.deliver(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    if (this.#isClosed || open.size >= CALLS_MAX || this.#network.endpoint(address) === undefined) {
      const why = this.#isClosed ? 'this mesh is closed' : open.size >= CALLS_MAX ? 'the queue is full' : 'refused';
      this.process.deliver(0, () => fail(why));
      return;
    }
    open.add(finish);
    const until = this.#network.scheduler.now + timeoutMs;
    const copy = new Uint8Array(body);
    this.#network.carry(this.address, address, () => {
      const peer = this.#network.endpoint(address);
      peer?.process.accept(() => {
        const reply = (answer: Uint8Array): void => {
          if (!peer.process.isAlive) return;
          const bytes = new Uint8Array(answer);
          this.#network.carry(address, this.address, () => this.process.accept(() => finish(bytes)));
        };
        const handler = peer.#isClosed ? undefined : peer.#handlers.get(kind);
        const leftMs = Math.max(0, until - this.#network.scheduler.now);
        if (handler !== undefined) handler(copy, reply, this.address, leftMs);
        else {
          const refused = `kind ${kind} is not known there`;
          this.#network.carry(address, this.address, () => this.process.accept(() => fail(refused)));
        }
      });
    });
  }

  notify(address: string, kind: MeshKind, body: Uint8Array): void {
    if (!this.process.isAlive || this.#isClosed || this.#network.endpoint(address) === undefined) return;
    const copy = new Uint8Array(body);
    for (let copies = this.#network.doubles() ? 2 : 1; copies > 0; copies--) {
      this.#network.carryNotify(this.address, address, () => {
        const peer = this.#network.endpoint(address);
        peer?.process.accept(() => {
          if (!peer.#isClosed) peer.#handlers.get(kind)?.(copy, () => {}, this.address, 0);
        });
      });
    }
  }

  onDown(listener: (address: string) => void): void {
    this.#down.push(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** The calls that are open to `address`; they are no longer counted. */
  takeOpen(address: string): readonly ((failure: MeshFailure) => void)[] {
    const open = this.#openTo(address);
    const taken = [...open];
    open.clear();
    return taken;
  }

  /** The link to `address` has ended: what waited for an answer on it has failed. */
  down(address: string, failed: readonly ((failure: MeshFailure) => void)[]): void {
    for (const finish of failed) finish(new MeshFailure(`${address}: the link broke`));
    for (const listener of this.#down) listener(address);
  }

  #openTo(address: string): Set<(failure: MeshFailure) => void> {
    let open = this.#open.get(address);
    if (open === undefined) {
      open = new Set();
      this.#open.set(address, open);
    }
    return open;
  }
}
