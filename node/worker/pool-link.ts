// The port by which workers of different regions speak about pooled stock. Whatever stands behind it may lose, delay, repeat
// and reorder messages: what matters is said again.

export interface PoolLink {
  /**
   * Sends to some worker of the region; dropped when none can be reached. The bytes are the callee's.
   * @param rows one message of encodeRows, all from this region to that one
   */
  send(region: string, rows: Uint8Array): void;
  /** Registers what takes a message that another region sent to this worker. */
  onRows(handler: (fromRegion: string, rows: Uint8Array) => void): void;
}
