// Every bound of the mesh over sockets, with its reason. All may be overridden; none may be infinite.

export interface MeshLimits {
  /** One frame with its head. Rows on their way to another lane are the largest bodies, and are cut to fit. */
  readonly frameBytesMax: number;
  /** One frame of a peer that has not proved itself yet: a hello is a few hundred bytes. */
  readonly handshakeBytesMax: number;
  /** From the dial, or the accepted connection, to the proof, ms. A peer that takes longer is nobody. */
  readonly handshakeMs: number;
  /** Connections accepted that have not proved themselves. A worker has a few hundred colleagues at most. */
  readonly handshakesMax: number;
  /** Bytes that wait on one link for its peer to read them; and as many of calls that wait for a link to come up. */
  readonly queueBytesMax: number;
  /**
   * Calls on one link without their answer, and calls that wait for one link to come up: half a second's worth at
   * 100,000 a second, as a worker's mailbox holds.
   */
  readonly callsMax: number;
  /**
   * Beyond queueBytesMax answers are replaced by short refusals; beyond this much more the peer asks without ever
   * reading, and the link ends.
   */
  readonly refusalBytesMax: number;
  /** One write to the socket. A link is given up when a write makes no way, so a write must not take long. */
  readonly writeBytesMax: number;
  /** Each side says something at least this often, ms. */
  readonly beatMs: number;
  /** Beats of this worker without a sign of life after which a link is given up: 3 × 400 ms to 4 × 400 ms. */
  readonly silentBeatsMax: number;
  /** From one dial that failed to the next, ms: the first pause and the longest; it doubles. */
  readonly redialMs: readonly [number, number];
  /** How late a call's time-out may be noticed, ms: what is due is looked for no more often. */
  readonly timeoutGrainMs: number;
  /** Addresses of which anything is remembered. Those without a link or a call are forgotten when it is reached. */
  readonly peersMax: number;
  /** What was written before close() may take this long to leave, ms. */
  readonly closeMs: number;
  /** Lines of the same sort (a handler that throws, a stranger at the door) are logged no more often, ms. */
  readonly logEveryMs: number;
}

export const MESH_LIMITS: MeshLimits = {
  frameBytesMax: 8 * 1024 * 1024,
  handshakeBytesMax: 4_096,
  handshakeMs: 2_000,
  handshakesMax: 512,
  queueBytesMax: 32 * 1024 * 1024,
  callsMax: 65_536,
  refusalBytesMax: 4 * 1024 * 1024,
  writeBytesMax: 256 * 1024,
  beatMs: 400,
  silentBeatsMax: 3,
  redialMs: [50, 1_000],
  timeoutGrainMs: 20,
  peersMax: 4_096,
  closeMs: 500,
  logEveryMs: 1_000,
};
