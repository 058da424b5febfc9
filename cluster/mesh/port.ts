// The mesh port: how workers speak to each other. Transports: sockets.ts (Unix sockets and TCP), and the simulator's
// network. Messages may be lost with a link; what a lost answer meant is the caller's to find out.

/** Kinds of messages, one byte each. A worker that does not know a kind refuses it by name. */
export const MESH_KIND = {
  /** A client's request that another worker owns. */
  request: 1,
  /** Which partitions the sender holds. */
  holdings: 2,
  /** Rows of a partition on its way to another lane. */
  rows: 3,
  /** A partition's lane has let it go: the receiver's lane may open it. */
  handover: 4,
  /** Subscribes the sender to a sku's availability. */
  watch: 5,
  /** A change of an availability that the receiver subscribed to. */
  push: 6,
  /** Gossip between regions. */
  gossip: 7,
  /** Stock rights between regions. */
  escrow: 8,
  /** The sender's metrics, for one page of the host. */
  metrics: 9,
  /** A person asks the worker to do something: drain. */
  control: 10,
} as const;

export type MeshKind = (typeof MESH_KIND)[keyof typeof MESH_KIND];

/** The message did not get through, or its answer did not come back: it may have taken effect. */
export class MeshFailure extends Error {
  override readonly name = 'MeshFailure';
}

export type MeshAnswer = (answer: Uint8Array | MeshFailure) => void;

/** The bytes are valid during the call alone. `left` is how long the caller still waits, ms. */
export type MeshHandler = (body: Uint8Array, reply: (body: Uint8Array) => void, from: string, leftMs: number) => void;

export interface Mesh {
  /** Where others reach this worker: `unix:/path` or `tcp:host:port`. */
  readonly address: string;
  /** Registers what answers a kind; `from` is the sender's address. Kinds without one are refused. */
  handle(kind: MeshKind, handler: MeshHandler): void;
  /**
   * Asks the worker at `address`; connects first where there is no link. `done` is called exactly once, never before
   * this returns, with the answer, or with a MeshFailure when the link broke, the queue is full or `timeoutMs` passed.
   * The body is copied before this returns.
   */
  call(address: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void;
  /** Sends without an answer; dropped when the queue is full or there is no way through. */
  notify(address: string, kind: MeshKind, body: Uint8Array): void;
  /** Told of each link that was up and has ended. */
  onDown(listener: (address: string) => void): void;
  close(): Promise<void>;
}
