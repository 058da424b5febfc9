// One connection with its slots: at most `inFlight` requests at a time, each in a slot whose number is its id. Sends
// many requests with one write, and turns replies back into slots. When to send is for the loops to decide.
import { InFlightWindow } from '../../protocol/client/window.ts';
import { LoadSocket } from './load-socket.ts';
import type { Recorder } from './recorder.ts';
import type { Reader } from './reply-reader.ts';
import { FIRST_ID, type ReserveFrames, SLOTS_MAX } from './reserve-frames.ts';

const SUBPROTOCOL = 'holdfast.v1.msgpack';

export class Pipe {
  readonly #recorder: Recorder;
  readonly #frames: ReserveFrames;
  readonly #reader: Reader;
  readonly #window: InFlightWindow | undefined;
  /** By slot: when the request should have left, and when it did (ms of performance.now). */
  readonly #intendedMs: Float64Array;
  readonly #sentMs: Float64Array;
  /** A slot that is not in flight has this as its intended time, so that a reply nobody asked for is noticed. */
  static readonly #IDLE = -1;
  readonly #free: Uint16Array;
  #freeCount: number;
  /** When the window last had no room for all that was due, ms. */
  #fullAtMs = Number.NEGATIVE_INFINITY;
  #chunkMs = 0;
  #socket: LoadSocket | undefined;
  broken: string | undefined;
  /** Called once per chunk of replies, after they are recorded. */
  onReplies: () => void = () => {};

  constructor(inFlight: number, frames: ReserveFrames, recorder: Recorder, reader: Reader, heeds: boolean) {
    if (inFlight > SLOTS_MAX) throw new Error(`at most ${SLOTS_MAX} in flight on a connection`);
    this.#frames = frames;
    this.#recorder = recorder;
    this.#reader = reader;
    this.#window = heeds ? new InFlightWindow(inFlight) : undefined;
    this.#intendedMs = new Float64Array(inFlight).fill(Pipe.#IDLE);
    this.#sentMs = new Float64Array(inFlight);
    this.#free = Uint16Array.from({ length: inFlight }, (_, i) => inFlight - 1 - i);
    this.#freeCount = inFlight;
  }

  async open(port: number): Promise<void> {
    this.#socket = await LoadSocket.open(port, SUBPROTOCOL, {
      onMessage: (bytes, start, end) => this.#onMessage(bytes, start, end),
      onChunkEnd: () => {
        this.#chunkMs = 0;
        this.onReplies();
      },
      onBroken: (reason) => {
        this.broken = reason;
      },
    });
  }

  get free(): number {
    return this.#freeCount;
  }

  get inFlight(): number {
    return this.#intendedMs.length - this.#freeCount;
  }

  /** How many of those that are due may be sent now: as many as there are free slots, and room in the window. */
  admits(due: number, nowMs: number): number {
    const window = this.#window;
    if (window === undefined) return Math.min(due, this.#freeCount);
    if (this.inFlight === 0) window.resumed(nowMs);
    const room = Math.max(0, Math.min(this.#freeCount, window.size - this.inFlight));
    if (due > room) this.#fullAtMs = nowMs;
    return Math.min(due, room);
  }

  /** Sends `count` reserves (no more than are free); the i-th was due at dueMs + i × everyMs. */
  send(count: number, nowMs: number, dueMs: number, everyMs: number): void {
    if (count === 0 || this.broken !== undefined) return;
    const { frameBytes } = this.#frames;
    const bytes = Buffer.allocUnsafe(count * frameBytes);
    for (let i = 0; i < count; i++) {
      const slot = this.#free[--this.#freeCount] as number;
      this.#intendedMs[slot] = dueMs + i * everyMs;
      this.#sentMs[slot] = nowMs;
      this.#frames.write(bytes, i * frameBytes, FIRST_ID + slot);
    }
    this.#socket?.write(bytes);
  }

  close(): void {
    this.#socket?.close();
  }

  #refused(bytes: Uint8Array, start: number, end: number, sentMs: number): void {
    this.#recorder.refusal(bytes, start, end);
    this.#window?.refused(this.#chunkMs, sentMs);
  }

  #onMessage(bytes: Uint8Array, start: number, end: number): void {
    // One reading of the clock per chunk: all its replies arrived at once.
    if (this.#chunkMs === 0) this.#chunkMs = performance.now();
    const reader = this.#reader;
    reader.read(bytes, start, end);
    const slot = reader.id - FIRST_ID;
    const intendedMs = this.#intendedMs[slot];
    if (intendedMs === undefined || intendedMs === Pipe.#IDLE) {
      this.#recorder.refusal(bytes, start, end);
      this.broken = `a reply to id ${reader.id}, which is not in flight`;
      return;
    }
    const sentMs = this.#sentMs[slot] as number;
    if (reader.ok) {
      this.#window?.answered(this.#chunkMs, sentMs, sentMs <= this.#fullAtMs ? 1 : 0);
      this.#recorder.success(this.#chunkMs, intendedMs, sentMs);
    } else this.#refused(bytes, start, end, sentMs);
    this.#intendedMs[slot] = Pipe.#IDLE;
    this.#free[this.#freeCount++] = slot;
  }
}
