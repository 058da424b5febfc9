// What the client needs of the world it runs in: a socket, clocks, chance, a turn of the event loop. Node and the
// browser each give one; tests give their own.
import type { Encoding } from '../encoding.ts';

/** A message as sent: text for JSON, bytes for msgpack. */
export type Frame = string | Uint8Array;

/** The grid refused the credentials of the upgrade, where the platform can tell. */
export type UpgradeRefusal = 'UNAUTHENTICATED' | 'FORBIDDEN';

export interface TransportHandlers {
  opened(): void;
  message(data: Frame): void;
  /** The connection could not be made or is gone; called at most once, and not after `close` or `terminate`. */
  lost(reason: string, refusal?: UpgradeRefusal): void;
}

export interface Transport {
  /** Writes the frames in order, where it can in one system call. */
  send(frames: readonly Frame[]): void;
  /** Closes with a handshake, and without one after `graceMs`; `closed` is called once the socket is gone. */
  close(graceMs: number, closed: () => void): void;
  /** Drops the socket at once. */
  terminate(): void;
}

export interface Platform {
  readonly defaultEncoding: Encoding;
  /** Whether the token can travel with the upgrade request (an Authorization header); if not, it travels in hello. */
  readonly tokenInUpgrade: boolean;
  dial(url: string, subprotocol: string, token: string | undefined, handlers: TransportHandlers): Transport;
  /** Monotonic, ms. */
  now(): number;
  /** Wall clock, ms since the epoch. */
  wallNow(): number;
  /** Makes a meter: the share of the time since it was last read in which this program was busy, 0 where that cannot be known. */
  busyMeter(): () => number;
  /** In [0, 1). */
  random(): number;
  /** Returns the way to cancel. */
  timer(afterMs: number, fire: () => void): () => void;
  /** Runs `task` after what runs now, so that calls made together leave together. */
  soon(task: () => void): void;
}
